//! What must hold of places after every event.

use std::collections::HashMap;

use postrider_types::Timestamp;

use super::Lines;
use crate::core::connections::Carried;
use crate::core::hands::StrandId;
use crate::core::pools::PoolId;
use crate::settings::RouteId;

impl Lines {
    /// Every strand that has a place stands in exactly one, and all counts agree with that.
    pub(in crate::core) fn audit(&self, carried: &Carried) {
        let mut stands: HashMap<StrandId, usize> = HashMap::new();
        let waiting = self.waiting.iter().map(|(_, strand)| strand);
        let mut all: Vec<&StrandId> = waiting.chain(&self.sharing).collect();
        for (name, domain) in &self.domains {
            all.extend(domain.held.iter().chain(&domain.asking));
            let is_held_for_nobody = !domain.held.is_empty() && domain.connections == 0;
            assert!(
                !is_held_for_nobody,
                "{name} waits for a message that nobody carries"
            );
            let is_unasked = !domain.asking.is_empty() && !domain.is_asked;
            assert!(!is_unasked, "{name} waits for DNS, and nobody asks");
            let own = carried.of_domain.get(&**name).copied().unwrap_or(0);
            assert_eq!(domain.connections, own, "connections of {name}");
        }
        let in_lines = self.placed.iter().filter(|(_, place)| place.line.is_some());
        for (strand, place) in in_lines {
            let way = place.line.expect("it was just looked at");
            all.extend(self.pools.line(way).filter(|other| *other == strand));
        }
        for strand in all {
            *stands.entry(*strand).or_default() += 1;
        }
        for strand in self.placed.keys() {
            assert_eq!(stands.get(strand), Some(&1), "places of {strand:?}");
        }
        assert_eq!(
            stands.len(),
            self.placed.len(),
            "somebody stands without a place"
        );
        self.audit_counts();
    }

    fn audit_counts(&self) {
        let mut of_domain: HashMap<&str, usize> = HashMap::new();
        let mut of_route: HashMap<RouteId, usize> = HashMap::new();
        let mut of_pool: HashMap<PoolId, usize> = HashMap::new();
        for place in self.placed.values() {
            *of_domain.entry(&place.domain).or_default() += 1;
            *of_route.entry(place.route).or_default() += 1;
            if let Some(pool) = place.pool {
                *of_pool.entry(pool).or_default() += 1;
            }
        }
        for (name, domain) in &self.domains {
            let own = of_domain.get(&**name).copied().unwrap_or(0);
            assert_eq!(domain.placed, own, "strands of {name}");
        }
        for route in self.pools.routes() {
            let own = of_route.get(&route).copied().unwrap_or(0);
            assert_eq!(self.pools.route(route).placed, own, "strands of a route");
        }
        for (pool, own) in of_pool {
            assert_eq!(self.pools.pool(pool).placed, own, "strands of a pool");
        }
    }

    /// Whether a strand stands anywhere.
    pub(in crate::core) fn is_placed(&self, strand: StrandId) -> bool {
        self.placed.contains_key(&strand)
    }

    /// Strands that only a share holds up.
    pub(in crate::core) fn sharing(&self) -> &[StrandId] {
        &self.sharing
    }

    /// Whether nobody waits for an instant that has passed.
    pub(in crate::core) fn is_awake(&self, now: Timestamp) -> bool {
        self.next_at().is_none_or(|at| at > now)
    }
}
