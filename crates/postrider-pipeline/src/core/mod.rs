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
mod ending;
mod event;
mod expiry;
mod hands;
mod hearing;
mod holding;
mod judge;
mod limits;
mod lines;
mod meanings;
mod pace;
mod pools;
mod refusals;
mod resolving;
mod rest;
#[cfg(test)]
mod scenes;
mod schedule;
mod shown;
mod waiting;
mod yielding;

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_types::{LeaseToken, Timestamp, WorkerId};
use rand::{Rng, RngExt};

pub use event::{BodyTrouble, ConnectionId, Effect, End, Event, Job, Offer, RequestId};
pub use meanings::MeaningCount;
pub use refusals::RefusalGroup;
pub use shown::CoreStatus;

use crate::settings::{RouteId, Settings};
use asking::Asked;
use connections::Connections;
use hands::Hand;
use limits::Limits;
use lines::Lines;
use meanings::Meanings;
use refusals::Refusals;

/// The deciding half of a worker.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    worker: WorkerId,
    limits: Limits,
    connections: Connections,
    /// In order, so that the same events have the same effects.
    hands: BTreeMap<LeaseToken, Hand>,
    lines: Lines,
    asked: Asked,
    refusals: Refusals,
    meanings: Meanings,
    is_draining: bool,
    is_drained: bool,
    effects: Vec<Effect>,
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
            hands: BTreeMap::new(),
            lines: Lines::new(&settings),
            asked: Asked::default(),
            refusals: Refusals::default(),
            meanings: Meanings::default(),
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
            Event::Held(tenant, email, held) => self.handle_held(tenant, email, held, now),
            Event::Connected {
                connection,
                is_pipelining,
                mail_max,
            } => self.handle_connected(connection, is_pipelining, mail_max, now),
            Event::OfferBroken(connection, offer) => {
                self.handle_broken_offer(connection, offer, now);
            }
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
            Event::Yield(route, site) => self.give_up_place(route, &site),
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
}
