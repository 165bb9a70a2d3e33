//! Breaches of the protocol: how many of each kind, and what the first of them was.

use std::collections::BTreeMap;

use crate::log::{Fault, FaultKind};

/// All faults by kind.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<FaultKind, Seen>);

#[derive(Debug)]
struct Seen {
    count: u64,
    first: Fault,
}

impl Faults {
    pub(super) fn see(&mut self, fault: &Fault) {
        let seen = self.0.entry(fault.kind).or_insert_with(|| Seen {
            count: 0,
            first: fault.clone(),
        });
        seen.count += 1;
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.0.iter();
        counts
            .map(|(kind, seen)| (kind.name().to_owned(), seen.count))
            .collect()
    }

    /// Those that fail the client: how many, and the first.
    pub(super) fn grave(&self) -> impl Iterator<Item = (u64, &Fault)> {
        let grave = self.0.iter().filter(|(kind, _)| kind.is_grave());
        grave.map(|(_, seen)| (seen.count, &seen.first))
    }
}
