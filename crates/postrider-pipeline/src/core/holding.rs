//! The body of a chunk in hand: it is there, it waits for room, or it cannot be used.
//!
//! What cannot be used says nothing of its recipients, so nobody fails for it: the email is
//! quarantined, its campaigns are paused, and a person looks. What finds no room in memory goes
//! back as it is and comes again in a moment, while others are sent; claims pause for less than
//! that, so that a queue full of such chunks is not gone through at full speed.

use postrider_store::Request;
use postrider_store::quarantine::Subject;
use postrider_types::{EmailId, LeaseToken, TenantId, Timestamp};

use super::Core;
use super::asking::Purpose;
use super::event::BodyTrouble;
use super::hands::{Hand, Stage, StrandId};
use crate::bounds::{ROOM_CLAIM_PAUSE, ROOM_RETRY_AFTER, STORE_RETRY_AFTER};
use crate::report;

impl Core {
    pub(super) fn handle_held(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        held: Result<(), BodyTrouble>,
        now: Timestamp,
    ) {
        let is_of_it = |hand: &&Hand| (hand.chunk.tenant, hand.chunk.email) == (tenant, email);
        let is_waiting = |hand: &&Hand| hand.stage == Stage::Loading && is_of_it(hand);
        let waiting = self.hands.values().filter(is_waiting);
        let tokens: Vec<_> = waiting.map(Hand::token).collect();
        match held {
            Ok(()) => tokens.into_iter().for_each(|token| self.start_hand(token)),
            Err(BodyTrouble::Unusable(reason)) => {
                for token in tokens {
                    self.quarantine_email(token, &reason);
                }
            }
            Err(BodyTrouble::NoRoom) => {
                self.asked.no_claim_before(now.plus(ROOM_CLAIM_PAUSE));
                for token in tokens {
                    self.wait_for_room(token, now);
                }
            }
            Err(BodyTrouble::Store(error)) => {
                self.asked.failed(report::chain(&error), None, now);
                // What was claimed for it goes back, and is not claimed at once.
                self.asked.no_claim_before(now.plus(STORE_RETRY_AFTER));
                for token in tokens {
                    self.hands.get_mut(&token).into_iter().for_each(Hand::stop);
                }
            }
        }
    }

    /// The body is there: everyone left stands in line.
    fn start_hand(&mut self, token: LeaseToken) {
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        hand.stage = Stage::Working;
        for (number, strand) in hand.strands.iter().enumerate() {
            if strand.left() > 0 {
                self.lines.line_up(
                    StrandId {
                        hand: token,
                        strand: number,
                    },
                    &strand.domain,
                );
            }
        }
    }

    /// The lease ends when the store has put the email aside, and with it who is left.
    fn quarantine_email(&mut self, token: LeaseToken, reason: &str) {
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        hand.stop();
        hand.unrecorded += 1;
        let quarantine = Request::Quarantine {
            token,
            what: Subject::Email,
            reason: reason.to_owned(),
        };
        self.ask(Purpose::Quarantine(token), quarantine, true);
    }

    /// All wait for the same instant, so that the store queues the chunk again as it is.
    fn wait_for_room(&mut self, token: LeaseToken, now: Timestamp) {
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        let lane = hand.chunk.lane.clone();
        for index in hand.take_out(|_| true) {
            hand.leave(index, lane.clone(), now.plus(ROOM_RETRY_AFTER));
        }
        hand.stop();
    }
}
