//! What must hold of pools and ways after every event.

use std::collections::HashMap;

use super::{Pools, Queue, WayId};
use crate::core::connections::{Carried, Connections};
use crate::core::hands::StrandId;

impl Pools {
    /// Every way stands where it says, and once.
    pub(in crate::core) fn audit(&self, carried: &Carried) {
        let in_line = self.ways.values().map(|way| way.in_line.len());
        assert_eq!(self.in_line, in_line.sum::<usize>(), "strands in lines");
        let mut stands: HashMap<WayId, Queue> = HashMap::new();
        let mut stand = |way: WayId, queue| {
            let before = stands.insert(way, queue);
            assert_eq!(before, None, "{way:?} stands in two queues");
        };
        for route in &self.routes {
            route
                .wanting
                .iter()
                .for_each(|way| stand(*way, Queue::Wanting));
            route.short.iter().for_each(|way| stand(*way, Queue::Short));
        }
        for pool in self.pools.values() {
            pool.held.iter().for_each(|way| stand(*way, Queue::Held));
            pool.parked
                .iter()
                .for_each(|way| stand(*way, Queue::Parked));
        }
        for (id, way) in &self.ways {
            let queue = stands.get(id).copied().unwrap_or(Queue::Nowhere);
            assert_eq!(way.queue, queue, "where {id:?} stands");
            assert!(
                self.pools[&way.pool].ways.contains(id),
                "{id:?} has its pool"
            );
            let is_shut = self.shut.iter().any(|(_, pool)| *pool == way.pool);
            assert!(
                queue != Queue::Parked || is_shut,
                "{id:?} is parked for ever"
            );
        }
        let mut of_route = vec![0; self.routes.len()];
        for (id, pool) in &self.pools {
            let busy = carried.of_pool.get(id).copied().unwrap_or(0);
            assert_eq!(pool.busy, busy, "busy connections of {}", pool.site);
            of_route[pool.route.0] += busy;
        }
        let busy: Vec<_> = self.routes.iter().map(|route| route.busy).collect();
        assert_eq!(busy, of_route, "busy connections of routes");
    }

    /// Whoever stands in a line is served, or there is something that will come and wake its way.
    pub(in crate::core) fn audit_lines(
        &self,
        connections: &Connections,
        carried: &Carried,
        is_claiming: bool,
        is_alive: impl Fn(&StrandId) -> bool,
    ) {
        assert!(
            self.changed.is_empty(),
            "a way has changed, and nobody has looked"
        );
        for (id, way) in &self.ways {
            if !way.in_line.iter().any(&is_alive) {
                continue;
            }
            assert!(
                !connections.is_idle(*id),
                "{id:?} has a line and an idle connection"
            );
            let route = self.pools[&way.pool].route;
            let (usage, of_pool) = (connections.of_route(route), connections.of_pool(way.pool));
            let is_served = carried.of_way.contains_key(id) || connections.connecting_to(*id) > 0;
            let is_woken = match way.queue {
                Queue::Nowhere => is_served,
                Queue::Wanting => {
                    let max = self.routes[route.0].settings.connections_max;
                    usage.all() >= max
                }
                Queue::Short => usage.all() > 0 || is_claiming,
                Queue::Held => of_pool.all() > 0,
                Queue::Parked => true,
            };
            assert!(
                is_woken,
                "{id:?} waits {:?} for nobody: {usage:?} {of_pool:?}",
                way.queue
            );
        }
    }
}
