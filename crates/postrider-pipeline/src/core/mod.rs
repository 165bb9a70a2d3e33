//! What is sent next, to whom, on which connection, and what becomes of it.
//!
//! `handle(event, now, rng) -> effects`: no async, no clock, no socket, no store handle. The
//! shell carries effects out and brings events back; a simulator does the same, faster.
//!
//! - A connection asks the schedule for its next message; a chunk never owns a connection.
//! - **Nothing is sent that has no slot**, and a slot is only taken when a connection is idle and
//!   the body is in memory, so that the slot is spent at once.
//! - **Nothing polls and nothing sleeps on a lane**: what the limits hold back waits for an
//!   instant, here when that is within a slice, otherwise in the store.
//! - **A dot is written only after its begin is durable.**
//! - A slow destination holds at most half of the connections that the others leave, so there is
//!   always one more for somebody else.

mod answers;
mod asking;
mod connections;
mod event;
mod hands;
mod judge;
mod limits;
mod lines;
mod route;
#[cfg(test)]
mod scenes;
mod schedule;

use std::collections::HashMap;

use postrider_types::{LeaseToken, Outcome, Timestamp, WorkerId};
use rand::{Rng, RngExt};

pub use event::{BodyTrouble, ConnectionId, Effect, End, Event, Job, RequestId};

use crate::settings::Settings;
use asking::Asked;
use connections::{Afterwards, Busy, Connections, Progress};
use hands::{Hand, Stage};
use judge::{Attempt, Judgement, judge};
use limits::Limits;
use lines::Lines;
use route::Route;

/// The deciding half of a worker.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    worker: WorkerId,
    limits: Limits,
    route: Route,
    connections: Connections,
    hands: HashMap<LeaseToken, Hand>,
    lines: Lines,
    asked: Asked,
    is_draining: bool,
    is_drained: bool,
    effects: Vec<Effect>,
}

/// What the core is doing, for people and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoreStatus {
    /// Open connections.
    pub connections: usize,
    /// Messages under way.
    pub in_flight: usize,
    /// Chunks in hand.
    pub hands: usize,
    /// Why the relay cannot be used, and since when.
    pub route_trouble: Option<(String, Timestamp)>,
    /// Why the store cannot record.
    pub store_trouble: Option<String>,
    /// Whether it takes no new work.
    pub is_draining: bool,
}

impl Core {
    /// A core that has nothing in hand; `worker` must be random at each start of a process.
    pub fn new(settings: Settings, worker: WorkerId) -> Self {
        Self {
            limits: Limits::new(settings.limits.clone()),
            route: Route::new(
                settings.route.relay.to_string(),
                settings.route.delay_min,
                settings.route.delay_max,
            ),
            connections: Connections::new(settings.route.connections_max),
            hands: HashMap::new(),
            lines: Lines::new(),
            asked: Asked::default(),
            is_draining: false,
            is_drained: false,
            effects: Vec::new(),
            settings,
            worker,
        }
    }

    /// Takes one event in; what is to be done comes out in order.
    pub fn handle(&mut self, event: Event, now: Timestamp, rng: &mut impl Rng) -> Vec<Effect> {
        match event {
            Event::Time => {}
            Event::Filed => self.asked.may_claim(now),
            Event::Answered(request, answer) => self.handle_answer(request, answer, now),
            Event::Held(email, held) => self.handle_held(email, held, now),
            Event::Connected(connection) => {
                self.connections.connected(connection, now);
                self.route.connected();
            }
            Event::ConnectFailed(connection, trouble) => {
                self.connections.failed(connection);
                self.route.failed(&trouble, now);
            }
            Event::AtGate(connection) => self.asked.arrive(connection, now),
            Event::Ended {
                connection,
                end,
                is_reusable,
            } => {
                let chance = rng.random::<f64>();
                self.handle_end(connection, end, is_reusable, chance, now);
            }
            Event::Drain => self.handle_drain(),
        }
        self.advance(now);
        std::mem::take(&mut self.effects)
    }

