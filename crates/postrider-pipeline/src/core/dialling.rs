//! Which connection is opened next, and which is closed for it; and what happens when a site
//! cannot be reached.
//!
//! Ways take turns, one connection each. A pool that has as many as it may, and a route likewise,
//! closes the longest idle connection for whoever needs another: a bound never leaves anybody
//! waiting for a connection that nobody uses.
//!
//! **A site of which nothing good is known is tried with one connection**, and such trials take at
//! most half of a route, so that however many dead sites there are, mail for others goes on.
//!
//! **While a site cannot be reached** its line stands still; longer than a slice, nobody holds a chunk
//! for it. What waits for a relay goes back to the store, uncharged: the operator's own relay is down,
//! and all of it can only wait. What waits for a site of direct delivery is deferred, which is an
//! attempt: a host that never answers must end some day in an expired delivery.

use std::sync::Arc;

use postrider_smtp::Trouble;
use postrider_smtp::mx::{NoRoute, Resolution};
use postrider_smtp::site::SiteName;
use postrider_types::Timestamp;

use super::Core;
use super::connections::Lead;
use super::event::{ConnectionId, Effect, End};
use super::hands::{Hand, Stage, StrandId};
use super::judge::{Circumstances, Judgement, judge};
use super::lines::Room;
use super::pools::{PoolId, Queue, WayId};
use crate::settings::RouteId;

/// What became of a way that wants a connection.
enum Step {
    /// It has got one; there may be more for it and for others.
    Opened,
    /// It stands in another queue, or is being served.
    Settled,
    /// Its route is full: nobody else can get one either.
    Full,
}

impl Core {
    /// Whether new connections may be opened at all.
    pub(super) fn may_connect(&self) -> bool {
        !self.lines.pools.is_empty() && !self.is_draining && self.asked.trouble().is_none()
    }

    /// Opens as many connections as there are messages that could use one.
    pub(super) fn open_connections(&mut self, now: Timestamp) {
        if !self.may_connect() {
            return;
        }
        for route in self.lines.pools.routes() {
            while self.has_place(route)
                && let Some(way) = self.lines.pools.next_wanting(route)
            {
                if matches!(self.connect_or_queue(route, way, now), Step::Full) {
                    break;
                }
            }
        }
    }

    /// Whether a connection of a route could be opened, or closed for another. What is being
    /// closed already serves the first of those who want one.
    fn has_place(&self, route: RouteId) -> bool {
        let usage = self.connections.of_route(route);
        let max = self.lines.pools.route(route).settings.connections_max;
        let is_idle = self.connections.longest_idle_of_route(route).is_some();
        usage.all() < max || (is_idle && usage.closing < self.lines.pools.wanting(route))
    }

    fn connect_or_queue(&mut self, route: RouteId, way: WayId, now: Timestamp) -> Step {
        let pool = self.lines.pools.pool_of(way);
        if !self.lines.pools.pool(pool).contact.is_open(now) {
            self.wait_for_site(way, pool, now);
            return Step::Settled;
        }
        if self.lines.pools.pool(pool).rest.until() > now {
            self.wait_for_rest(pool, now);
            return Step::Settled;
        }
        let connecting = self.connections.connecting_to(way);
        let wanted = self.messages_in_line(way, now).saturating_sub(connecting);
        if wanted == 0 {
            // Caps and shares change when a message ends, and what is being opened when it is open.
            if connecting == 0 {
                self.lines.pools.put(way, Queue::Short);
            }
            self.lines.pools.release_held(pool);
            return Step::Settled;
        }
        let usage = self.connections.of_pool(pool);
        let is_trial = !self.lines.pools.pool(pool).contact.is_proven();
        if is_trial && usage.connecting > 0 {
            // How that one ends changes what is known.
            self.lines.pools.put(way, Queue::Held);
            return Step::Settled;
        }
        let is_more_to_come = self.asked.is_claim_open(now);
        let left = self.lines.left_of_share(way, is_more_to_come);
        let max = self.lines.pools.route(route).settings.connections_max;
        let is_direct = self.lines.pools.route(route).relay.is_none();
        let is_tried = is_direct && is_trial && self.connections.trials(route) >= max.div_ceil(2);
        if left <= usage.connecting || is_tried {
            self.lines.pools.put(way, Queue::Short);
            return Step::Settled;
        }
        if usage.all() >= self.lines.pools.pool(pool).connections_max() {
            let idle = self.connections.longest_idle_of_pool(route, pool);
            let is_needed = usage.closing <= self.lines.pools.held(pool);
            self.lines.pools.put(way, Queue::Held);
            if let Some(idle) = idle.filter(|_| is_needed) {
                self.quit_idle(idle);
            }
            return Step::Settled;
        }
        if self.connections.of_route(route).all() >= max {
            self.lines.pools.put(way, Queue::Wanting);
            if let Some(idle) = self.connections.longest_idle_of_route(route) {
                self.quit_idle(idle);
            }
            return Step::Full;
        }
        self.connect(
            Lead {
                route,
                pool,
                way,
                is_trial,
            },
            now,
        );
        if wanted > 1 {
            self.lines.pools.want(way);
        }
        Step::Opened
    }

