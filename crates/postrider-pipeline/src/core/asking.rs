//! Requests to the store: when to ask, and what to remember until the answer comes.
//!
//! Begins go together, and outcomes ride with them: `gate` and `outcomes` say why. When there may
//! be a chunk to be had is told in `claims`.
//!
//! While the store cannot write, nothing new is sent. What it must learn (outcomes, ends) is kept
//! and asked again until it is recorded; their number is bounded by the chunks in hand.

mod claims;
mod gate;
mod outcomes;

use std::collections::HashMap;

use postrider_store::Request;
use postrider_types::{DeliveryId, LeaseToken, Timestamp};

use super::Core;
use super::event::{ConnectionId, Effect, RequestId};
use super::hands::{Hand, Stage};
use crate::bounds::{GATE_WAIT_MAX, STORE_RETRY_AFTER};

/// What an answer is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    Claim,
    Begin(ConnectionId, DeliveryId),
    Record(LeaseToken),
    Quarantine(LeaseToken),
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
    /// No claim before then: a body could not be read, or found no room.
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

    /// Nothing is claimed before this instant.
    pub(super) fn no_claim_before(&mut self, at: Timestamp) {
        self.no_claim_until = Some(self.no_claim_until.map_or(at, |until| until.max(at)));
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
        let due = |hand: &&Hand| self.extend_at(hand).is_some_and(|at| at <= now);
        let tokens: Vec<_> = self.hands.values().filter(due).map(Hand::token).collect();
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
    pub(super) fn ask(&mut self, purpose: Purpose, request: Request, is_kept: bool) {
        self.asked.last += 1;
        let id = RequestId(self.asked.last);
        let kept = is_kept.then(|| request.clone());
        self.asked.open.insert(id, (purpose, kept));
        self.effects.push(Effect::Ask(id, request));
    }
}
