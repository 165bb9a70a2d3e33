//! What is asked about routes, pools and ways.

use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::site::{SiteName, Target};
use postrider_types::Timestamp;

use super::{Pool, PoolId, Pools, Queue, Route, WayId};
use crate::settings::RouteId;

impl Pools {
    pub(in crate::core) fn route(&self, route: RouteId) -> &Route {
        &self.routes[route.0]
    }

    pub(in crate::core) fn route_mut(&mut self, route: RouteId) -> &mut Route {
        &mut self.routes[route.0]
    }

    pub(in crate::core) fn routes(&self) -> impl Iterator<Item = RouteId> + use<> {
        (0..self.routes.len()).map(RouteId)
    }

    /// The pool of a site, if anything is known of it.
    pub(in crate::core) fn known(&self, route: RouteId, site: &SiteName) -> Option<PoolId> {
        self.by_site.get(&(route, site.clone())).copied()
    }

    /// A pool that something stands in, is carried by or waits for.
    pub(in crate::core) fn pool(&self, pool: PoolId) -> &Pool {
        &self.pools[&pool]
    }

    pub(in crate::core) fn pool_mut(&mut self, pool: PoolId) -> &mut Pool {
        self.pools.get_mut(&pool).expect("pools in use are kept")
    }

    pub(in crate::core) fn has_way(&self, way: WayId) -> bool {
        self.ways.contains_key(&way)
    }

    pub(in crate::core) fn pool_of(&self, way: WayId) -> PoolId {
        self.ways[&way].pool
    }

    pub(in crate::core) fn target(&self, way: WayId) -> Option<Arc<Target>> {
        self.ways.get(&way)?.target.clone()
    }

    /// Whether a way waits until its site may be tried again.
    pub(in crate::core) fn is_parked(&self, way: WayId) -> bool {
        self.ways
            .get(&way)
            .is_some_and(|way| way.queue == Queue::Parked)
    }

    /// Pools in trouble, with the instant of the next try.
    pub(in crate::core) fn shut(&self) -> impl Iterator<Item = (Timestamp, PoolId)> {
        self.shut.iter().copied()
    }

    /// Pools that are suspended.
    pub(in crate::core) fn suspended(&self) -> impl Iterator<Item = PoolId> {
        self.suspended.iter().copied()
    }

    /// Notes whether a pool is suspended.
    pub(in crate::core) fn note_suspended(&mut self, pool: PoolId, is_suspended: bool) {
        if is_suspended {
            self.suspended.insert(pool);
        } else {
            self.suspended.remove(&pool);
        }
    }

    /// Until when nothing can leave by any route; the beginning of time when some can, because a
    /// session of it stands (`is_standing`) or it may be tried; or when what waits for a relay may
    /// be old enough to be given up, which needs no connection.
    pub(in crate::core) fn all_shut_until(
        &self,
        give_up_after: Duration,
        is_standing: impl Fn(PoolId) -> bool,
    ) -> Timestamp {
        let until_of = |way| {
            let id = self.pool_of(way);
            if is_standing(id) {
                return Timestamp::EPOCH;
            }
            let pool = self.pool(id);
            let until = pool.contact.not_until();
            let is_barren = pool
                .barren_since()
                .is_some_and(|since| since.plus(give_up_after) <= until);
            if is_barren { Timestamp::EPOCH } else { until }
        };
        let until = self.routes.iter().map(|route| match route.relay {
            Some(way) => until_of(way),
            None => Timestamp::EPOCH,
        });
        until.min().unwrap_or(Timestamp::EPOCH)
    }
}
