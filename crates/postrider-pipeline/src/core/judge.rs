//! What the end of a transaction means for the delivery: the policy, as one function.
//!
//! - 2xx to the dot: delivered. A definite 5xx of the server: bounced. A definite 4xx: deferred.
//! - A refusal of our own that no retry helps (an address that the server cannot take, a message
//!   over its size limit): failed, with our reason.
//! - Lost before the dot: the server must discard it, so it may go again at once, on another
//!   connection and uncharged; but only once in a hand. Whoever loses the second connection is
//!   deferred as unreachable, so that a server that always hangs up is not asked for ever.
//! - Found lost at the gate, after the begin: pending again, a moment later, and not charged.
//! - Lost after the first octet of the terminator: in doubt. Never again by itself.
//! - The message cannot be built: failed.

use postrider_smtp::Trouble;
use postrider_types::reply::Reply;
use postrider_types::{Backoff, ChunkRecipient, Outcome, Severity, Timestamp};

use super::event::End;
use crate::bounds::{DUE_BUCKET_MIN, LOSSES_MAX};
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
}

/// Whether an outcome counts as an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It does.
    Made,
    /// It does not: nothing was written.
    None,
}

/// Judges the end of a transaction that was not abandoned; `chance` is in `0.0..1.0`.
pub(super) fn judge(
    end: End,
    recipient: &ChunkRecipient,
    losses: u8,
    backoff: &Backoff,
    chance: f64,
    now: Timestamp,
) -> Judgement {
    match end {
        End::Accepted(reply) => made(Outcome::Delivered, reply),
        End::InDoubt(trouble) => made(Outcome::InDoubt, as_reply(&trouble)),
        End::Unbuildable(reason) => {
            let reply = Reply::new(0, None, &reason);
            Judgement::Record(Outcome::Failed, Some(reply), Attempt::None)
        }
        End::Refused(trouble) => {
            let is_answered = trouble.reply().is_some();
            match trouble.severity() {
                Severity::Permanent if trouble.is_local() => {
                    Judgement::Record(Outcome::Failed, Some(as_reply(&trouble)), Attempt::None)
                }
                Severity::Permanent => made(Outcome::Bounced, as_reply(&trouble)),
                _ if trouble.is_neutral() => Judgement::Again { is_loss: false },
                Severity::Transient if !is_answered && losses < LOSSES_MAX => {
                    Judgement::Again { is_loss: true }
                }
                Severity::Transient => {
                    let next_attempt_at = next_attempt_at(recipient, backoff, chance, now);
                    made(Outcome::Deferred { next_attempt_at }, as_reply(&trouble))
                }
            }
        }
        End::Unsent(trouble) => made(Outcome::Returned, as_reply(&trouble)),
        End::Abandoned => Judgement::Again { is_loss: false },
    }
}

const fn made(outcome: Outcome, reply: Reply) -> Judgement {
    Judgement::Record(outcome, Some(reply), Attempt::Made)
}

/// The server's reply, or what happened instead, in our words with code 0.
fn as_reply(trouble: &Trouble) -> Reply {
    let ours = || Reply::new(0, None, &report::chain(trouble));
    trouble.reply().cloned().unwrap_or_else(ours)
}

/// When to try again: after a growing delay, at the end of a bucket, so that those who wait about
/// as long are filed together.
fn next_attempt_at(
    recipient: &ChunkRecipient,
    backoff: &Backoff,
    chance: f64,
    now: Timestamp,
) -> Timestamp {
    let delay = backoff.delay(recipient.attempts.saturating_add(1), chance);
    end_of_bucket(now.plus(delay), now)
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