    fn connect(&mut self, lead: Lead, now: Timestamp) {
        let Some(connection) = self.connections.connect(lead) else {
            debug_assert!(false, "there are as many numbers as the routes allow");
            return;
        };
        let contact = &self.lines.pools.pool(lead.pool).contact;
        self.effects.push(Effect::Connect {
            connection,
            route: lead.route,
            target: self.lines.pools.target(lead.way),
            is_pipelining_allowed: contact.is_pipelining_allowed(now),
        });
    }

    fn quit_idle(&mut self, connection: ConnectionId) {
        self.connections.take_out(connection);
        self.effects.push(Effect::Quit(connection));
    }

    /// Messages in the line of a way that could use a connection, counted no further than its
    /// route has places.
    fn messages_in_line(&self, way: WayId, now: Timestamp) -> usize {
        let route = self.lines.pools.pool(self.lines.pools.pool_of(way)).route;
        let enough = self.lines.pools.route(route).settings.connections_max;
        let mut messages = 0;
        for strand in self.lines.pools.line(way) {
            if messages >= enough {
                break;
            }
            let Some(hand) = self.hands.get(&strand.hand) else {
                continue;
            };
            let strand = &hand.strands[strand.strand];
            if self.room(way, &strand.domain, None, now) == Room::Yes {
                let cap = self.limits.settings().of(&strand.domain).connections_max;
                messages += strand.left().min(cap);
            }
        }
        messages
    }

    pub(super) fn handle_connected(
        &mut self,
        connection: ConnectionId,
        is_pipelining: bool,
        now: Timestamp,
    ) {
        let pools = &self.lines.pools;
        let messages_max = |pool| pools.pool(pool).messages_max;
        let lead = self
            .connections
            .connected(connection, is_pipelining, messages_max, now);
        if let Some(lead) = lead {
            let contact = &mut self.lines.pools.pool_mut(lead.pool).contact;
            let was_proven = contact.is_proven();
            contact.connected();
            if !was_proven {
                self.lines.pools.opened(lead.pool);
            }
            self.make_way(lead);
        }
    }

    pub(super) fn handle_connect_failed(
        &mut self,
        connection: ConnectionId,
        trouble: Trouble,
        chance: f64,
        now: Timestamp,
    ) {
        if let Some(lead) = self.connections.failed(connection) {
            let pool = self.lines.pools.pool_mut(lead.pool);
            pool.contact.failed(trouble, chance, now);
            self.lines.pools.shut_for(lead.pool);
            self.make_way(lead);
        }
    }

    pub(super) fn handle_closed(&mut self, connection: ConnectionId) {
        if let Some(lead) = self.connections.closed(connection) {
            self.make_way(lead);
        }
    }

    /// A connection that led there is open, or gone: whoever waited for that is looked at.
    pub(super) fn make_way(&mut self, lead: Lead) {
        self.lines.pools.change(lead.way);
        self.lines.pools.release_held(lead.pool);
        self.lines.pools.share_anew(lead.route);
    }

