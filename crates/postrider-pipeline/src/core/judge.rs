//! What the end of a transaction means for the delivery: the policy, as one function.
//!
//! What a refusal means is said by the table of classifications (`postrider_smtp::classify`), which
//! knows the words of receivers. Here it becomes an outcome:
//!
//! - *Delivered*, *bounced*: recorded. A bounce that suppresses the address says so in its reply.
//! - *Deferred*: after a growing delay, and no earlier than the table asks (an hour at least, where
//!   it is this recipient who gets too much).
//! - *Deferred because the site must rest, or the route is suspended*: the delivery waits until the
//!   rest is over, and no attempt is charged. As long as the site does not rest, because one reply
//!   is not enough to suspend a route, it is deferred like any other.
//! - *Neutral*: it goes again at once, on another connection. Where a reply says so, that counts as
//!   a loss, so that a server that always says so is not asked for ever. One that takes its leave
//!   behind a message that it accepted may do so more often: each time it has taken something.
//! - *Failed*: a refusal of our own that no retry helps (an address that the server cannot take, a
//!   message over its size limit), with our reason.
//! - *In doubt*: lost after the first octet of the terminator. Never again by itself.
//!
//! And what is no refusal:
//!
//! - Lost before the dot: the server must discard it, so it may go again at once, on another
//!   connection and uncharged; but only once in a hand. Whoever loses the second connection is
//!   deferred as unreachable, so that a server that always hangs up is not asked for ever.
//! - Found lost at the gate, after the begin: pending again, a moment later, and not charged.
//! - The message cannot be built: failed.

use std::time::Duration;

use postrider_smtp::classify::{Action, Class, Classification, RuleName};
use postrider_smtp::{Cause, Trouble};
use postrider_types::bounds::REPLY_TEXT_BYTES_MAX;
use postrider_types::reply::Reply;
use postrider_types::{Backoff, ChunkRecipient, Outcome, Timestamp};

use super::event::End;
use crate::bounds::{DUE_BUCKET_MIN, LEAVES_MAX, LOSSES_MAX};
use crate::report;

/// What to do about a delivery whose transaction is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Judgement {
    /// Record this outcome; an attempt was made, or none was.
    Record(Outcome, Option<Reply>, Attempt),
    /// Send it again from the same hand, uncharged; says whether the loss counts.
    Again {
        /// False when the session had ended before the message had anything to do with it.
        is_loss: bool,
    },
    /// It waits until then, uncharged; this is what the server said.
    Wait(Timestamp, Reply),
}

/// Whether an outcome counts as an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It does.
    Made,
    /// It does not: nothing was written.
    None,
}

/// What is known of a delivery and of its way when its transaction ends.
#[derive(Debug)]
pub(super) struct Circumstances<'a> {
    /// What a refusal means; `None` where nothing was refused.
    pub(super) classification: Option<Classification>,
    /// Until when the site rests because of it.
    pub(super) rests_until: Option<Timestamp>,
    /// Whose delivery it is.
    pub(super) recipient: &'a ChunkRecipient,
    /// How often it lost a connection in this hand.
    pub(super) losses: u8,
    /// How long who is deferred waits.
    pub(super) backoff: &'a Backoff,
    /// In `0.0..1.0`.
    pub(super) chance: f64,
}

/// Judges the end of a transaction that was not abandoned.
pub(super) fn judge(end: End, circumstances: &Circumstances<'_>, now: Timestamp) -> Judgement {
    match end {
        End::Accepted(reply) => made(Outcome::Delivered, reply),
        End::InDoubt(trouble) => made(Outcome::InDoubt, report::reply(&trouble)),
        End::Unbuildable(reason) => {
            let reply = Reply::new(0, None, &reason);
            Judgement::Record(Outcome::Failed, Some(reply), Attempt::None)
        }
        End::Refused(trouble) => circumstances.judge_refusal(&trouble, now),
        End::Unsent(trouble) => made(Outcome::Returned, report::reply(&trouble)),
        End::Abandoned => Judgement::Again { is_loss: false },
    }
}

impl Circumstances<'_> {
    fn judge_refusal(&self, trouble: &Trouble, now: Timestamp) -> Judgement {
        let reply = report::reply(trouble);
        let Some(classification) = &self.classification else {
            debug_assert!(false, "every refusal is classified");
            return self.defer(Duration::ZERO, reply, now);
        };
        let is_leave = matches!(trouble.cause(), Some(Cause::Leave));
        let losses_max = if is_leave { LEAVES_MAX } else { LOSSES_MAX };
        let may_lose = self.losses < losses_max;
        let least = classification.retry_after.unwrap_or_default();
        match (classification.class, classification.action) {
            (Class::Failed, _) => Judgement::Record(Outcome::Failed, Some(reply), Attempt::None),
            (Class::Bounced, Some(Action::Suppress)) => {
                made(Outcome::Bounced, suppressed(reply, &classification.rule))
            }
            (Class::Bounced, _) => made(Outcome::Bounced, reply),
            (Class::Neutral, _) if trouble.is_neutral() => Judgement::Again { is_loss: false },
            (Class::Neutral, _) if may_lose => Judgement::Again { is_loss: true },
            (Class::Deferred, None) if trouble.reply().is_none() && may_lose => {
                Judgement::Again { is_loss: true }
            }
            (Class::Deferred, Some(Action::ThrottleSite | Action::SuspendRoute)) => {
                match self.rests_until {
                    Some(until) => Judgement::Wait(end_of_bucket(until, now), reply),
                    None => self.defer(Duration::ZERO, reply, now),
                }
            }
            (Class::Deferred | Class::Neutral, _) => self.defer(least, reply, now),
            (Class::InDoubt, _) => made(Outcome::InDoubt, reply),
        }
    }

    /// Deferred for a growing delay, and at least for `least`.
    fn defer(&self, least: Duration, reply: Reply, now: Timestamp) -> Judgement {
        let attempts = self.recipient.attempts.saturating_add(1);
        let delay = self.backoff.delay(attempts, self.chance).max(least);
        let next_attempt_at = end_of_bucket(now.plus(delay), now);
        made(Outcome::Deferred { next_attempt_at }, reply)
    }
}

const fn made(outcome: Outcome, reply: Reply) -> Judgement {
    Judgement::Record(outcome, Some(reply), Attempt::Made)
}

/// The reply with our own note behind the server's words, which are cut where both do not fit.
fn suppressed(reply: Reply, rule: &RuleName) -> Reply {
    let note = format!(" [suppress: {rule}]");
    let mut end = REPLY_TEXT_BYTES_MAX.saturating_sub(note.len());
    end = reply.text.floor_char_boundary(end.min(reply.text.len()));
    let text = format!("{}{note}", &reply.text[..end]);
    Reply { text, ..reply }
}

/// The end of the bucket that `due_at` falls into; a bucket is a tenth of the wait long, and at
/// least a second. Never earlier than `due_at`.
pub(super) fn end_of_bucket(due_at: Timestamp, now: Timestamp) -> Timestamp {
    if due_at == Timestamp::NEVER {
        return due_at;
    }
    let bucket = (due_at.since(now) / 10).max(DUE_BUCKET_MIN);
    let micros = i64::try_from(bucket.as_micros()).unwrap_or(i64::MAX);
    let into = due_at.as_micros().rem_euclid(micros);
    match into {
        0 => due_at,
        into => Timestamp::from_micros(due_at.as_micros().saturating_add(micros - into)),
    }
}

#[cfg(test)]
mod tests;
