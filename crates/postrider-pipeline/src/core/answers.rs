//! Answers of the store.

use postrider_store::{Claimed, Refused, Reply as StoreReply, Request, StoreError};
use postrider_types::{CampaignId, DeliveryId, LeaseToken, Timestamp};

use super::Core;
use super::asking::Purpose;
use super::connections::{Afterwards, Progress};
use super::event::{ConnectionId, Effect, RequestId};
use super::expiry::{counted_from, is_too_old};
use super::hands::Hand;
use crate::bounds::{DAMAGED_RETRY_AFTER, LEASE_MARGIN};
use crate::report;

impl Core {
    pub(super) fn handle_answer(
        &mut self,
        request: RequestId,
        answer: Result<StoreReply, StoreError>,
        now: Timestamp,
    ) {
        let Some((purpose, kept)) = self.asked.answered(request) else {
            return;
        };
        match answer {
            Ok(reply) => {
                self.asked.recovered(now);
                if let (Some(Request::Extend { token, until }), StoreReply::Done { .. }) =
                    (&kept, &reply)
                    && let Some(hand) = self.hands.get_mut(token)
                {
                    // As it was asked, which may be long ago.
                    hand.until = hand.until.max(*until);
                }
                self.handle_reply(purpose, reply, now);
            }
            // Claims come past what cannot be read; that one meets it is the store's trouble.
            Err(error) if error.is_of_a_row() && !matches!(purpose, Purpose::Claim) => {
                self.handle_damage(purpose, now);
            }
            Err(error) => {
                let again = kept.map(|request| (purpose.clone(), request));
                self.asked.failed(report::chain(&error), again, now);
                match purpose {
                    Purpose::Claim => self.asked.claimed(Some(now)),
                    Purpose::Begin(connection, _) => self.abandon(connection, Afterwards::Again),
                    Purpose::Record(_)
                    | Purpose::Quarantine(_)
                    | Purpose::End(_)
                    | Purpose::Extend(_) => {}
                }
            }
        }
    }

    fn handle_reply(&mut self, purpose: Purpose, reply: StoreReply, now: Timestamp) {
        match (purpose, reply) {
            (Purpose::Claim, StoreReply::Claimed(chunk)) => {
                self.asked.claimed(Some(now));
                self.take_in_hand(*chunk, now);
            }
            (Purpose::Claim, StoreReply::Idle { next_at }) => {
                self.asked.claimed(next_at);
                self.lines.share_anew();
            }
            (Purpose::Claim, _) => self.asked.claimed(None),
            (Purpose::Begin(connection, delivery), reply) => {
                self.handle_begin(connection, delivery, &reply, now);
            }
            // Done or refused, there is nothing more to record.
            (Purpose::Record(token) | Purpose::Quarantine(token), _) => {
                self.handle_recorded(token, now);
            }
            // Done or refused, the lease is over, or runs out without us.
            (Purpose::End(token), _) => self.handle_ended(token, now),
            (Purpose::Extend(token), StoreReply::Done { .. }) => {
                if let Some(hand) = self.hands.get_mut(&token) {
                    hand.is_extending = false;
                }
            }
            (Purpose::Extend(token), _) => self.drop_hand(token),
        }
    }

    /// The store cannot read what a request is about, and never will: it is not asked again. Whose
    /// begin that was waits until somebody may have looked.
    fn handle_damage(&mut self, purpose: Purpose, now: Timestamp) {
        match purpose {
            Purpose::Begin(connection, _) => {
                if let Some(busy) = self.connections.front(connection)
                    && let Some(hand) = self.hands.get_mut(&busy.strand.hand)
                {
                    let lane = hand.chunk.lane.clone();
                    hand.leave(busy.index, lane, now.plus(DAMAGED_RETRY_AFTER));
                }
                self.abandon(connection, Afterwards::Forget);
            }
            Purpose::Record(token) | Purpose::Quarantine(token) => {
                self.handle_recorded(token, now);
            }
            Purpose::End(token) => self.handle_ended(token, now),
            Purpose::Extend(token) => self.drop_hand(token),
            Purpose::Claim => {}
        }
    }

