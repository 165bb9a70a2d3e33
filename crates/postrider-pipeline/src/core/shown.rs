//! What the core shows of itself, for people and metrics.

use std::sync::Arc;

use postrider_types::Timestamp;

use super::pools::PoolId;
use super::{Core, MeaningCount, RefusalGroup};
use crate::bounds::{POOLS_SHOWN_MAX, ROUTE_TROUBLES_SHOWN_MAX};
use crate::status::PoolStatus;

/// What the core is doing, for people and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoreStatus {
    /// Open connections.
    pub connections: usize,
    /// Messages under way.
    pub in_flight: usize,
    /// Chunks in hand.
    pub hands: usize,
    /// Why relays cannot be used, or routes are suspended, and since when any.
    pub route_trouble: Option<(Arc<str>, Timestamp)>,
    /// Pools with connections or trouble, at most [`POOLS_SHOWN_MAX`].
    pub pools: Vec<PoolStatus>,
    /// Why the store cannot record.
    pub store_trouble: Option<String>,
    /// Whether it takes no new work.
    pub is_draining: bool,
}

impl Core {
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

    /// What receivers refused with since the start, grouped, those with the most refusals first.
    pub fn refusals(&self) -> Vec<RefusalGroup> {
        self.refusals.groups()
    }

    /// What ends and failures meant since the start, in order.
    pub fn meanings(&self) -> Vec<MeaningCount> {
        self.meanings.counts()
    }

    /// Whether any message is under way.
    pub fn is_busy(&self) -> bool {
        self.connections.messages() > 0
    }

    /// How many ends and failures there were since the start.
    pub const fn meanings_count(&self) -> u64 {
        self.meanings.count()
    }

    /// The troubles of relays by which nothing goes, then the suspensions of others, and since when
    /// there is any. Each has the name of its route, where there are several.
    fn route_trouble(&self) -> Option<(Arc<str>, Timestamp)> {
        let pools = &self.lines.pools;
        let relays = pools.routes().filter_map(|route| pools.route(route).relay);
        let relays = relays.map(|way| pools.pool_of(way));
        // Trouble that only keeps further connections away stops nothing; a person acts on the rest.
        let is_standing = |pool: &PoolId| self.connections.of_pool(*pool).is_standing();
        let relays = relays.filter(|pool| pools.pool(*pool).is_suspended() || !is_standing(pool));
        let relays = relays.map(|pool| pools.pool(pool));
        let relays = relays.filter_map(|pool| Some((pool.route, pool.trouble()?)));
        let others = pools.suspended().map(|pool| pools.pool(pool));
        let others = others.filter(|pool| pools.route(pool.route).relay.is_none());
        let others = others.filter_map(|pool| Some((pool.route, pool.suspension()?)));
        let is_one_of_many = pools.routes().count() > 1;
        let named = |route, sentence: &Arc<str>| match is_one_of_many {
            true => format!("route {}: {sentence}", pools.route(route).name).into(),
            false => Arc::clone(sentence),
        };
        let mut all = relays.chain(others);
        let (route, (sentence, since)) = all.next()?;
        let (mut told, mut since) = (vec![named(route, sentence)], *since);
        let mut more = 0;
        for (route, (sentence, at)) in all {
            since = since.min(*at);
            match told.len() < ROUTE_TROUBLES_SHOWN_MAX {
                true => told.push(named(route, sentence)),
                false => more += 1,
            }
        }
        let mut told = told.join("; ");
        if more > 0 {
            told += &format!("; and {more} more");
        }
        Some((told.into(), since))
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
                    is_suspended: pool.is_suspended(),
                }
            })
            .collect();
        shown.sort_by(|a: &PoolStatus, b| a.order().cmp(&b.order()));
        shown
    }
}
