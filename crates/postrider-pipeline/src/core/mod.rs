//! What is sent next, to whom, on which connection, and what becomes of it.
//!
//! `handle(event, now, rng) -> effects`: no async, no clock, no socket, no store handle. The
//! shell carries effects out and brings events back; a simulator does the same, faster.
//!
//! - A connection asks the schedule for its next message; a chunk never owns a connection.
//! - **Nothing is sent that has no slot**, and a slot is only taken when a connection is idle, or
//!   about to write a dot, and the body is in memory, so that the slot is spent at once.
//! - **Nothing polls and nothing sleeps on a lane**: what the limits hold back waits for an
//!   instant, here when that is within a slice, otherwise in the store.
//! - **A dot is written only after its begin is durable**, and it waits for nothing else. Where the
//!   connection pipelines, and dots are answered briskly (`pace`), the envelope of its next
//!   message goes along: one round trip for each message.
//! - A destination that is slow, or of which nothing is known yet, holds at most half of the
//!   connections that the others leave, so there is always one more for somebody else (`lines`).
//! - Connections belong to a *pool*, a route and a site, and carry mail only for domains with the same
//!   hosts; what one site does or fails to do holds up no other (`pools`, `dialling`).

mod answers;
mod asking;
mod connections;
mod contact;
mod dialling;
mod event;
mod hands;
mod hearing;
mod judge;
mod limits;
mod lines;
mod pace;
mod pools;
mod refusals;
mod rest;
#[cfg(test)]
mod scenes;
mod schedule;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use postrider_types::reply::Reply;
use postrider_types::{LeaseToken, Outcome, Timestamp, WorkerId};
use rand::{Rng, RngExt};

pub use event::{BodyTrouble, ConnectionId, Effect, End, Event, Job, RequestId};
pub use refusals::RefusalGroup;

use crate::bounds::POOLS_SHOWN_MAX;
use crate::settings::{RouteId, Settings};
use crate::status::PoolStatus;
use asking::Asked;
use connections::{Afterwards, Busy, Connections, Fate, Progress};
use hands::{Hand, Stage};
use hearing::Heard;
use judge::{Attempt, Circumstances, Judgement, judge};
use limits::Limits;
use lines::Lines;
use pools::PoolId;
use refusals::Refusals;