    /// A way whose site cannot be reached waits here for no longer than a slice.
    fn wait_for_site(&mut self, way: WayId, pool: PoolId, now: Timestamp) {
        self.lines.pools.put(way, Queue::Parked);
        let until = self.lines.pools.pool(pool).contact.not_until();
        let is_long = until.since(now) > self.settings.lease.slice;
        if !is_long || self.connections.of_pool(pool).open > 0 {
            return;
        }
        let is_direct = {
            let route = self.lines.pools.pool(pool).route;
            self.lines.pools.route(route).relay.is_none()
        };
        if self.lines.pools.all_shut_until() > now {
            // Nothing can leave, so all that is in hand goes back as it is.
            return self.stop_all();
        }
        let strands = self.lines.take_lines(pool);
        let failure = self.lines.pools.pool(pool).contact.failure().cloned();
        let site = self.lines.pools.pool(pool).site.clone();
        for strand in strands {
            match &failure {
                Some((trouble, chance)) if is_direct => {
                    self.end_strand(strand, trouble, &site, *chance, now);
                }
                _ => self.send_back(strand, until, now),
            }
        }
    }

    /// Whoever stands in line for a site that rests waits for the end of that.
    fn wait_for_rest(&mut self, pool: PoolId, now: Timestamp) {
        let until = self.lines.pools.pool(pool).rest.until();
        for strand in self.lines.take_lines(pool) {
            if let Some(domain) = self.domain_of(strand) {
                self.keep_waiting(strand, &domain, until, now);
            }
        }
    }

    fn stop_all(&mut self) {
        let working = self.hands.values_mut();
        let working = working.filter(|hand| hand.stage == Stage::Working);
        let tokens: Vec<_> = working.map(|hand| (hand.stop(), hand.token()).1).collect();
        tokens
            .into_iter()
            .for_each(|token| self.lines.forget(token));
    }

    /// Asks DNS for domains whose mail waits for that.
    pub(super) fn resolve(&mut self) {
        while let Some((route, domain)) = self.lines.next_to_ask() {
            self.effects.push(Effect::Resolve(route, domain));
        }
    }

    /// DNS has said where the mail of a domain goes, or that there is no such place.
    pub(super) fn handle_resolved(
        &mut self,
        route: RouteId,
        domain: &Arc<str>,
        resolved: Result<Resolution, NoRoute>,
        chance: f64,
        now: Timestamp,
    ) {
        match resolved {
            Ok(Resolution {
                target,
                valid_until,
            }) => {
                let is_used = |pool| self.connections.of_pool(pool).all() > 0;
                let way = self.lines.pools.way_to(route, &target, is_used, now);
                self.lines.resolved(domain, way, valid_until);
            }
            Err(no_route) => {
                let trouble = Trouble::from(no_route);
                let site = SiteName::of_host(domain);
                for strand in self.lines.unresolved(domain) {
                    self.end_strand(strand, &trouble, &site, chance, now);
                }
            }
        }
    }

    /// Nobody of a strand can be sent to, and each has this for an attempt.
    fn end_strand(
        &mut self,
        strand: StrandId,
        trouble: &Trouble,
        site: &SiteName,
        chance: f64,
        now: Timestamp,
    ) {
        let is_working = |hand: &&mut Hand| hand.stage == Stage::Working;
        let Some(hand) = self.hands.get_mut(&strand.hand).filter(is_working) else {
            return;
        };
        let chunk = Arc::clone(&hand.chunk);
        for index in hand.take_strand(strand.strand) {
            let (end, recipient) = (End::Refused(trouble.clone()), &chunk.recipients[index]);
            let circumstances = Circumstances {
                classification: Some(self.settings.classifier.classify(trouble, site)),
                rests_until: None,
                recipient,
                // Lost often enough, so that it is not sent again from this hand.
                losses: u8::MAX,
                backoff: &self.settings.backoff,
                chance,
            };
            if let Judgement::Record(outcome, reply, _) = judge(end, &circumstances, now) {
                let attempt = recipient.attempts.saturating_add(1);
                self.record(strand.hand, index, attempt, outcome, reply, now);
            } else {
                debug_assert!(false, "whoever cannot be reached is not sent to again");
            }
        }
        self.asked.may_claim(now);
    }
}
