//! Where mail leaves: routes, the sites that they reach, and whose mail may share a connection.
//!
//! A *pool* is a route and a site: the receiver's own unit, which counts our connections and has one
//! health. A route to a relay has one pool, direct delivery one for each site. A *way* is a pool and
//! one set of hosts: a site may have many (each customer of a large provider has hosts of its own),
//! and a connection carries mail only for domains with the same hosts. So caps and back-off belong
//! to the pool, lines of strands and idle connections to the way.
//!
//! A way whose line needs another connection stands in exactly one queue: among those that *want*
//! one; *short*, because caps and shares leave nothing for it; *held*, because its pool is full; or
//! *parked*, while its site cannot be reached. What changes any of that puts it back, and nobody is looked at twice
//! for nothing, however many sites there are.

#[cfg(test)]
mod audit;
mod enough;
mod known;
mod shut;
mod turns;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use postrider_limiter::Cell;
use postrider_smtp::providers::Providers;
use postrider_smtp::site::{HostSet, SiteName, Target};
use postrider_types::{Rate, Timestamp};

use super::contact::Contact;
use super::hands::StrandId;
use super::pace::Pace;
use super::rest::Rest;
use crate::bounds::{WAYS_KEPT_MAX, WAYS_PRUNE};
use crate::settings::{NextHop, RouteId, RouteSettings, Settings};
use enough::Enough;

/// Names a pool; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PoolId(u64);

/// Names a way; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WayId(u64);

/// One route, as the core knows it.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) name: Arc<str>,
    pub(super) settings: RouteSettings,
    /// Its only way, if it leads to relays.
    pub(super) relay: Option<WayId>,
    /// Connections that carry anything.
    pub(super) busy: usize,
    /// Strands that stand anywhere.
    pub(super) placed: usize,
    /// Ways that want another connection, in the order of their turns.
    wanting: VecDeque<WayId>,
    /// Ways for which caps and shares leave nothing.
    short: Vec<WayId>,
}

/// One site of one route.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) route: RouteId,
    pub(super) site: SiteName,
    /// Most connections at once, unless it rests, has just rested or has enough of them.
    connections_max: usize,
    /// Most messages of one connection.
    pub(super) messages_max: Option<u32>,
    /// Messages in a time, as the provider is known to allow.
    pub(super) rate: Option<Rate>,
    /// The limiter's cell for that.
    pub(super) cell: Cell,
    /// Whether the site can be reached.
    pub(super) contact: Contact,
    /// Whether it must be left alone.
    pub(super) rest: Rest,
    /// Whether it has as many sessions as it takes.
    enough: Enough,
    /// When it last accepted a message.
    pub(super) accepted_at: Timestamp,
    /// How briskly it answers dots, whoever they are for.
    pub(super) pace: Pace,
    /// Connections that carry anything.
    pub(super) busy: usize,
    /// Strands that stand anywhere.
    pub(super) placed: usize,
    ways: Vec<WayId>,
    /// Ways that wait until a connection of the pool is closed.
    held: VecDeque<WayId>,
    /// Ways that wait until the site may be tried again.
    parked: Vec<WayId>,
}

/// One set of hosts of one pool.
#[derive(Debug)]
struct Way {
    pool: PoolId,
    /// Where to dial; `None` is the relays of the route.
    target: Option<Arc<Target>>,
    /// Strands that only need a connection.
    in_line: VecDeque<StrandId>,
    queue: Queue,
}

/// Where a way stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nowhere: it needs no more connections than it has, or was not looked at yet.
    Nowhere,
    /// It wants one.
    Wanting,
    /// Caps and shares leave nothing for those in its line.
    Short,
    /// Its pool is full.
    Held,
    /// Its site cannot be reached now.
    Parked,
}

impl Pool {
    /// Most connections at once.
    pub(super) fn connections_max(&self) -> usize {
        self.enough.connections_max(self.shared_connections_max())
    }

    /// Most connections at once over all workers. How many a server takes is learned by each of
    /// them for itself, from its own sessions.
    pub(super) fn shared_connections_max(&self) -> usize {
        self.rest.connections_max(self.connections_max)
    }

