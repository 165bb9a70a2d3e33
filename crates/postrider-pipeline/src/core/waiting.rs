//! What must wait: in hand for a slice, and beyond it back in the store.

use std::sync::Arc;

use postrider_types::{LaneName, LeaseToken, Timestamp};

use super::Core;
use super::hands::{Hand, Stage, StrandId};
use super::judge::end_of_bucket;

/// Whether domains with limits of their own wait in a lane, so that none of them may hold it up.
fn is_shared(lane: &LaneName) -> bool {
    lane.is_tail() || lane.is_solo()
}

impl Core {
    /// A strand that must wait stays in hand for a slice; beyond it, it goes back to the store. As
    /// long as a message of its chunk is under way the lease cannot end, so it waits here too.
    pub(super) fn keep_waiting(
        &mut self,
        strand: StrandId,
        domain: &Arc<str>,
        until: Timestamp,
        now: Timestamp,
    ) {
        let in_flight = self
            .hands
            .get(&strand.hand)
            .map_or(0, |hand| hand.in_flight);
        let is_held_anyway = in_flight > 0 && until != Timestamp::NEVER;
        if until.since(now) <= self.settings.lease.slice || is_held_anyway {
            self.lines.wait(strand, domain, until);
        } else {
            self.send_back(strand, until, now);
        }
    }

    /// An own lane goes back as a whole, and is not claimed before `until`; from a lane that several
    /// domains share only the recipients of this domain do.
    pub(super) fn send_back(&mut self, strand: StrandId, until: Timestamp, now: Timestamp) {
        let own_lane_of = |hand: &Hand| {
            let domain = hand.strands[strand.strand].domain.parse().ok()?;
            let is_configured = self.limits.settings().domains.contains_key(&domain);
            is_configured.then(|| LaneName::own(&domain))
        };
        let Some(hand) = self.hands.get(&strand.hand) else {
            return;
        };
        let own_lane = own_lane_of(hand);
        let Some(hand) = self.hands.get_mut(&strand.hand) else {
            return;
        };
        let lane = hand.chunk.lane.clone();
        if !is_shared(&lane) {
            hand.throttle = Some((lane, until));
            hand.stop();
            self.lines.forget(strand.hand);
            return;
        }
        // A suspect stays where it is sent alone.
        let lane = own_lane.filter(|_| !lane.is_solo()).unwrap_or(lane);
        let due_at = end_of_bucket(until, now);
        for index in hand.take_strand(strand.strand) {
            hand.leave(index, lane.clone(), due_at);
        }
        // Fewer are left, so the lane's next chunk may be wanted.
        self.asked.may_claim(now);
    }

    /// When every place for a chunk is taken and all of them only wait, the one that waits
    /// longest makes room for a lane that may have something to send now.
    pub(super) fn make_room(&mut self, now: Timestamp) {
        let is_full = self.hands.len() >= self.settings.lease.chunks_max;
        let is_starved = self.lines.pools.is_empty() && self.asked.is_claim_due(now);
        if !is_full || !is_starved || self.is_draining {
            return;
        }
        let Some((until, strand)) = self.lines.last_to_wake() else {
            return;
        };
        let first = self.lines.first_to_wake(strand.hand);
        if let Some(hand) = self.hands.get_mut(&strand.hand)
            && hand.stage == Stage::Working
        {
            let lane = hand.chunk.lane.clone();
            if is_shared(&lane) {
                // Due at once, it would come back at once, and nothing could be sent of it.
                for index in hand.take_out(|_| true) {
                    hand.leave(index, lane.clone(), first.unwrap_or(until));
                }
            } else {
                hand.throttle = Some((lane, until));
            }
            hand.stop();
            self.lines.forget(strand.hand);
        }
    }

    /// With its last message under way ended, a chunk is held for no longer than a slice.
    pub(super) fn stop_waiting(&mut self, token: LeaseToken, now: Timestamp) {
        let is_idle = |hand: &Hand| hand.stage == Stage::Working && hand.in_flight == 0;
        if !self.hands.get(&token).is_some_and(is_idle) {
            return;
        }
        let after = now.plus(self.settings.lease.slice);
        for (strand, domain, until) in self.lines.take_waiting(token, after) {
            self.keep_waiting(strand, &domain, until, now);
        }
    }
}