/// The deciding half of a worker.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    worker: WorkerId,
    limits: Limits,
    connections: Connections,
    hands: HashMap<LeaseToken, Hand>,
    lines: Lines,
    asked: Asked,
    refusals: Refusals,
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
    /// Why a relay cannot be used, or a route is suspended, and since when.
    pub route_trouble: Option<(Arc<str>, Timestamp)>,
    /// Pools with connections or trouble, at most [`POOLS_SHOWN_MAX`].
    pub pools: Vec<PoolStatus>,
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
            connections: Connections::new(
                &settings
                    .routes
                    .all()
                    .map(|(_, route)| route.connections_max)
                    .collect::<Vec<_>>(),
            ),
            hands: HashMap::new(),
            lines: Lines::new(&settings),
            asked: Asked::default(),
            refusals: Refusals::default(),
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
            Event::Connected {
                connection,
                is_pipelining,
            } => self.handle_connected(connection, is_pipelining, now),
            Event::ConnectFailed(connection, trouble) => {
                let chance = rng.random::<f64>();
                self.handle_connect_failed(connection, trouble, chance, now);
            }
            Event::Resolved(route, domain, resolved) => {
                let chance = rng.random::<f64>();
                self.handle_resolved(route, &domain, resolved, chance, now);
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
            Event::Closed(connection) => self.handle_closed(connection),
            Event::Drain => self.handle_drain(),
        }
        self.advance(now);
        std::mem::take(&mut self.effects)
    }

    /// When [`Event::Time`] is wanted, if nothing happens before.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let idle_at = self
            .connections
            .next_idle_at(|route| self.idle_after(route));
        let reopen_at = self.lines.pools.reopen_at().filter(|_| self.may_connect());
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
            reopen_at,
            idle_at,
        ];
        times.into_iter().flatten().chain(extend_at).min()
    }

    /// What it is doing.
    pub fn status(&self) -> CoreStatus {
        CoreStatus {
            connections: self.connections.open(),
            in_flight: self.connections.messages(),
            hands: self.hands.len(),
            route_trouble: self.route_trouble(),
            pools: self.pools(),
            store_trouble: self.asked.trouble().map(str::to_owned),
            is_draining: self.is_draining,
        }
    }

    /// Everything that time or the last event has made possible.
    fn advance(&mut self, now: Timestamp) {
        self.lines.wake(now);
        self.lines.pools.reopen(now);
        self.retry_requests(now);
        self.extend_leases(now);
        self.assign(now);
        self.open_gate(now);
        self.let_ride(now);
        self.make_room(now);
        self.resolve();
        self.end_hands();
        self.claim(now);
        self.close_idle(now);
        let is_quiet = self.hands.is_empty() && self.asked.is_empty();
        if self.is_draining && is_quiet && self.connections.is_empty() && !self.is_drained {
            self.is_drained = true;
            self.effects.push(Effect::Drained);
        }
    }

    /// A transaction is over: go on with the connection, and judge the delivery.
    fn handle_end(
        &mut self,
        connection: ConnectionId,
        end: End,
        is_reusable: bool,
        chance: f64,
        now: Timestamp,
    ) {
        let Some(lead) = self.connections.lead(connection) else {
            return;
        };
        let heard = self.hear(&end, lead.pool, now);
        let is_used_up = heard.ends_session();
        let ended = self
            .connections
            .end(connection, is_reusable, is_used_up, now);
        let Some(ended) = ended else {
            return;
        };
        let busy = ended.busy;
        if ended.is_pipelining && end.is_out_of_step() {
            let pool = self.lines.pools.pool_mut(lead.pool);
            pool.contact.fell_out_of_step(now);
        }
        self.lines
            .landed(lead.pool, &busy.domain, ended.next.as_deref());
        match ended.fate {
            Fate::Open => self.lines.pools.change(lead.way),
            Fate::Worn => {
                self.effects.push(Effect::Quit(connection));
                self.lines.pools.change(lead.way);
            }
            Fate::Lost => self.make_way(lead),
        }
        if let Progress::Begun(dot_at) = busy.progress {
            self.lines.answered(lead.pool, &busy.domain, dot_at, now);
        }
        if matches!(end, End::Unbuildable(_)) {
            self.give_back(&busy, lead.way, now);
        }
        let token = busy.strand.hand;
        let Some(hand) = self.hands.get_mut(&token) else {
            return self.record_late(&busy, end, heard, chance, now);
        };
        hand.in_flight -= 1;
        self.judge_end(busy, end, heard, chance, now);
        self.stop_waiting(token, now);
    }

    /// What the end of a transaction means for the delivery, whose chunk is in hand.
    fn judge_end(&mut self, busy: Busy, end: End, heard: Heard, chance: f64, now: Timestamp) {
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
        let circumstances = Circumstances {
            classification: heard.classification,
            rests_until: heard.rests_until,
            recipient,
            losses,
            backoff: &self.settings.backoff,
            chance,
        };
        match judge(end, &circumstances, now) {
            Judgement::Record(Outcome::Returned, ..) => self.record_return(&busy, now),
            Judgement::Record(outcome, reply, attempt) => {
                let made = u16::from(attempt == Attempt::Made);
                let attempt = recipient.attempts.saturating_add(made);
                self.record(busy.strand.hand, busy.index, attempt, outcome, reply, now);
            }
            Judgement::Again { .. } if matches!(busy.progress, Progress::Begun(_)) => {
                self.record_return(&busy, now);
            }
            Judgement::Again { is_loss } => {
                hand.losses
                    .insert(busy.index, losses.saturating_add(u8::from(is_loss)));
                self.put_back(&busy);
            }
            Judgement::Wait(until, reply) => self.wait_uncharged(&busy, until, reply, now),
        }
    }

    /// A delivery waits until its site has rested, and no attempt is charged.
    fn wait_uncharged(&mut self, busy: &Busy, until: Timestamp, reply: Reply, now: Timestamp) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        let lane = hand.chunk.lane.clone();
        hand.leave(busy.index, lane, until);
        if matches!(busy.progress, Progress::Begun(_)) {
            let attempt = hand.chunk.recipients[busy.index].attempts.saturating_add(1);
            let (token, index) = (busy.strand.hand, busy.index);
            self.record(token, index, attempt, Outcome::Returned, Some(reply), now);
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
        // A server that never greets would hold up the end for the whole of its allowance.
        let connecting = self.connections.connecting();
        self.effects
            .extend(connecting.into_iter().map(Effect::Quit));
    }

    fn close_idle(&mut self, now: Timestamp) {
        let routes = self.lines.pools.routes();
        let idle_after: Vec<_> = routes.map(|route| self.idle_after(route)).collect();
        let old = self.connections.take_idle(|route| idle_after[route.0], now);
        self.effects.extend(old.into_iter().map(Effect::Quit));
    }

    fn idle_after(&self, route: RouteId) -> Duration {
        match self.is_draining {
            true => Duration::ZERO,
            false => self.lines.pools.route(route).settings.idle_after,
        }
    }

    /// The trouble of the first relay that has one, or why another route is suspended.
    fn route_trouble(&self) -> Option<(Arc<str>, Timestamp)> {
        let pools = &self.lines.pools;
        let relays = pools.routes().filter_map(|route| pools.route(route).relay);
        let mut troubles = relays.filter_map(|way| pools.pool(pools.pool_of(way)).trouble());
        troubles.next().cloned().or_else(|| self.suspension())
    }

    /// What receivers refused with since the start, grouped, those with the most refusals first.
    pub fn refusals(&self) -> Vec<RefusalGroup> {
        self.refusals.groups()
    }

    /// Whether any message is under way.
    pub fn is_busy(&self) -> bool {
        self.connections.messages() > 0
    }

    /// How many refusals there were since the start.
    pub const fn refusals_count(&self) -> u64 {
        self.refusals.count()
    }

    /// Pools with connections, and then those that cannot be reached or are suspended.
    fn pools(&self) -> Vec<PoolStatus> {
        let pools = &self.lines.pools;
        let is_closed = |pool: &PoolId| self.connections.of_pool(*pool).all() == 0;
        let shut = pools.shut().map(|(_, pool)| pool).filter(is_closed);
        let is_shut = |pool: &PoolId| pools.shut().any(|(_, shut)| shut == *pool);
        let suspended = pools.suspended();
        let suspended = suspended.filter(|pool| is_closed(pool) && !is_shut(pool));
        let shown = self.connections.pools().chain(shut).chain(suspended);
        let shown = shown.take(POOLS_SHOWN_MAX);
        let mut shown: Vec<_> = shown
            .map(|id| {
                let (pool, usage) = (pools.pool(id), self.connections.of_pool(id));
                PoolStatus {
                    route: pool.route,
                    route_name: Arc::clone(&pools.route(pool.route).name),
                    site: pool.site.clone(),
                    open: usage.open,
                    busy: pool.busy,
                    connections_max: pool.connections_max(),
                    trouble: pool.trouble().cloned(),
                    is_suspended: pool.rest.trouble().is_some(),
                }
            })
            .collect();
        shown.sort_by(|a: &PoolStatus, b| a.order().cmp(&b.order()));
        shown
    }
}
