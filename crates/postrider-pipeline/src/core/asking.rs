//! Requests to the store: when to ask, and what to remember until the answer comes.
//!
//! **Begins go together.** A message that arrives at the gate waits for others, until a share of
//! all busy connections have one there, or a millisecond is over: so a commit is shared by several
//! connections, and a connection that is alone waits for nobody.
//!
//! **Outcomes ride with the next begin.** Only a begin must be durable before anything happens, so
//! a begin is asked at once, and whatever outcomes there are go with it, into the same commit. An
//! outcome that no begin follows waits a few milliseconds at most. If the process dies meanwhile
//! it is in doubt, as it would be had the reply come a moment later; and because the begin of the
//! next message on a connection takes along the outcome of the last, that is never more than one
//! delivery for each connection.
//!
//! While the store cannot write, nothing new is sent. What it must learn (outcomes, ends) is kept
//! and asked again until it is recorded; their number is bounded by the chunks in hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use postrider_store::{Claimed, Request};
use postrider_types::reply::Reply;
use postrider_types::{DeliveryId, LaneName, LeaseToken, Outcome, Timestamp};

use super::Core;
use super::connections::{Afterwards, Busy, Progress};
use super::event::{ConnectionId, Effect, End, RequestId};
use super::hands::Stage;
use super::hearing::Heard;
use super::judge::{Circumstances, Judgement, judge};
use crate::bounds::{
    DUE_BUCKET_MIN, GATE_SHARE, GATE_WAIT_MAX, HANDS_PER_LANE_MAX, OUTCOME_RIDES_MAX,
    PREFETCH_BELOW, RETURN_SHARE, STORE_RETRY_AFTER,
};

/// What an answer is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    Claim,
    Begin(ConnectionId, DeliveryId),
    Record(LeaseToken),
    End(LeaseToken),
    Extend(LeaseToken),
}

/// What was asked and not answered yet.
#[derive(Debug, Default)]
pub(super) struct Asked {
    last: u64,
    open: HashMap<RequestId, (Purpose, Option<Request>)>,
    /// Messages at the gate whose begin was not asked yet.
    at_gate: Vec<ConnectionId>,
    /// When they wait no longer for others.
    gate_until: Option<Timestamp>,
    /// Outcomes that wait for the next begin.
    riding: Vec<(Purpose, Request)>,
    /// When they are asked without one.
    ride_until: Option<Timestamp>,
    /// Requests that must not be lost, waiting for the store to recover.
    again: Vec<(Purpose, Request)>,
    trouble: Option<String>,
    retry_at: Option<Timestamp>,
    /// When a claim may give something.
    claim_at: Option<Timestamp>,
    /// No claim before then: a body could not be read.
    no_claim_until: Option<Timestamp>,
    is_claiming: bool,
}

impl Asked {
    /// Whether nothing is on the way to the store or waits for it.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.again.is_empty() && self.riding.is_empty()
    }

    /// A message has arrived at the gate.
    pub(super) fn arrive(&mut self, connection: ConnectionId, now: Timestamp) {
        self.at_gate.push(connection);
        self.gate_until
            .get_or_insert_with(|| now.plus(GATE_WAIT_MAX));
    }

    /// When the gate opens although few stand there.
    pub(super) const fn gate_until(&self) -> Option<Timestamp> {
        self.gate_until
    }

    /// When outcomes are asked although no begin has come.
    pub(super) const fn ride_until(&self) -> Option<Timestamp> {
        self.ride_until
    }

    /// There may be something to claim at `at`.
    pub(super) fn may_claim(&mut self, at: Timestamp) {
        self.claim_at = Some(self.claim_at.map_or(at, |known| known.min(at)));
    }

    pub(super) fn claimed(&mut self, next_at: Option<Timestamp>) {
        self.is_claiming = false;
        if let Some(next_at) = next_at {
            self.may_claim(next_at);
        }
    }

    /// Whether a claim may give something at once, or is being answered.
    pub(super) fn is_claim_open(&self, now: Timestamp) -> bool {
        self.is_claiming || self.claim_at.is_some_and(|at| at <= now)
    }

    pub(super) fn is_claim_due(&self, now: Timestamp) -> bool {
        !self.is_claiming && self.claim_at.is_some_and(|at| at <= now)
    }

    /// Why the store cannot record.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// A body could not be read: what was claimed for it goes back, and is not claimed at once.
    pub(super) fn unreadable(&mut self, now: Timestamp) {
        self.no_claim_until = Some(now.plus(STORE_RETRY_AFTER));
    }

    pub(super) const fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    pub(super) fn answered(&mut self, request: RequestId) -> Option<(Purpose, Option<Request>)> {
        self.open.remove(&request)
    }

    /// The store answers again; what was kept for that is asked at once.
    pub(super) fn recovered(&mut self, now: Timestamp) {
        self.trouble = None;
        self.retry_at = (!self.again.is_empty()).then_some(now);
    }

    /// The store could not do what was asked; what must not be lost is kept.
    pub(super) fn failed(&mut self, why: String, kept: Option<(Purpose, Request)>, now: Timestamp) {
        self.trouble = Some(why);
        self.again.extend(kept);
        self.retry_at
            .get_or_insert_with(|| now.plus(STORE_RETRY_AFTER));
    }
}

