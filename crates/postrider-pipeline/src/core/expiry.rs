//! Who has waited for too long for a site that takes nothing.
//!
//! A delivery is given up at the give-up age, counted from its first attempt; that is looked at when
//! its chunk comes into the hand. But while a site rests, is suspended or cannot be reached, nobody
//! is charged, and a delivery may never have an attempt to count from. Such a one is as old as the wait
//! is long: counted from the start of its campaign, or from when its site began to take nothing,
//! whichever is later. So one minute of rest does not expire the end of a list that was sent
//! slowly for days, and a site that never takes anything again does not keep a campaign open for ever.
//!
//! How long a site has taken nothing is known as far back as this process goes.
//!
//! It is looked at where somebody would wait for such a site: a chunk at a time, as each comes into
//! the hand. A lane of which a whole chunk has expired is not held back, so the next one follows.

use std::time::Duration;

use postrider_types::{ChunkRecipient, Outcome, Timestamp};

use super::Core;
use super::hands::StrandId;
use super::pools::{PoolId, WayId};

/// What is said of who is given up.
pub(super) const TOO_OLD: &str = "older than the give-up age";

/// From when the age of a delivery counts; `None` when it is not to be given up.
pub(super) fn counted_from(
    recipient: &ChunkRecipient,
    started_at: Timestamp,
    barren_since: Option<Timestamp>,
) -> Option<Timestamp> {
    let never_tried = barren_since.map(|since| since.max(started_at));
    recipient.first_attempt_at.or(never_tried)
}

/// Whether who is as old as that is given up.
pub(super) fn is_too_old(
    counted_from: Option<Timestamp>,
    give_up_after: Duration,
    now: Timestamp,
) -> bool {
    counted_from.is_some_and(|from| now.since(from) >= give_up_after)
}

impl Core {
    /// Ends those of a strand who are too old to wait for its site; says whether anybody is left.
    pub(super) fn expire_strand(&mut self, strand: StrandId, pool: PoolId, now: Timestamp) -> bool {
        let barren_since = self.lines.pools.pool(pool).barren_since();
        let give_up_after = self.settings.backoff.give_up_after;
        let Some(hand) = self.hands.get_mut(&strand.hand) else {
            return false;
        };
        let started_at = hand.chunk.started_at;
        let old = hand.take_from(strand.strand, |recipient| {
            let from = counted_from(recipient, started_at, barren_since);
            is_too_old(from, give_up_after, now)
        });
        let is_left = hand.front(strand.strand).is_some();
        if !old.is_empty() {
            // Fewer are left, so the lane's next chunk may be wanted.
            self.asked.may_claim(now);
        }
        for index in old {
            self.record_without_attempt(strand.hand, index, Outcome::Expired, TOO_OLD, now);
        }
        is_left
    }

    /// The same for all who stand in the line of a way.
    pub(super) fn expire_line(&mut self, way: WayId, pool: PoolId, now: Timestamp) {
        let strands: Vec<_> = self.lines.pools.line(way).copied().collect();
        for strand in strands {
            self.expire_strand(strand, pool, now);
        }
    }

    /// Whether a delivery whose site has just asked for a rest is too old to wait for it.
    pub(super) fn is_given_up(
        &self,
        strand: StrandId,
        index: usize,
        pool: PoolId,
        now: Timestamp,
    ) -> bool {
        let Some(hand) = self.hands.get(&strand.hand) else {
            return false;
        };
        let barren_since = self.lines.pools.pool(pool).barren_since();
        let recipient = &hand.chunk.recipients[index];
        let from = counted_from(recipient, hand.chunk.started_at, barren_since);
        is_too_old(from, self.settings.backoff.give_up_after, now)
    }
}
