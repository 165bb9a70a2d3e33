//! Claims: when there may be a chunk to be had, and from which lanes none is wanted.

use std::collections::BTreeMap;

use postrider_store::Request;
use postrider_types::{LaneName, Timestamp};

use super::Purpose;
use crate::bounds::{HANDS_PER_LANE_MAX, PREFETCH_BELOW};
use crate::core::Core;

impl Core {
    /// Asks for the next chunk when one may be had and there is a place for it.
    pub(in crate::core) fn claim(&mut self, now: Timestamp) {
        if !self.asked.is_claim_due(now) || !self.may_hold_more(now) {
            return;
        }
        self.asked.is_claiming = true;
        self.asked.claim_at = None;
        let claim = self.asked.last + 1;
        let until = now.plus(self.settings.lease.time);
        let skip = self.lanes_with_enough();
        let request = Request::Claim {
            claim,
            worker: self.worker,
            skip,
            share: self.settings.lease.share,
            until,
        };
        self.ask(Purpose::Claim, request, false);
    }

    /// When the next claim is to be made, if one can be made at all.
    pub(in crate::core) fn next_claim_at(&self) -> Option<Timestamp> {
        let is_possible = self.hands.len() < self.settings.lease.chunks_max
            && !self.asked.is_claiming
            && !self.is_draining
            && self.asked.trouble.is_none();
        let at = self.asked.claim_at.filter(|_| is_possible)?;
        let at = self.asked.no_claim_until.map_or(at, |until| at.max(until));
        Some(at.max(self.all_shut_until()))
    }

    /// Until when nothing can leave; the beginning of time when something can.
    pub(in crate::core) fn all_shut_until(&self) -> Timestamp {
        let give_up_after = self.settings.backoff.give_up_after;
        let is_standing = |pool| self.connections.of_pool(pool).is_standing();
        self.lines.pools.all_shut_until(give_up_after, is_standing)
    }

    fn may_hold_more(&self, now: Timestamp) -> bool {
        self.next_claim_at().is_some_and(|at| at <= now)
    }

    /// Lanes of which enough is in hand. A chunk whose last messages are under way is not counted,
    /// so that a slow one holds up nobody; but the chunks of one lane never take every place.
    fn lanes_with_enough(&self) -> Vec<LaneName> {
        let places = (self.settings.lease.chunks_max / 2).max(HANDS_PER_LANE_MAX);
        let mut held: BTreeMap<&LaneName, (usize, usize, usize)> = BTreeMap::new();
        for hand in self.hands.values() {
            let (all, unsent, left) = held.entry(&hand.chunk.lane).or_default();
            *all += 1;
            *unsent += usize::from(hand.left() > 0);
            *left += hand.left();
        }
        let is_enough = |all, unsent, left| {
            all >= places || unsent >= HANDS_PER_LANE_MAX || left >= PREFETCH_BELOW
        };
        held.into_iter()
            .filter(|&(_, (all, unsent, left))| is_enough(all, unsent, left))
            .map(|(lane, _)| lane.clone())
            .collect()
    }
}
