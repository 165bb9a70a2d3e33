//! Messages whose end was read and whose reply did not arrive: nobody but the mock knows what
//! became of them.
//!
//! There are few, so they are kept beside the deliveries and not in them. What a client may make of
//! them depends on what it was told ([`DoubtPolicy`]): to hold them in doubt, to send each once
//! more, or to count them as delivered. The judge forgives exactly that, and counts the rest, so
//! that whoever knows more (how often the client was killed) can judge by it.

use std::collections::HashMap;

use crate::bounds::LEDGER_KEYS_MAX;
use crate::chance::key;
use crate::control::wire::State;
use crate::judge::deliveries::{Deliveries, as_logged};
use crate::judge::verdict::{Unanswered, Verdict};
use crate::log;
use crate::profile::DoubtPolicy;

/// All deliveries with such a message, by the key of the delivery.
#[derive(Debug, Default)]
pub(super) struct Replies {
    missing: HashMap<u128, Missing>,
    /// What the client was told.
    pub(super) policy: DoubtPolicy,
    /// What found no room.
    pub(super) untracked: u64,
}

/// What is known of one delivery; 255 stands for that and more.
#[derive(Debug, Clone, Copy, Default)]
struct Missing {
    /// Messages whose end was read, without a whole reply.
    ends: u8,
    /// Those of them that were accepted.
    accepts: u8,
    /// The client may or may not have known better.
    is_cut: bool,
}

impl Replies {
    /// The reply to a message did not arrive, or may not have.
    pub(super) fn see(&mut self, line: &log::Unanswered) {
        let campaign = line.campaign.as_deref().unwrap_or_default();
        let key = key(&as_logged(&line.recipient), campaign);
        if self.missing.len() >= LEDGER_KEYS_MAX && !self.missing.contains_key(&key) {
            self.untracked += 1;
            return;
        }
        let missing = self.missing.entry(key).or_default();
        if line.is_doubtless {
            missing.ends = missing.ends.saturating_add(1);
            missing.accepts = missing.accepts.saturating_add(u8::from(line.is_accepted));
        } else {
            missing.is_cut = true;
        }
    }

    /// Forgets all but the policy.
    pub(super) fn reset(&mut self) {
        self.missing.clear();
        self.untracked = 0;
    }

    /// Puts into the verdict what became of them, and takes out of it what the policy forgives.
    pub(super) fn judge(&self, deliveries: &Deliveries, verdict: &mut Verdict) {
        let mut found = Unanswered::default();
        let (mut copies, mut assumed) = (0, 0);
        for (key, missing) in &self.missing {
            let Some((accepts, state)) = deliveries.look(*key) else {
                continue;
            };
            assumed += u64::from(accepts == 0 && state == Some(State::Delivered));
            if missing.ends == 0 {
                continue;
            }
            copies += u64::from(accepts.saturating_sub(1).min(missing.ends));
            found.deliveries += 1;
            found.in_doubt += u64::from(state == Some(State::InDoubt));
            found.sent_again += u64::from(accepts > missing.accepts || missing.ends > 1);
        }
        found.cut = self.missing.values().filter(|it| it.is_cut).count() as u64;
        found.doubts_without = self.doubts_without(verdict);
        match self.policy {
            DoubtPolicy::Hold => {}
            DoubtPolicy::Retry => {
                // Only a copy under the same Message-ID is the same message.
                found.copies = copies
                    .min(verdict.duplicates)
                    .min(verdict.duplicates_by_campaign);
                verdict.duplicates -= found.copies;
                verdict.duplicates_by_campaign -= found.copies;
            }
            DoubtPolicy::AssumeDelivered => {
                // Of a message that was cut only the recipient is known.
                let cut = found
                    .cut
                    .min(verdict.false_receipts.saturating_sub(assumed));
                found.assumed = assumed + cut;
                verdict.false_receipts = verdict.false_receipts.saturating_sub(found.assumed);
                verdict.lost = verdict.lost.saturating_sub(found.assumed);
            }
        }
        verdict.unanswered = found;
    }

    /// Those that the client holds in doubt although the mock replied, as far as it knows.
    fn doubts_without(&self, verdict: &Verdict) -> u64 {
        let held = verdict.in_doubt.listed.iter().filter(|doubt| {
            let of = |campaign| {
                self.missing
                    .get(&key(&as_logged(&doubt.recipient), campaign))
            };
            of(&doubt.campaign).or_else(|| of("")).is_none()
        });
        held.count() as u64
    }
}
