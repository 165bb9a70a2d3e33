//! What must hold of connections after every event; and what they carry, counted anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use postrider_types::LeaseToken;

use super::{ConnectionId, Connections, Lead, Usage};
use crate::core::pools::{PoolId, WayId};

/// What connections carry, counted one by one.
#[derive(Debug, Default)]
pub(in crate::core) struct Carried {
    /// Connections that carry anything, by pool.
    pub(in crate::core) of_pool: HashMap<PoolId, usize>,
    /// The same by way.
    pub(in crate::core) of_way: HashMap<WayId, usize>,
    /// Connections that carry something for a domain.
    pub(in crate::core) of_domain: HashMap<String, usize>,
    /// Messages of a chunk.
    pub(in crate::core) of_hand: BTreeMap<LeaseToken, usize>,
}

impl Connections {
    /// Counts and queues agree with the connections that there are, and no number is lost.
    pub(in crate::core) fn audit(&self) {
        let mut of_route = vec![Usage::default(); self.of_route.len()];
        let mut of_pool: HashMap<PoolId, Usage> = HashMap::new();
        let mut add = |lead: Lead, one: Usage| {
            for usage in [
                &mut of_route[lead.route.0],
                of_pool.entry(lead.pool).or_default(),
            ] {
                usage.connecting += one.connecting;
                usage.open += one.open;
                usage.on_trial += one.on_trial;
                usage.closing += one.closing;
            }
        };
        let none = Usage::default();
        for lead in self.connecting.values() {
            add(
                *lead,
                Usage {
                    connecting: 1,
                    ..none
                },
            );
        }
        for open in self.open.values() {
            let on_trial = usize::from(open.is_on_trial());
            add(
                open.lead,
                Usage {
                    open: 1,
                    on_trial,
                    ..none
                },
            );
        }
        for lead in self.closing.values() {
            add(*lead, Usage { closing: 1, ..none });
        }
        assert_eq!(self.of_route, of_route, "connections of routes");
        assert_eq!(self.of_pool, of_pool, "connections of pools");
        self.audit_numbers();
        self.audit_idle();
        let trials = self.connecting.values().filter(|lead| lead.is_trial);
        assert_eq!(self.trials.iter().sum::<usize>(), trials.count(), "trials");
        let behind = self.open.values().filter(|open| open.behind.is_some());
        assert_eq!(self.behind, behind.count(), "messages behind others");
    }

    fn audit_numbers(&self) {
        let mut numbers: Vec<&ConnectionId> = self.free.iter().collect();
        numbers.extend(self.connecting.keys());
        numbers.extend(self.open.keys());
        numbers.extend(self.closing.keys());
        let distinct: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(
            distinct.len(),
            numbers.len(),
            "a number stands for two connections"
        );
        let last = numbers.iter().map(|number| number.0 + 1).max().unwrap_or(0);
        assert_eq!(numbers.len(), last, "a number is lost");
    }

    fn audit_idle(&self) {
        let mut idle: BTreeSet<ConnectionId> = BTreeSet::new();
        for (way, connections) in &self.idle {
            assert!(!connections.is_empty(), "an empty entry is left behind");
            for connection in connections {
                let open = &self.open[connection];
                assert!(
                    open.front.is_none() && open.lead.way == *way,
                    "it is not idle there"
                );
                assert!(idle.insert(*connection), "it is idle twice");
            }
        }
        let really = self.open.iter().filter(|(_, open)| open.front.is_none());
        let really: BTreeSet<ConnectionId> = really.map(|(connection, _)| *connection).collect();
        assert_eq!(idle, really, "idle connections");
        let by_time = self.idle_since.iter().flatten();
        let by_time: BTreeSet<ConnectionId> = by_time.map(|(_, connection)| *connection).collect();
        assert_eq!(idle, by_time, "idle connections by time");
    }

    /// What they carry, counted one by one.
    pub(in crate::core) fn carried(&self) -> Carried {
        let mut carried = Carried::default();
        for open in self.open.values() {
            let messages: Vec<_> = open.front.iter().chain(&open.behind).collect();
            if messages.is_empty() {
                continue;
            }
            *carried.of_pool.entry(open.lead.pool).or_default() += 1;
            *carried.of_way.entry(open.lead.way).or_default() += 1;
            let domains: BTreeSet<&str> = messages.iter().map(|busy| &*busy.domain).collect();
            for domain in domains {
                *carried.of_domain.entry(domain.to_owned()).or_default() += 1;
            }
            for busy in messages {
                *carried.of_hand.entry(busy.strand.hand).or_default() += 1;
            }
        }
        carried
    }
}
