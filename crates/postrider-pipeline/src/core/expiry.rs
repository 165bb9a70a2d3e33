//! Who has waited for too long for a site that takes nothing.
//!
//! A delivery is given up at the give-up age, counted from its first attempt, or from when its
//! campaign was last started or resumed, whichever is later: a pause makes nobody older, also one
//! that nobody chose. That is looked at when its chunk comes into the hand.
//!
//! But while a site rests, is suspended or cannot be reached, nobody is charged, and a delivery may
//! never have an attempt to count from. Such a one is as old as the wait is long: counted from when
//! its site began to take nothing, or from when its campaign was last started or resumed, whichever
//! is later. So one minute of rest does not expire the end of a list that was sent slowly for days,
//! and a site that never takes anything again does not keep a campaign open for ever.
//!
//! How long a site has taken nothing is known as far back as this process goes.
//!
//! It is looked at where somebody would wait for such a site: a chunk at a time, as each comes into
//! the hand. A lane of which a whole chunk has expired is not held back, so the next one follows.

use std::sync::Arc;
use std::time::Duration;

use postrider_types::reply::Reply;
use postrider_types::{ChunkRecipient, LeaseToken, Outcome, Timestamp};

use super::Core;
use super::hands::StrandId;
use super::pools::{PoolId, WayId};

/// From when the age of a delivery counts; `None` when it is not to be given up. `running_since` is
/// its campaign's, `barren_since` that of a site for which it would wait.
pub(super) fn counted_from(
    recipient: &ChunkRecipient,
    running_since: Timestamp,
    barren_since: Option<Timestamp>,
) -> Option<Timestamp> {
    let from = recipient.first_attempt_at.or(barren_since);
    from.map(|from| from.max(running_since))
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
        let pool = self.lines.pools.pool(pool);
        let barren_since = pool.barren_since();
        let trouble = pool.trouble().map(|(trouble, _)| Arc::clone(trouble));
        let give_up_after = self.settings.backoff.give_up_after;
        let Some(hand) = self.hands.get_mut(&strand.hand) else {
            return false;
        };
        let running_since = hand.chunk.running_since;
        let old = hand.take_from(strand.strand, |recipient| {
            let from = counted_from(recipient, running_since, barren_since);
            is_too_old(from, give_up_after, now)
        });
        let is_left = hand.front(strand.strand).is_some();
        if !old.is_empty() {
            // Fewer are left, so the lane's next chunk may be wanted.
            self.asked.may_claim(now);
        }
        for index in old {
            let why = trouble
                .as_deref()
                .map(|trouble| Reply::new(0, None, trouble));
            self.expire(strand.hand, index, why, now);
        }
        is_left
    }

    /// Ends a delivery that is too old, without an attempt. Its receipt tells what was said last:
    /// that is `reply`, or without one what the receipt has.
    pub(super) fn expire(
        &mut self,
        token: LeaseToken,
        index: usize,
        reply: Option<Reply>,
        now: Timestamp,
    ) {
        let Some(hand) = self.hands.get(&token) else {
            return;
        };
        let attempts = hand.chunk.recipients[index].attempts;
        self.record(token, index, attempts, Outcome::Expired, reply, now);
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
        let from = counted_from(recipient, hand.chunk.running_since, barren_since);
        is_too_old(from, self.settings.backoff.give_up_after, now)
    }
}