    /// When [`Event::Time`] is wanted, if nothing happens before.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let idle_at = self
            .connections
            .next_idle_at(self.settings.route.idle_after);
        let is_shut = self.route.trouble().is_some() && self.connections.connecting() == 0;
        let route_at = (is_shut && self.may_connect()).then(|| self.route.not_until());
        let extend_at = self
            .hands
            .values()
            .filter_map(|hand| self.extend_at(hand))
            .min();
        let claim_at = self.next_claim_at();
        let times = [
            self.lines.next_at(),
            self.asked.retry_at(),
            self.asked.ride_until(),
            self.asked.gate_until(),
            claim_at,
            route_at,
            idle_at,
        ];
        times.into_iter().flatten().chain(extend_at).min()
    }

    /// What it is doing.
    pub fn status(&self) -> CoreStatus {
        CoreStatus {
            connections: self.connections.open(),
            in_flight: self.connections.in_flight(),
            hands: self.hands.len(),
            route_trouble: self.route.trouble().cloned(),
            store_trouble: self.asked.trouble().map(str::to_owned),
            is_draining: self.is_draining,
        }
    }

    /// Everything that time or the last event has made possible.
    fn advance(&mut self, now: Timestamp) {
        self.lines.wake(now);
        self.retry_requests(now);
        self.extend_leases(now);
        self.assign(now);
        self.open_gate(now);
        self.let_ride(now);
        self.make_room(now);
        self.end_hands(now);
        self.claim(now);
        self.close_idle(now);
        let is_quiet = self.hands.is_empty() && self.asked.is_empty();
        if self.is_draining && is_quiet && self.connections.is_empty() && !self.is_drained {
            self.is_drained = true;
            self.effects.push(Effect::Drained);
        }
    }

    /// A transaction is over: free the connection, and judge the delivery.
    fn handle_end(
        &mut self,
        connection: ConnectionId,
        end: End,
        is_reusable: bool,
        chance: f64,
        now: Timestamp,
    ) {
        let Some(busy) = self.connections.end(connection, is_reusable, now) else {
            return;
        };
        self.lines.landed(&busy.domain);
        if matches!(end, End::Unbuildable(_)) {
            self.give_back(&busy, now);
        }
        let token = busy.strand.hand;
        let Some(hand) = self.hands.get_mut(&token) else {
            return self.record_late(&busy, end, chance, now);
        };
        hand.in_flight -= 1;
        self.judge_end(busy, end, chance, now);
        self.stop_waiting(token, now);
    }

    /// What the end of a transaction means for the delivery, whose chunk is in hand.
    fn judge_end(&mut self, busy: Busy, end: End, chance: f64, now: Timestamp) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        if let Progress::Abandoned(afterwards) = busy.progress {
            match afterwards {
                Afterwards::Again => self.put_back(&busy),
                Afterwards::Return => self.record_return(&busy, now),
                Afterwards::Forget => {}
            }
            return;
        }
        let losses = hand.losses.get(&busy.index).copied().unwrap_or(0);
        let recipient = &hand.chunk.recipients[busy.index];
        match judge(end, recipient, losses, &self.settings.backoff, chance, now) {
            Judgement::Record(Outcome::Returned, ..) => self.record_return(&busy, now),
            Judgement::Record(outcome, reply, attempt) => {
                let made = u16::from(attempt == Attempt::Made);
                let attempt = recipient.attempts.saturating_add(made);
                self.record(busy.strand.hand, busy.index, attempt, outcome, reply, now);
            }
            Judgement::Again { is_loss } => {
                hand.losses
                    .insert(busy.index, losses.saturating_add(u8::from(is_loss)));
                self.put_back(&busy);
            }
        }
    }

    /// Sends a recipient to the back of its strand.
    fn put_back(&mut self, busy: &Busy) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        hand.put_back(busy.strand.strand, busy.index);
        if hand.stage == Stage::Working {
            self.lines.line_up(busy.strand, &busy.domain);
        }
    }

    fn handle_drain(&mut self) {
        self.is_draining = true;
        self.hands.values_mut().for_each(Hand::stop);
    }

    fn close_idle(&mut self, now: Timestamp) {
        let idle_after = if self.is_draining {
            std::time::Duration::ZERO
        } else {
            self.settings.route.idle_after
        };
        for connection in self.connections.take_idle(idle_after, now) {
            self.effects.push(Effect::Quit(connection));
        }
    }
}
