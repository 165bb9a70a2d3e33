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
//! and all of it can only wait. So does what waits for a site that asked to be left alone, or that
//! refuses us. What waits for any other site of direct delivery is deferred, which is an attempt. Whoever waits
//! for too long expires (`expiry`).

use postrider_smtp::Trouble;
use postrider_smtp::classify::Action;
use postrider_types::Timestamp;

use super::Core;
use super::connections::Lead;
use super::event::{ConnectionId, Effect, Offer};
use super::hands::Stage;
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
        if is_trial && usage.connecting + usage.on_trial > 0 {
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
        let pool = self.lines.pools.pool(lead.pool);
        let contact = &pool.contact;
        self.effects.push(Effect::Connect {
            connection,
            route: lead.route,
            site: pool.site.clone(),
            site_max: pool.shared_connections_max(),
            target: self.lines.pools.target(lead.way),
            allowed: contact.allowed(now),
        });
    }

    pub(super) fn quit_idle(&mut self, connection: ConnectionId) {
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
        mail_max: Option<u32>,
        now: Timestamp,
    ) {
        let pools = &self.lines.pools;
        let messages_max = |pool| pools.pool(pool).messages_max;
        let lead =
            self.connections
                .connected(connection, is_pipelining, mail_max, messages_max, now);
        if let Some(lead) = lead {
            let contact = &mut self.lines.pools.pool_mut(lead.pool).contact;
            let was_proven = contact.is_proven();
            contact.connected();
            if !was_proven && contact.is_proven() {
                self.lines.pools.opened(lead.pool);
            }
            let standing = self.connections.of_pool(lead.pool).open;
            self.lines.pools.stands(lead.pool, standing);
            self.make_way(lead);
        }
    }

    pub(super) fn handle_broken_offer(
        &mut self,
        connection: ConnectionId,
        offer: Offer,
        now: Timestamp,
    ) {
        if let Some(lead) = self.connections.lead(connection) {
            let pool = self.lines.pools.pool_mut(lead.pool);
            pool.contact.broke(offer, now);
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
            let standing = self.connections.of_pool(lead.pool).open;
            let is_reached = standing > 0;
            let pool = self.lines.pools.pool_mut(lead.pool);
            let meaning = self.settings.classifier.classify(&trouble, &pool.site);
            self.meanings.note(trouble.phase(), &meaning);
            let is_busy = meaning.action == Some(Action::ThrottleSite) && !trouble.is_lasting();
            if is_reached && is_busy {
                self.lines.pools.has_enough(lead.pool, standing, now);
                return self.make_way(lead);
            }
            let contact = &mut pool.contact;
            contact.failed(trouble, &meaning, is_reached, chance, now);
            let is_suspended = pool.is_suspended();
            self.lines.pools.note_suspended(lead.pool, is_suspended);
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

    /// A way whose site cannot be reached waits for the next try.
    fn wait_for_site(&mut self, way: WayId, pool: PoolId, now: Timestamp) {
        self.lines.pools.put(way, Queue::Parked);
        self.leave_for_site(way, pool, now);
    }

    /// Whoever stands in the line of a parked way waits there for no longer than a slice.
    pub(super) fn leave_for_site(&mut self, way: WayId, pool: PoolId, now: Timestamp) {
        let until = self.lines.pools.pool(pool).contact.not_until();
        let is_long = until.since(now) > self.settings.lease.slice;
        if !is_long || self.connections.of_pool(pool).open > 0 {
            return self.expire_line(way, pool, now);
        }
        if self.all_shut_until() > now {
            // Nothing can leave, so all that is in hand goes back as it is.
            return self.stop_all();
        }
        let strands = self.lines.take_lines(pool);
        let own = self.lines.pools.pool(pool);
        let is_direct = self.lines.pools.route(own.route).relay.is_none();
        let failure = own.contact.failure().cloned();
        let charged = failure.filter(|_| is_direct && !own.contact.is_on_hold());
        let site = own.site.clone();
        for strand in strands {
            if !self.expire_strand(strand, pool, now) {
                continue;
            }
            match &charged {
                Some((trouble, chance)) => {
                    self.end_strand(strand, trouble, &site, *chance, now);
                }
                None => self.send_back(strand, until, now),
            }
        }
    }

    /// Whoever stands in line for a site that rests waits for the end of that.
    fn wait_for_rest(&mut self, pool: PoolId, now: Timestamp) {
        let until = self.lines.pools.pool(pool).rest.until();
        for strand in self.lines.take_lines(pool) {
            if let Some(domain) = self.domain_of(strand)
                && self.expire_strand(strand, pool, now)
            {
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
}
