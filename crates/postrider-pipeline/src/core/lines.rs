//! Where each strand stands: in line, waiting for an instant, or held up by a cap.
//!
//! A strand is in at most one of these places; one whose recipients are all sent is in none.
//! Taking turns happens here: whoever was served goes to the end of the line.
//!
//! Which hosts take the mail of a domain must be known before it can stand in a line: until DNS has
//! said so its strands wait (`asking`), and so they do again when that has become too old. What holds
//! a strand up although its limits admit it is in `share`.

mod asking;
#[cfg(test)]
mod audit;
mod share;
mod waiting;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use postrider_limiter::Cell;
use postrider_types::{Domain, LeaseToken, Rate, Timestamp};

use super::hands::StrandId;
use super::pace::Pace;
use super::pools::{PoolId, Pools, WayId};
use crate::bounds::{DOMAINS_KEPT_MAX, DOMAINS_PRUNE};
use crate::settings::{RouteId, Settings};

pub(super) use share::Room;

/// What is known of a destination while something of it is in hand.
#[derive(Debug, Default)]
struct DomainState {
    route: RouteId,
    /// Where its mail goes, and until when that holds; of direct delivery alone.
    way: Option<(WayId, Timestamp)>,
    /// DNS is to be asked, or is being asked.
    is_asked: bool,
    /// Strands that wait for the answer.
    asking: Vec<StrandId>,
    cell: Cell,
    /// Connections that carry something for it.
    connections: usize,
    pace: Pace,
    /// Strands of it that stand anywhere.
    placed: usize,
    /// Strands that wait for one of its messages to end.
    held: Vec<StrandId>,
}

/// A strand, and where it stands.
#[derive(Debug)]
struct Place {
    domain: Arc<str>,
    route: RouteId,
    /// The pool that it counts for, once that is known.
    pool: Option<PoolId>,
    /// The line in which it stands, if it stands in one.
    line: Option<WayId>,
}

/// The places, and the destinations.
#[derive(Debug)]
pub(super) struct Lines {
    /// Routes, pools, and the lines of their ways.
    pub(super) pools: Pools,
    waiting: BTreeSet<(Timestamp, StrandId)>,
    /// Strands that wait for any message of their route to end.
    sharing: Vec<StrandId>,
    placed: HashMap<StrandId, Place>,
    domains: HashMap<Arc<str>, DomainState>,
    /// Domains that DNS is to be asked for.
    to_ask: VecDeque<Arc<str>>,
    /// Domains that it is being asked for.
    asking: usize,
    /// Which domains do not go by the default route.
    routes: HashMap<Domain, RouteId>,
    /// Domains that have taken something and do not have their whole burst back: at least as many
    /// as there are.
    used: usize,
    /// The most of them.
    pub(super) domains_max: usize,
    now: Timestamp,
    /// Idle domains were looked for, and are not again before then.
    prune_at: Timestamp,
}

/// The rate of a site, and its cell.
pub(super) type SiteCell<'a> = (Rate, &'a mut Cell);

