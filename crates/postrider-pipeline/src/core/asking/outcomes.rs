//! What came of deliveries rides with the next begin.
//!
//! Only a begin must be durable before anything happens, so a begin is asked at once, and whatever
//! outcomes there are go with it, into the same commit. An outcome that no begin follows waits a
//! few milliseconds at most. If the process dies meanwhile it is in doubt, as it would be had the
//! reply come a moment later; and because the begin of the next message on a connection takes
//! along the outcome of the last, that is never more than one delivery for each connection.

use std::sync::Arc;
use std::time::Duration;

use postrider_store::{Claimed, Request};
use postrider_types::reply::Reply;
use postrider_types::{DeliveryId, LeaseToken, Outcome, Timestamp};

use super::Purpose;
use crate::bounds::{DUE_BUCKET_MIN, OUTCOME_RIDES_MAX, RETURN_SHARE};
use crate::core::Core;
use crate::core::connections::{Afterwards, Busy, Progress};
use crate::core::event::End;
use crate::core::expiry::counted_from;
use crate::core::hearing::Heard;
use crate::core::judge::{Circumstances, Judgement, judge};

impl Core {
    /// Asks for the outcomes that wait, when no begin will take them along soon.
    pub(in crate::core) fn let_ride(&mut self, now: Timestamp) {
        let is_waiting = self.asked.ride_until.is_some_and(|until| until > now);
        if !is_waiting || self.connections.busy() == 0 {
            self.ask_riding();
        }
    }

    pub(super) fn ask_riding(&mut self) {
        self.asked.ride_until = None;
        for (purpose, request) in std::mem::take(&mut self.asked.riding) {
            self.ask(purpose, request, true);
        }
    }

    /// What came of a recipient of a chunk in hand.
    pub(in crate::core) fn record(
        &mut self,
        token: LeaseToken,
        index: usize,
        attempt: u16,
        outcome: Outcome,
        reply: Option<Reply>,
        now: Timestamp,
    ) {
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        hand.unrecorded += 1;
        let chunk = Arc::clone(&hand.chunk);
        self.let_record_ride(&chunk, index, attempt, outcome, reply, now);
    }

    /// What came of a begun message whose chunk is no longer in hand: it settles the doubt.
    pub(in crate::core) fn record_late(
        &mut self,
        busy: &Busy,
        end: End,
        heard: Heard,
        chance: f64,
        now: Timestamp,
    ) {
        let said = end.reason();
        let recipient = &busy.chunk.recipients[busy.index];
        let circumstances = Circumstances {
            classification: heard.classification,
            rests_until: heard.rests_until,
            recipient,
            losses: u8::MAX,
            backoff: &self.settings.backoff,
            chance,
        };
        let judgement = match busy.progress {
            Progress::Begun(_) => judge(end, &circumstances, now),
            Progress::Abandoned(Afterwards::Return) => Judgement::Again { is_loss: false },
            Progress::Transmitting | Progress::Beginning | Progress::Abandoned(_) => return,
        };
        let (outcome, reply) = match judgement {
            Judgement::Record(outcome, reply, _) => (outcome, reply),
            Judgement::Again { .. } => (Outcome::Returned, Some(said.unwrap_or_else(given_up))),
            Judgement::Wait(next_attempt_at, reply) => {
                (Outcome::Deferred { next_attempt_at }, Some(reply))
            }
        };
        let attempt = recipient.attempts.saturating_add(1);
        let chunk = Arc::clone(&busy.chunk);
        self.let_record_ride(&chunk, busy.index, attempt, outcome, reply, now);
    }

    fn let_record_ride(
        &mut self,
        chunk: &Claimed,
        index: usize,
        attempt: u16,
        outcome: Outcome,
        reply: Option<Reply>,
        now: Timestamp,
    ) {
        let token = chunk.token;
        let recipient = &chunk.recipients[index];
        let record = Request::Record {
            token,
            delivery: DeliveryId {
                tenant: chunk.tenant,
                campaign: chunk.campaign,
                recipient: recipient.recipient,
            },
            address: recipient.address.clone(),
            attempt,
            outcome,
            reply,
        };
        self.asked.riding.push((Purpose::Record(token), record));
        self.asked
            .ride_until
            .get_or_insert_with(|| now.plus(OUTCOME_RIDES_MAX));
    }

    /// Begun, but the terminator was never written: the store must learn it. The recipient is not
    /// sent to again from this hand, and waits a moment, or a tenth of his age, so that a server
    /// that always hangs up at this point is asked ever less often. `reason` is what the server
    /// said or did; `None` when we gave it up ourselves.
    pub(in crate::core) fn record_return(
        &mut self,
        busy: &Busy,
        reason: Option<Reply>,
        now: Timestamp,
    ) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        let recipient = &hand.chunk.recipients[busy.index];
        let attempt = recipient.attempts.saturating_add(1);
        let from = counted_from(recipient, hand.chunk.running_since, None);
        let age = from.map_or(Duration::ZERO, |from| now.since(from));
        let delay = (age / RETURN_SHARE).max(DUE_BUCKET_MIN);
        let lane = hand.chunk.lane.clone();
        hand.leave(busy.index, lane, now.plus(delay));
        self.record(
            busy.strand.hand,
            busy.index,
            attempt,
            Outcome::Returned,
            Some(reason.unwrap_or_else(given_up)),
            now,
        );
    }
}

/// Our reason where the server gave none.
fn given_up() -> Reply {
    Reply::new(0, None, "given up before the final dot")
}