impl Core {
    /// Asks for the next chunk when one may be had and there is a place for it.
    pub(super) fn claim(&mut self, now: Timestamp) {
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
    pub(super) fn next_claim_at(&self) -> Option<Timestamp> {
        let is_possible = self.hands.len() < self.settings.lease.chunks_max
            && !self.asked.is_claiming
            && !self.is_draining
            && self.asked.trouble.is_none();
        let at = self.asked.claim_at.filter(|_| is_possible)?;
        let at = self.asked.no_claim_until.map_or(at, |until| at.max(until));
        let give_up_after = self.settings.backoff.give_up_after;
        Some(at.max(self.lines.pools.all_shut_until(give_up_after)))
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

    /// Asks for the begins of those at the gate, when enough of them stand there.
    pub(super) fn open_gate(&mut self, now: Timestamp) {
        let enough = self.connections.busy().div_ceil(GATE_SHARE);
        let is_over = self.asked.gate_until.is_some_and(|until| until <= now);
        if self.asked.at_gate.is_empty() || (self.asked.at_gate.len() < enough && !is_over) {
            return;
        }
        self.asked.gate_until = None;
        self.ask_riding();
        for connection in std::mem::take(&mut self.asked.at_gate) {
            self.ask_begin(connection);
        }
    }

    fn ask_begin(&mut self, connection: ConnectionId) {
        let Some(busy) = self.connections.front(connection) else {
            return;
        };
        let index = busy.index;
        let Some(hand) = self.hands.get(&busy.strand.hand) else {
            self.abandon(connection, Afterwards::Forget);
            return;
        };
        busy.progress = Progress::Beginning;
        let recipient = &hand.chunk.recipients[index];
        let delivery = busy.delivery();
        let begin = Request::Begin {
            token: hand.token(),
            delivery,
            address: recipient.address.clone(),
            attempt: recipient.attempts.saturating_add(1),
        };
        self.ask(Purpose::Begin(connection, delivery), begin, false);
    }

    /// Asks for the outcomes that wait, when no begin will take them along soon.
    pub(super) fn let_ride(&mut self, now: Timestamp) {
        let is_waiting = self.asked.ride_until.is_some_and(|until| until > now);
        if !is_waiting || self.connections.busy() == 0 {
            self.ask_riding();
        }
    }

    fn ask_riding(&mut self) {
        self.asked.ride_until = None;
        for (purpose, request) in std::mem::take(&mut self.asked.riding) {
            self.ask(purpose, request, true);
        }
    }

    /// What came of a recipient of a chunk in hand.
    pub(super) fn record(
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
    pub(super) fn record_late(
        &mut self,
        busy: &Busy,
        end: End,
        heard: Heard,
        chance: f64,
        now: Timestamp,
    ) {
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
            Judgement::Again { .. } => (Outcome::Returned, Some(given_up())),
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
    /// sent to again from this hand, and waits a moment, or a tenth of the time since his first
    /// attempt, so that a server that always hangs up at this point is asked ever less often.
    pub(super) fn record_return(&mut self, busy: &Busy, now: Timestamp) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        let recipient = &hand.chunk.recipients[busy.index];
        let attempt = recipient.attempts.saturating_add(1);
        let age = recipient
            .first_attempt_at
            .map_or(Duration::ZERO, |first| now.since(first));
        let delay = (age / RETURN_SHARE).max(DUE_BUCKET_MIN);
        let lane = hand.chunk.lane.clone();
        hand.leave(busy.index, lane, now.plus(delay));
        self.record(
            busy.strand.hand,
            busy.index,
            attempt,
            Outcome::Returned,
            Some(given_up()),
            now,
        );
    }

    pub(super) fn ask_end(&mut self, token: LeaseToken) {
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        hand.stage = Stage::Ending;
        let filings = std::mem::take(&mut hand.filings);
        let throttle = hand.throttle.take();
        self.ask(
            Purpose::End(token),
            Request::End {
                token,
                filings,
                throttle,
            },
            true,
        );
    }

    /// Extends leases that have run for half of their time, of chunks that get on. One that only
    /// waits, and has for long, goes back.
    pub(super) fn extend_leases(&mut self, now: Timestamp) {
        let due = |hand: &&super::Hand| self.extend_at(hand).is_some_and(|at| at <= now);
        let tokens: Vec<_> = self
            .hands
            .values()
            .filter(due)
            .map(super::Hand::token)
            .collect();
        for token in tokens {
            let Some(hand) = self.hands.get_mut(&token) else {
                continue;
            };
            // Of one that goes back there is nothing to extend.
            hand.is_extending = true;
            if hand.is_still(now) {
                hand.stop();
                self.lines.forget(token);
                continue;
            }
            let until = now.plus(self.settings.lease.time);
            self.ask(
                Purpose::Extend(token),
                Request::Extend { token, until },
                true,
            );
        }
    }

    /// Asks again for what must not be lost; without any, a claim shows whether the store works.
    pub(super) fn retry_requests(&mut self, now: Timestamp) {
        if self.asked.retry_at.is_none_or(|at| at > now) {
            return;
        }
        self.asked.retry_at = None;
        let again = std::mem::take(&mut self.asked.again);
        if again.is_empty() && self.asked.open.is_empty() {
            self.asked.trouble = None;
            self.asked.may_claim(now);
        }
        for (purpose, request) in again {
            self.ask(purpose, request, true);
        }
    }

    /// Sends a request; `is_kept` ones are asked again until the store has done them.
    fn ask(&mut self, purpose: Purpose, request: Request, is_kept: bool) {
        self.asked.last += 1;
        let id = RequestId(self.asked.last);
        let kept = is_kept.then(|| request.clone());
        self.asked.open.insert(id, (purpose, kept));
        self.effects.push(Effect::Ask(id, request));
    }
}

/// Our reason where no server said anything.
fn given_up() -> Reply {
    Reply::new(0, None, "given up before the final dot")
}