impl Lines {
    /// Nobody stands anywhere, and nothing is known of any domain.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            pools: Pools::new(settings),
            waiting: BTreeSet::new(),
            sharing: Vec::new(),
            placed: HashMap::new(),
            domains: HashMap::new(),
            to_ask: VecDeque::new(),
            asking: 0,
            routes: settings.routes.domains.clone(),
            used: 0,
            domains_max: DOMAINS_KEPT_MAX,
            now: Timestamp::EPOCH,
            prune_at: Timestamp::EPOCH,
        }
    }

    /// Puts a strand at the end of its line, unless it stands somewhere already.
    pub(super) fn line_up(&mut self, strand: StrandId, domain: &Arc<str>) {
        if self.placed.contains_key(&strand) {
            return;
        }
        self.place(strand, domain);
        self.enter(strand);
    }

    /// Takes the first strand out of a line; it stands nowhere then.
    pub(super) fn next(&mut self, way: WayId) -> Option<StrandId> {
        let strand = self.pools.next(way)?;
        self.displace(strand);
        Some(strand)
    }

    /// Holds a strand up until there may be room for it.
    pub(super) fn hold_up(&mut self, strand: StrandId, domain: &Arc<str>, room: Room) {
        self.place(strand, domain);
        match room {
            Room::Capped => self.domain(domain).held.push(strand),
            Room::Shared | Room::Yes => self.sharing.push(strand),
        }
    }

    /// Notes where a strand belongs, before it is put anywhere.
    fn place(&mut self, strand: StrandId, domain: &Arc<str>) {
        let state = self.domain(domain);
        state.placed += 1;
        let (route, way) = (state.route, state.way);
        let relay = self.pools.route(route).relay;
        let way = relay.or_else(|| way.map(|(way, _)| way));
        let way = way.filter(|way| self.pools.has_way(*way));
        let pool = way.map(|way| self.pools.pool_of(way));
        self.pools.route_mut(route).placed += 1;
        if let Some(pool) = pool {
            self.pools.pool_mut(pool).placed += 1;
        }
        let place = Place {
            domain: Arc::clone(domain),
            route,
            pool,
            line: None,
        };
        self.placed.insert(strand, place);
    }

    /// Puts a strand that has its place at the end of its line, or lets it wait for DNS.
    fn enter(&mut self, strand: StrandId) {
        let Some(place) = self.placed.get(&strand) else {
            return;
        };
        let (domain, route) = (Arc::clone(&place.domain), place.route);
        let (now, relay) = (self.now, self.pools.route(route).relay);
        let known = self.domain(&domain).way.filter(|(_, until)| *until > now);
        let way = relay.or_else(|| known.map(|(way, _)| way));
        match way.filter(|way| self.pools.has_way(*way)) {
            Some(way) => self.stand(strand, way),
            None => {
                let state = self.domain(&domain);
                state.asking.push(strand);
                if !std::mem::replace(&mut state.is_asked, true) {
                    self.to_ask.push_back(domain);
                }
            }
        }
    }

    /// Puts a strand at the end of the line of a way.
    fn stand(&mut self, strand: StrandId, way: WayId) {
        let pool = self.pools.pool_of(way);
        if let Some(place) = self.placed.get_mut(&strand) {
            place.line = Some(way);
            if place.pool != Some(pool) {
                if let Some(before) = place.pool.replace(pool) {
                    self.pools.pool_mut(before).placed -= 1;
                }
                self.pools.pool_mut(pool).placed += 1;
            }
        }
        self.pools.line_up(way, strand);
    }

    /// Takes everybody out of the lines of a pool; they stand nowhere then.
    pub(super) fn take_lines(&mut self, pool: PoolId) -> Vec<StrandId> {
        let strands = self.pools.take_lines(pool);
        for strand in &strands {
            self.displace(*strand);
        }
        strands
    }

    /// The limiter's cell of a domain, and the rate of a way's site with its cell.
    pub(super) fn cells(
        &mut self,
        way: WayId,
        domain: &Arc<str>,
    ) -> (&mut Cell, Option<SiteCell<'_>>) {
        let pool = self.pools.pool_of(way);
        // Both are borrowed at once, so the domain must be there before.
        self.domain(domain);
        let own = self.domains.get_mut(domain).expect("it was just put there");
        let pool = self.pools.pool_mut(pool);
        let site = pool.rate.map(|rate| (rate, &mut pool.cell));
        (&mut own.cell, site)
    }

    /// Whether what this domain takes can be remembered. At the bound nobody new may take
    /// anything, so it makes us late but never makes us exceed a limit.
    pub(super) fn is_memorable(&mut self, domain: &str) -> bool {
        let is_known = |state: &DomainState| state.cell.as_nanos().is_some();
        if self.domains.get(domain).is_some_and(is_known) {
            return true;
        }
        if self.used >= self.domains_max {
            self.prune();
        }
        self.used < self.domains_max
    }

    /// A domain has taken its first slot.
    pub(super) fn remember(&mut self) {
        self.used += 1;
    }

    /// Forgets idle domains whose whole burst is there. All are looked at, so not more often than
    /// every second.
    fn prune(&mut self) {
        let now = self.now;
        if self.prune_at > now {
            return;
        }
        self.prune_at = now.plus(DOMAINS_PRUNE);
        let is_used = |cell: Cell| cell.as_nanos().is_some_and(|tat| tat > now.as_nanos());
        self.domains
            .retain(|_, state| state.connections > 0 || state.placed > 0 || is_used(state.cell));
        let used = self.domains.values().filter(|state| is_used(state.cell));
        self.used = used.count();
    }

    /// Lets those ask again whom a message of this domain holds up, and those whom only the share
    /// does.
    pub(super) fn ask_held(&mut self, domain: &Arc<str>) {
        let held = std::mem::take(&mut self.domain(domain).held);
        held.into_iter().for_each(|strand| self.enter(strand));
        self.share_anew();
    }

    /// Lets those ask again whom only the share held up.
    pub(super) fn share_anew(&mut self) {
        let sharing = std::mem::take(&mut self.sharing);
        sharing.into_iter().for_each(|strand| self.enter(strand));
        self.pools
            .routes()
            .for_each(|route| self.pools.share_anew(route));
    }

    /// Removes every strand of a chunk that is no longer sent.
    pub(super) fn forget(&mut self, hand: LeaseToken) {
        let gone: HashSet<_> = self
            .placed
            .keys()
            .filter(|s| s.hand == hand)
            .copied()
            .collect();
        if gone.is_empty() {
            return;
        }
        let stays = |strand: &StrandId| strand.hand != hand;
        self.sharing.retain(stays);
        self.waiting.retain(|(_, strand)| stays(strand));
        let mut lines = BTreeSet::new();
        for strand in gone {
            let Some(place) = self.displace(strand) else {
                continue;
            };
            lines.extend(place.line);
            if let Some(state) = self.domains.get_mut(&place.domain) {
                state.held.retain(stays);
                state.asking.retain(stays);
            }
        }
        lines
            .into_iter()
            .for_each(|way| self.pools.retain(way, stays));
    }

    fn displace(&mut self, strand: StrandId) -> Option<Place> {
        let place = self.placed.remove(&strand)?;
        self.domain(&place.domain).placed -= 1;
        self.pools.route_mut(place.route).placed -= 1;
        if let Some(pool) = place.pool {
            self.pools.pool_mut(pool).placed -= 1;
        }
        Some(place)
    }

    /// The state of a domain.
    fn domain(&mut self, domain: &Arc<str>) -> &mut DomainState {
        if !self.domains.contains_key(domain) {
            if self.domains.len() >= self.domains_max {
                self.prune();
            }
            // A domain name borrowed as text hashes like the domain itself.
            let route = self.routes.get(&**domain).copied();
            let state = DomainState {
                route: route.unwrap_or_default(),
                ..DomainState::default()
            };
            self.domains.insert(Arc::clone(domain), state);
        }
        self.domains.get_mut(domain).expect("it was just put there")
    }
}