    /// A message was accepted; says whether there may be one more connection for it.
    pub(super) fn accepted(&mut self, now: Timestamp) -> bool {
        self.rest.accepted(self.connections_max, now)
    }

    /// Why nothing goes there, and since when.
    pub(super) fn trouble(&self) -> Option<&(Arc<str>, Timestamp)> {
        let suspension = self.suspension();
        suspension.or_else(|| self.contact.trouble())
    }

    /// Why a person must act, and since when.
    pub(super) fn suspension(&self) -> Option<&(Arc<str>, Timestamp)> {
        let contact = self.contact.trouble();
        let contact = contact.filter(|_| self.contact.is_suspended());
        contact.or_else(|| self.rest.trouble())
    }

    /// Whether it refuses us, so that a person must act.
    pub(super) fn is_suspended(&self) -> bool {
        self.suspension().is_some()
    }

    /// Since when it has taken nothing, as far as this process has seen; `None` when it may take
    /// something now.
    pub(super) fn barren_since(&self) -> Option<Timestamp> {
        let contact = self.contact.trouble().map(|(_, since)| *since);
        let since = [contact, self.rest.since()].into_iter().flatten().min()?;
        Some(since.max(self.accepted_at))
    }
}

/// All routes, pools and ways.
#[derive(Debug)]
pub(super) struct Pools {
    routes: Vec<Route>,
    pools: HashMap<PoolId, Pool>,
    ways: HashMap<WayId, Way>,
    by_site: HashMap<(RouteId, SiteName), PoolId>,
    by_hosts: HashMap<(PoolId, HostSet), WayId>,
    providers: Arc<Providers>,
    /// Ways of which something has changed since they were looked at.
    changed: BTreeSet<WayId>,
    /// Pools that cannot be reached, with the instant of the next try.
    shut: BTreeSet<(Timestamp, PoolId)>,
    /// Pools whose servers have enough sessions, with the instant at which one more is tried.
    full: BTreeSet<(Timestamp, PoolId)>,
    /// Pools that are suspended.
    suspended: BTreeSet<PoolId>,
    /// Strands in all lines together.
    in_line: usize,
    last: u64,
    /// Unused ones were looked for, and are not again before then.
    prune_at: Timestamp,
}

impl Pools {
    /// The routes of the settings; those to relays have their pool from the start.
    pub(super) fn new(settings: &Settings) -> Self {
        let route = |id, of_id: &RouteSettings| Route {
            name: settings.routes.name(id).into(),
            settings: of_id.clone(),
            relay: None,
            busy: 0,
            placed: 0,
            wanting: VecDeque::new(),
            short: Vec::new(),
        };
        let mut pools = Self {
            routes: settings
                .routes
                .all()
                .map(|(id, own)| route(id, own))
                .collect(),
            pools: HashMap::new(),
            ways: HashMap::new(),
            by_site: HashMap::new(),
            by_hosts: HashMap::new(),
            providers: Arc::clone(&settings.providers),
            changed: BTreeSet::new(),
            shut: BTreeSet::new(),
            full: BTreeSet::new(),
            suspended: BTreeSet::new(),
            in_line: 0,
            last: 0,
            prune_at: Timestamp::EPOCH,
        };
        for (id, route) in settings.routes.all() {
            if let NextHop::Relays(relays) = &route.next_hop {
                let relay = &relays.as_slice()[0];
                let site = SiteName::of_relay(&relay.host(), relay.port());
                let pool = pools.add_pool(id, site);
                pools.routes[id.0].relay = Some(pools.add_way(pool, None));
            }
        }
        pools
    }

