//! What must hold after every event: nothing leaks, and whenever something is due and could leave,
//! something is under way that will come back for it.

use postrider_types::Timestamp;

use crate::core::Core;
use crate::core::hands::{Stage, StrandId};

impl Core {
    /// Counts everything anew and compares.
    pub(super) fn audit(&self, now: Timestamp) {
        let carried = self.connections.carried();
        self.connections.audit();
        self.lines.pools.audit(&carried);
        self.lines.audit(&carried);
        for (token, hand) in &self.hands {
            let own = carried.of_hand.get(token).copied().unwrap_or(0);
            assert_eq!(hand.in_flight, own, "messages of {token:?}");
            let left: usize = hand.strands.iter().map(|strand| strand.left()).sum();
            assert_eq!(hand.left(), left, "recipients left in {token:?}");
        }
        if !self.is_draining && self.asked.trouble().is_none() {
            self.audit_progress(now);
        }
    }

    /// Nobody is forgotten.
    fn audit_progress(&self, now: Timestamp) {
        for (token, hand) in &self.hands {
            if hand.stage != Stage::Working {
                continue;
            }
            for strand in 0..hand.strands.len() {
                let id = StrandId {
                    hand: *token,
                    strand,
                };
                let is_left = hand.front(strand).is_some();
                assert!(
                    !is_left || self.lines.is_placed(id),
                    "{id:?} stands nowhere"
                );
            }
            assert!(
                !hand.is_done(),
                "{token:?} is done, and its lease is not ended"
            );
        }
        assert!(self.lines.is_awake(now), "somebody's instant has passed");
        let is_alive = |id: &StrandId| self.is_alive(*id);
        let is_claiming = self.asked.is_claim_open(now);
        let carried = self.connections.carried();
        let pools = &self.lines.pools;
        pools.audit_lines(&self.connections, &carried, is_claiming, is_alive);
        if self.lines.sharing().iter().any(is_alive) {
            let is_woken = !self.connections.is_empty() || is_claiming;
            assert!(
                is_woken,
                "somebody waits for a share, and nobody gives one up"
            );
        }
    }

    fn is_alive(&self, id: StrandId) -> bool {
        let hand = self.hands.get(&id.hand);
        hand.is_some_and(|hand| hand.stage == Stage::Working && hand.front(id.strand).is_some())
    }
}
