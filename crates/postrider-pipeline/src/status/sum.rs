//! What several workers do, as if one did it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::{PoolStatus, Status};
use crate::bounds::{POOLS_SHOWN_MAX, REFUSAL_GROUPS_MAX};
use crate::core::{MeaningCount, RefusalGroup};

impl Status {
    /// What all of them do together. Of troubles of one kind the first counts; a service drains
    /// when each of its workers does.
    pub fn sum(all: &[Self]) -> Self {
        let first = |trouble: fn(&Self) -> Option<_>| all.iter().find_map(trouble);
        Self {
            connections: all.iter().map(|one| one.connections).sum(),
            messages_in_flight: all.iter().map(|one| one.messages_in_flight).sum(),
            chunks_held: all.iter().map(|one| one.chunks_held).sum(),
            route_trouble: first(|one| one.route_trouble.clone()),
            pools: pools(all),
            refusals: refusals(all).into(),
            meanings: meanings(all).into(),
            store_trouble: all.iter().find_map(|one| one.store_trouble.clone()),
            bodies_loaded: all.iter().map(|one| one.bodies_loaded).sum(),
            is_draining: !all.is_empty() && all.iter().all(|one| one.is_draining),
        }
    }

    /// What is left of a worker that has ended: what it counted.
    #[must_use]
    pub fn counted(&self) -> Self {
        Self {
            refusals: Arc::clone(&self.refusals),
            meanings: Arc::clone(&self.meanings),
            bodies_loaded: self.bodies_loaded,
            ..Self::default()
        }
    }
}

/// The same pool of several workers is one: its connections add up, and its cap is the lowest that
/// any of them knows.
fn pools(all: &[Status]) -> Vec<PoolStatus> {
    let mut pools = BTreeMap::new();
    for pool in all.iter().flat_map(|one| &one.pools) {
        match pools.entry((pool.route, pool.site.clone())) {
            Entry::Vacant(place) => {
                place.insert(pool.clone());
            }
            Entry::Occupied(mut known) => {
                let known: &mut PoolStatus = known.get_mut();
                known.open += pool.open;
                known.busy += pool.busy;
                known.connections_max = known.connections_max.min(pool.connections_max);
                known.trouble = known.trouble.take().or_else(|| pool.trouble.clone());
                known.is_suspended |= pool.is_suspended;
            }
        }
    }
    pools.into_values().take(POOLS_SHOWN_MAX).collect()
}

fn refusals(all: &[Status]) -> Vec<RefusalGroup> {
    let mut groups: BTreeMap<&str, RefusalGroup> = BTreeMap::new();
    for group in all.iter().flat_map(|one| one.refusals.iter()) {
        let known = groups.entry(&group.line).or_insert_with(|| RefusalGroup {
            count: 0,
            ..group.clone()
        });
        let count = known.count + group.count;
        if group.last_at > known.last_at {
            *known = group.clone();
        }
        known.count = count;
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.line.cmp(&b.line)));
    groups.truncate(REFUSAL_GROUPS_MAX);
    groups
}

fn meanings(all: &[Status]) -> Vec<MeaningCount> {
    let mut counts: BTreeMap<_, MeaningCount> = BTreeMap::new();
    for count in all.iter().flat_map(|one| one.meanings.iter()) {
        let key = (&count.phase, &count.class, &count.action);
        let known = counts.entry(key).or_insert_with(|| MeaningCount {
            count: 0,
            ..count.clone()
        });
        known.count += count.count;
    }
    counts.into_values().collect()
}

#[cfg(test)]
mod tests {
    use postrider_smtp::classify::Class;
    use postrider_smtp::site::SiteName;
    use postrider_types::Timestamp;

    use super::*;
    use crate::settings::RouteId;

    fn pool(site: &str, open: usize, trouble: Option<&str>) -> PoolStatus {
        PoolStatus {
            route: RouteId::DEFAULT,
            route_name: "default".into(),
            site: SiteName::of_host(site),
            open,
            busy: open,
            connections_max: 5,
            trouble: trouble.map(|text| (text.into(), Timestamp::EPOCH)),
            is_suspended: false,
        }
    }

    fn refused(line: &str, count: u64, at: i64) -> RefusalGroup {
        RefusalGroup {
            line: line.to_owned(),
            rule: format!("rule of {at}"),
            class: Class::Bounced,
            action: None,
            count,
            last_at: Timestamp::from_micros(at),
        }
    }

    #[test]
    fn one_pool_of_two_workers_is_one_pool() {
        let one = Status {
            connections: 3,
            pools: vec![pool("a.test", 2, None), pool("b.test", 1, None)],
            ..Status::default()
        };
        let other = Status {
            connections: 2,
            pools: vec![pool("a.test", 2, Some("gone"))],
            ..Status::default()
        };
        let sum = Status::sum(&[one, other]);
        assert_eq!(sum.connections, 5);
        let expected = [pool("a.test", 4, Some("gone")), pool("b.test", 1, None)];
        assert_eq!(sum.pools, expected);
    }

    #[test]
    fn the_same_refusal_counts_once_for_all_workers_with_the_newest_rule() {
        let with = |groups: Vec<RefusalGroup>| Status {
            refusals: groups.into(),
            ..Status::default()
        };
        let sum = Status::sum(&[
            with(vec![refused("550 no", 1, 7)]),
            with(vec![refused("451 later", 5, 1), refused("550 no", 2, 3)]),
        ]);
        let expected = [refused("451 later", 5, 1), refused("550 no", 3, 7)];
        assert_eq!(sum.refusals[..], expected);
    }

    #[test]
    fn what_a_dead_worker_counted_stays_and_what_it_held_does_not() {
        let status = Status {
            connections: 3,
            bodies_loaded: 2,
            refusals: vec![refused("550 no", 1, 7)].into(),
            ..Status::default()
        };
        let left = status.counted();
        assert_eq!((left.connections, left.bodies_loaded), (0, 2));
        assert_eq!(left.refusals.len(), 1);
    }
}