    /// The way to these hosts by this route. `is_used` names the pools that have connections.
    pub(super) fn way_to(
        &mut self,
        route: RouteId,
        target: &Arc<Target>,
        is_used: impl Fn(PoolId) -> bool,
        now: Timestamp,
    ) -> WayId {
        if self.ways.len() >= WAYS_KEPT_MAX && self.prune_at <= now {
            self.prune_at = now.plus(WAYS_PRUNE);
            self.prune(is_used, now);
        }
        let known = self.by_site.get(&(route, target.site.clone())).copied();
        let pool = known.unwrap_or_else(|| self.add_pool(route, target.site.clone()));
        match self.by_hosts.get(&(pool, target.host_set.clone())) {
            Some(&way) => {
                // Addresses and their order may be newer.
                let own = self.ways.get_mut(&way).expect("an index of what is there");
                own.target = Some(Arc::clone(target));
                way
            }
            None => self.add_way(pool, Some(Arc::clone(target))),
        }
    }

    fn add_pool(&mut self, route: RouteId, site: SiteName) -> PoolId {
        self.last += 1;
        let id = PoolId(self.last);
        let settings = &self.routes[route.0].settings;
        let is_mx = matches!(settings.next_hop, NextHop::Mx(_));
        // What the operator says of his own relay holds; the table is about other people's hosts.
        let known = is_mx.then(|| self.providers.limits(&site));
        let known = known.unwrap_or_default();
        let is_provider = is_mx && self.providers.of_site(&site).is_some();
        let per_site = match known.connections_max {
            Some(max) if is_provider => usize::from(max),
            _ if is_mx => settings.connections_per_site,
            _ => settings.connections_max,
        };
        let own_messages = settings.messages_per_connection;
        let messages = [own_messages, known.messages_per_connection_max];
        let pool = Pool {
            route,
            connections_max: per_site.min(settings.connections_max),
            messages_max: messages.into_iter().flatten().min(),
            rate: known.rate,
            cell: Cell::default(),
            contact: Contact::new(site.to_string(), !is_mx, settings),
            rest: Rest::new(!is_mx),
            enough: Enough::new(settings.delay_min, settings.delay_max),
            accepted_at: Timestamp::EPOCH,
            pace: Pace::default(),
            busy: 0,
            placed: 0,
            ways: Vec::new(),
            held: VecDeque::new(),
            parked: Vec::new(),
            site: site.clone(),
        };
        self.pools.insert(id, pool);
        self.by_site.insert((route, site), id);
        id
    }

    fn add_way(&mut self, pool: PoolId, target: Option<Arc<Target>>) -> WayId {
        self.last += 1;
        let id = WayId(self.last);
        if let Some(target) = &target {
            self.by_hosts.insert((pool, target.host_set.clone()), id);
        }
        self.pool_mut(pool).ways.push(id);
        let way = Way {
            pool,
            target,
            in_line: VecDeque::new(),
            queue: Queue::Nowhere,
        };
        self.ways.insert(id, way);
        id
    }

    /// Forgets the pools of which nothing stands anywhere, nothing is connected and no limit
    /// holds. Whoever comes for one of them again asks DNS again.
    fn prune(&mut self, is_used: impl Fn(PoolId) -> bool, now: Timestamp) {
        let routes = &self.routes;
        let shut: HashSet<PoolId> = self.shut.iter().map(|(_, pool)| *pool).collect();
        let is_idle = |id: &PoolId, pool: &mut Pool| {
            let is_relay = routes[pool.route.0].relay.is_some();
            let is_limited = pool.cell.as_nanos().is_some_and(|tat| tat > now.as_nanos());
            let is_shut = shut.contains(id);
            let is_resting = pool.rest.until() > now;
            let is_held = is_limited || is_shut || is_resting;
            !is_relay && pool.placed == 0 && !is_held && !is_used(*id)
        };
        let gone: HashMap<PoolId, Pool> = self.pools.extract_if(is_idle).collect();
        self.ways.retain(|_, way| !gone.contains_key(&way.pool));
        self.full.retain(|(_, pool)| !gone.contains_key(pool));
        self.suspended.retain(|pool| !gone.contains_key(pool));
        self.by_site.retain(|_, pool| !gone.contains_key(pool));
        self.by_hosts
            .retain(|(pool, _), _| !gone.contains_key(pool));
    }
}