    fn handle_recorded(&mut self, token: LeaseToken, now: Timestamp) {
        match self.hands.get_mut(&token) {
            Some(hand) => hand.unrecorded -= 1,
            // A late one may have filed its delivery anew.
            None => self.asked.may_claim(now),
        }
    }

    fn handle_ended(&mut self, token: LeaseToken, now: Timestamp) {
        self.drop_hand(token);
        self.asked.may_claim(now);
    }

    /// The begin is durable, or was refused. The dot follows only on the one reply that says the
    /// first, and only while the lease has time left.
    fn handle_begin(
        &mut self,
        connection: ConnectionId,
        delivery: DeliveryId,
        reply: &StoreReply,
        now: Timestamp,
    ) {
        let Some(busy) = self.connections.front(connection) else {
            return;
        };
        if busy.delivery() != delivery || busy.progress != Progress::Beginning {
            debug_assert!(false, "the answer to another message's begin");
            return;
        }
        let token = busy.strand.hand;
        match reply {
            StoreReply::Done { .. } => {
                // Of a short lease a whole second would leave nothing.
                let margin = LEASE_MARGIN.min(self.settings.lease.time / 4);
                let hand = self.hands.get(&token);
                match hand.map(|hand| hand.until.minus(margin)) {
                    Some(until) if until > now => self.let_dot_out(connection, until, now),
                    _ => self.abandon(connection, Afterwards::Return),
                }
            }
            StoreReply::Refused(Refused::LeaseOver) => {
                self.abandon(connection, Afterwards::Forget);
                self.drop_hand(token);
            }
            StoreReply::Refused(Refused::Campaign { .. } | Refused::NoCampaign) => {
                self.abandon(connection, Afterwards::Forget);
                let campaign = self.hands.get(&token).map(|hand| hand.chunk.campaign);
                campaign
                    .into_iter()
                    .for_each(|campaign| self.stop_campaign(campaign));
            }
            _ => self.abandon(connection, Afterwards::Forget),
        }
    }

    pub(super) fn abandon(&mut self, connection: ConnectionId, afterwards: Afterwards) {
        if let Some(busy) = self.connections.front(connection) {
            busy.progress = Progress::Abandoned(afterwards);
            self.effects.push(Effect::Abandon(connection));
        }
    }

    /// Nothing new of a campaign that does not run; what has not begun goes back.
    fn stop_campaign(&mut self, campaign: CampaignId) {
        let of_it = self
            .hands
            .values_mut()
            .filter(|hand| hand.chunk.campaign == campaign);
        let tokens: Vec<LeaseToken> = of_it
            .map(|hand| {
                hand.stop();
                hand.token()
            })
            .collect();
        tokens
            .into_iter()
            .for_each(|token| self.lines.forget(token));
    }

    fn take_in_hand(&mut self, chunk: Claimed, now: Timestamp) {
        let (tenant, email) = (chunk.tenant, chunk.email);
        let mut hand = Hand::new(chunk, now);
        if self.is_draining {
            hand.stop();
        }
        let token = hand.token();
        self.hands.insert(token, hand);
        self.expire_old(token, now);
        self.effects.push(Effect::Hold(tenant, email));
    }

    /// Who has been tried for too long is not tried again.
    fn expire_old(&mut self, token: LeaseToken, now: Timestamp) {
        let give_up_after = self.settings.backoff.give_up_after;
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        let running_since = hand.chunk.running_since;
        let old = hand.take_out(|recipient| {
            let from = counted_from(recipient, running_since, None);
            is_too_old(from, give_up_after, now)
        });
        for index in old {
            self.expire(token, index, None, now);
        }
    }

    /// The chunk is no longer ours. What is on connections ends there; what of it was begun is
    /// recorded late.
    fn drop_hand(&mut self, token: LeaseToken) {
        self.lines.forget(token);
        if let Some(hand) = self.hands.remove(&token) {
            let (tenant, email) = (hand.chunk.tenant, hand.chunk.email);
            self.effects.push(Effect::LetGo(tenant, email));
        }
    }
}
