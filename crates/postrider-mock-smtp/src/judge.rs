//! The judge: what the client did, held against what it was to do, and against what it says.
//!
//! There is one, fed line by line: by the server while it runs, and by the log of a server that is
//! gone. Both end in the same verdict, because both see the same lines and nothing else. It knows
//! nothing of the client's code; it decides by what arrived.
//!
//! **It must be able to fail**: every rule below has a test with a client that breaks it alone.
//!
//! | The verdict fails when | because |
//! |---|---|
//! | a (Message-ID, recipient) or (campaign, recipient) was accepted twice | somebody got it twice |
//! | what was expected was not accepted and nothing excuses it | it is lost |
//! | what was not expected was accepted | somebody got what was not theirs |
//! | a receipt says delivered without an accept, or another end with one | the client says what is not so |
//! | a window of 1, 10 or 60 s held more MAIL commands than rate × (width + jitter) + burst | the limit was exceeded |
//! | there were more connections at a provider, or messages on one of them, than its cap | likewise |
//! | a fault was recorded, but for `no_quit` | the protocol was broken |
//! | a content hash is not the expected one | the message was changed on its way |
//! | something found no room in a table | the judge cannot vouch for the rest |
//!
//! What a client was told to do about replies that do not arrive is part of the profile: with `retry`
//! one more copy for each of them is no repetition, with `assume_delivered` a receipt of theirs may
//! say delivered (`replies`).
//!
//! *Jitter* is the spread of path delay that the mock measures: it asks to be woken every 5 ms, and
//! the latest that it ever was, at most 20 ms, is how much later than they arrived it may have read
//! MAIL commands too.

pub(crate) mod lateness;

mod deliveries;
mod faults;
mod fingerprint;
mod limits;
mod places;
mod reasons;
mod replies;
pub(crate) mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use deliveries::as_logged;

use crate::bounds::{JITTER_MAX, LIMITS_LISTED_MAX};
use crate::control::wire::{Expectation, Receipt};
use crate::error::MockError;
use crate::judge::deliveries::Deliveries;
use crate::judge::faults::Faults;
use crate::judge::fingerprint::Fingerprint;
use crate::judge::limits::Limits;
use crate::judge::places::Places;
use crate::judge::replies::Replies;
use crate::judge::verdict::{Bodies, Ruling, Unanswered, Verdict};
use crate::log::{Accept, Line};
use crate::profile::Profile;
use crate::tally::{Record, Tally};
use crate::world::plan::Plan;

/// All that a verdict is made of.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    deliveries: Deliveries,
    replies: Replies,
    limits: Limits,
    places: Places,
    faults: Faults,
    late_us: u64,
}

impl Judge {
    /// One accept; answers whether this campaign had been accepted for this recipient before.
    pub(crate) fn see_accept(&mut self, accept: &Accept) -> bool {
        let (campaign, recipient) = (accept.campaign.as_deref(), &accept.recipient);
        let content = Fingerprint::of(&accept.content_hash);
        self.deliveries.accept(campaign, recipient, content)
    }

    /// Anything else that was recorded.
    pub(crate) fn see(&mut self, record: &Record) {
        match record {
            Record::Mail(mail) => self.limits.see(mail),
            Record::Open(open) => self.places.open(open),
            Record::Close(close) => self.places.close(close),
            Record::Refuse(refuse) if refuse.code >= 500 => {
                self.deliveries.refuse(&refuse.recipient);
            }
            Record::Unanswered(line) => self.replies.see(line),
            Record::Fault(fault) => self.faults.see(fault),
            Record::Lateness(lateness) => self.late_us = self.late_us.max(lateness.late_us),
            Record::Reset(_) => self.reset(),
            Record::Profile(served) => {
                if let Ok(profile) = Profile::from_toml(&served.toml) {
                    self.replies.policy = profile.in_doubt;
                    self.limits.serve(Plan::new(profile));
                }
            }
            Record::Accept(_) | Record::Refuse(_) | Record::Count(..) | Record::BareLineEnds(_) => {
            }
        }
    }

    /// A delivery is to arrive.
    ///
    /// # Errors
    /// [`MockError`] when the content hash is none, or there is no room for more.
    pub(crate) fn expect(&mut self, expectation: &Expectation) -> Result<(), MockError> {
        let Expectation {
            campaign,
            recipient,
            content_hash,
        } = expectation;
        let content = content_hash.as_deref().map(|hash| {
            Fingerprint::of(hash).ok_or_else(|| MockError::Value {
                text: hash.to_owned(),
                expected: "a content hash of 16 hexadecimal digits",
            })
        });
        let content = content.transpose()?;
        room(self.deliveries.expect(campaign, recipient, content))
    }

