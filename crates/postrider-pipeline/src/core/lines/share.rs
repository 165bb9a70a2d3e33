//! How many connections a destination may have: its cap, and its share.
//!
//! Two things hold a strand up although its limits admit it. Its domain's cap; and its *share* of its
//! route's connections. A party that is slow, or of which nothing is known yet, takes at most half of
//! what the others leave, as long as another party has work, or may have some in the store. Alone, it
//! leaves one. So, however many destinations are slow, there is a connection for the next.
//!
//! Behind a relay each domain is a party. One that answers its dots briskly ([`Pace`]) leaves one
//! connection to the others, and none when nobody else has work: with each dot its connection takes
//! whoever is next in the line, so a newcomer waits for one brisk answer. The one that is left
//! is for the moment in which it turns slow: until that shows, it takes whatever it may.
//!
//! In direct delivery each site is a party, for the domains of one site are as slow as it is. Its
//! connections take nobody else's mail, so even a brisk one is held to half of what others leave as
//! soon as another site has work.
//!
//! Cap and share count connections that carry something for the domain, be it the message whose
//! turn it is or the one behind it. A connection that carries messages of two domains counts for
//! both. One that carries two of the same domain counts once: it has no more than one of them open
//! at the receiver, and with a cap of one it could otherwise never pipeline.

use std::sync::Arc;

use postrider_types::Timestamp;

use super::Lines;
#[cfg(doc)]
use crate::core::pace::Pace;
use crate::core::pools::{Pool, PoolId, WayId};
use crate::settings::RouteId;

/// Whether a domain may have one more connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Room {
    /// It may.
    Yes,
    /// Its own cap is reached.
    Capped,
    /// It has its share.
    Shared,
}

/// Who has a share.
#[derive(Debug, Clone, Copy)]
struct Party {
    /// Connections that carry something for it.
    busy: usize,
    /// Strands of it that stand anywhere.
    placed: usize,
    /// Whether it needs no share.
    is_brisk: bool,
}

impl Lines {
    /// Whether a domain may have one more connection of its way; `is_more_to_come` says whether
    /// the store may have work of other domains. `behind` is the domain of a message behind whose
    /// dot it would go: then its connection counts as idle, for that is what it is about to be.
    pub(in crate::core) fn room(
        &self,
        way: WayId,
        domain: &str,
        cap: usize,
        behind: Option<&str>,
        is_more_to_come: bool,
    ) -> Room {
        let state = self.domains.get(domain);
        let (mine, placed) = state.map_or((0, 0), |state| (state.connections, state.placed));
        let mine = mine - usize::from(behind == Some(domain));
        if mine >= cap {
            return Room::Capped;
        }
        let pool = self.pools.pool(self.pools.pool_of(way));
        let carried = usize::from(behind.is_some());
        if pool.busy - carried >= pool.connections_max() {
            return Room::Shared;
        }
        let party = match self.pools.route(pool.route).relay {
            Some(_) => Party {
                busy: mine,
                placed,
                is_brisk: state.is_some_and(|state| state.pace.is_brisk(self.now)),
            },
            None => self.site(pool, carried),
        };
        if party.busy < self.share(pool.route, party, carried, is_more_to_come) {
            Room::Yes
        } else {
            Room::Shared
        }
    }

    /// How many more connections a way's pool may have by its share; without bound behind a
    /// relay, where not the pool but each domain has one.
    pub(in crate::core) fn left_of_share(&self, way: WayId, is_more_to_come: bool) -> usize {
        let pool = self.pools.pool(self.pools.pool_of(way));
        match self.pools.route(pool.route).relay {
            Some(_) => usize::MAX,
            None => {
                let party = self.site(pool, 0);
                let share = self.share(pool.route, party, 0, is_more_to_come);
                share.saturating_sub(pool.busy)
            }
        }
    }

    /// A site of direct delivery as a party; `carried` of its busy connections count as idle.
    fn site(&self, pool: &Pool, carried: usize) -> Party {
        let others = self.pools.route(pool.route).placed - pool.placed;
        Party {
            busy: pool.busy - carried,
            placed: pool.placed,
            is_brisk: others == 0 && pool.pace.is_brisk(self.now),
        }
    }

    /// How many connections a party may have; `carried` busy ones count as idle.
    fn share(&self, route: RouteId, party: Party, carried: usize, is_more_to_come: bool) -> usize {
        let route = self.pools.route(route);
        let max = route.settings.connections_max;
        let others = route.busy - carried - party.busy;
        let is_alone = route.placed == party.placed && others == 0;
        match (party.is_brisk, is_alone) {
            (true, true) => max,
            (true, false) => max.max(2) - 1,
            (false, true) if !is_more_to_come => max.max(2) - 1,
            (false, _) => (max - others).div_ceil(2),
        }
    }

    /// Whether a message may go behind the dot of this domain on a connection of this way: the
    /// rule of [`Pace`].
    pub(in crate::core) fn may_follow(&self, way: WayId, domain: &str, now: Timestamp) -> bool {
        let pace = self.domains.get(domain).map(|state| state.pace);
        let pace = pace.unwrap_or_default();
        let whole = &self.pools.pool(self.pools.pool_of(way)).pace;
        pace.is_brisk(now) || (pace.is_unknown() && whole.is_brisk(now))
    }

    /// A dot of this domain leaves.
    pub(in crate::core) fn dot(&mut self, pool: PoolId, domain: &Arc<str>, now: Timestamp) {
        self.pools.pool_mut(pool).pace.dot(now);
        self.domain(domain).pace.dot(now);
    }

    /// The answer to a dot that left at `dot_at` has come, or never will.
    pub(in crate::core) fn answered(
        &mut self,
        pool: PoolId,
        domain: &Arc<str>,
        dot_at: Timestamp,
        now: Timestamp,
    ) {
        self.pools.pool_mut(pool).pace.answered(dot_at, now);
        self.domain(domain).pace.answered(dot_at, now);
    }

    /// An idle connection of a pool carries something for this domain.
    pub(in crate::core) fn take_off(&mut self, pool: PoolId, domain: &Arc<str>) {
        let pool = self.pools.pool_mut(pool);
        pool.busy += 1;
        let route = pool.route;
        self.pools.route_mut(route).busy += 1;
        self.domain(domain).connections += 1;
    }

    /// A busy connection that carries something for `front` carries something for this domain too.
    pub(in crate::core) fn follow(&mut self, domain: &Arc<str>, front: &str) {
        self.domain(domain).connections += usize::from(**domain != *front);
    }

    /// A message to this domain has ended on a connection of a pool, and `next` is the domain of
    /// the one that stood behind it. Whoever it held up stands in line again.
    pub(in crate::core) fn landed(&mut self, pool: PoolId, domain: &Arc<str>, next: Option<&str>) {
        if next == Some(&**domain) {
            return;
        }
        if next.is_none() {
            let pool = self.pools.pool_mut(pool);
            pool.busy -= 1;
            let route = pool.route;
            self.pools.route_mut(route).busy -= 1;
        }
        self.domain(domain).connections -= 1;
        self.ask_held(domain);
    }
}