    /// The client says how a delivery stands.
    ///
    /// # Errors
    /// [`MockError`] when there is no room for more.
    pub(crate) fn hold(&mut self, receipt: &Receipt) -> Result<(), MockError> {
        let Receipt {
            campaign,
            recipient,
            state,
        } = receipt;
        room(self.deliveries.hold(campaign, recipient, *state))
    }

    pub(crate) fn expected(&self) -> u64 {
        self.deliveries.counts().expected
    }

    pub(crate) fn receipts(&self) -> u64 {
        self.deliveries.counts().receipts
    }

    pub(crate) fn recipients(&self) -> u64 {
        self.deliveries.recipients
    }

    pub(crate) fn duplicates_by_campaign(&self) -> u64 {
        self.deliveries.duplicates
    }

    /// How often a recipient was accepted; its domain in any case.
    pub(crate) fn accepted_of(&self, recipient: &str) -> u32 {
        self.deliveries.accepted_of(recipient)
    }

    /// The latest that the mock was with its own reading, in microseconds.
    pub(crate) fn late_us(&self) -> u64 {
        self.late_us
    }

    /// What found no room.
    pub(crate) fn untracked(&self) -> u64 {
        let replies = self.replies.untracked;
        self.deliveries.untracked + self.limits.untracked + self.places.untracked + replies
    }

    /// The verdict now; the tally has what is counted without a judge.
    pub(crate) fn verdict(&self, tally: &Tally) -> Verdict {
        let counts = self.deliveries.counts();
        let profile = self.limits.plan().map(|plan| &plan.profile);
        let mut verdict = Verdict {
            verdict: Ruling::Pass,
            reasons: Vec::new(),
            expected: counts.expected,
            receipts: counts.receipts,
            open_receipts: counts.open_receipts,
            accepted: tally.accepted,
            recipients: self.deliveries.recipients,
            duplicates: tally.duplicates,
            duplicates_by_campaign: self.deliveries.duplicates,
            lost: self.deliveries.lost(),
            unexpected: if counts.expected > 0 {
                counts.strangers
            } else {
                0
            },
            false_receipts: counts.false_receipts,
            in_doubt: self.deliveries.in_doubt(),
            unanswered: Unanswered::default(),
            limits: self.limits.verdicts(self.jitter_us()),
            connections: self.places.connections(profile),
            messages_per_connection: self.places.messages(profile),
            faults: self.faults.counts(),
            bodies: Bodies {
                checked: counts.checked,
                corrupted: counts.corrupted,
            },
            untracked: tally.untracked,
        };
        self.replies.judge(&self.deliveries, &mut verdict);
        verdict.reasons = reasons::of(&verdict, &self.faults);
        if !verdict.reasons.is_empty() {
            verdict.verdict = Ruling::Fail;
        }
        verdict.limits.truncate(LIMITS_LISTED_MAX);
        verdict
    }

    /// What the spread of path delay may add to a window.
    fn jitter_us(&self) -> u64 {
        let most = u64::try_from(JITTER_MAX.as_micros()).unwrap_or(u64::MAX);
        self.late_us.min(most)
    }

    /// Forgets everything but the profile and the connections that are open.
    fn reset(&mut self) {
        self.deliveries = Deliveries::default();
        self.replies.reset();
        self.faults = Faults::default();
        self.limits.reset();
        self.places.reset();
        self.late_us = 0;
    }
}

fn room(is_known: bool) -> Result<(), MockError> {
    if is_known {
        Ok(())
    } else {
        Err(MockError::Full)
    }
}

impl From<Line> for Record {
    fn from(line: Line) -> Self {
        match line {
            Line::Accept(it) => Self::Accept(it),
            Line::Mail(it) => Self::Mail(it),
            Line::Open(it) => Self::Open(it),
            Line::Close(it) => Self::Close(it),
            Line::Refuse(it) => Self::Refuse(it),
            Line::Unanswered(it) => Self::Unanswered(it),
            Line::Fault(it) => Self::Fault(it),
            Line::Profile(it) => Self::Profile(it),
            Line::Lateness(it) => Self::Lateness(it),
            Line::Reset(it) => Self::Reset(it),
        }
    }
}
