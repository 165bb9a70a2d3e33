//! Connections at the address of each provider: how many at once, and messages on each.
//!
//! A client that closes a connection and opens the next at once has done no wrong, though the mock
//! may see both for a moment. So an excess is taken back when a connection that was there before it
//! ends within [`CLOSING_MAX`]: that end was on its way.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::bounds::{CLOSING_MAX, CONNECTIONS_MAX};
use crate::clock::micros;
use crate::judge::verdict::CapVerdict;
use crate::log::{Close, Open};
use crate::profile::Profile;

/// The connections of all doors.
#[derive(Debug, Default)]
pub(super) struct Places {
    doors: BTreeMap<String, DoorCount>,
    open: HashMap<u64, Place>,
    /// Connections until now.
    opened: u64,
    /// What found no room.
    pub(super) untracked: u64,
}

/// Where an open connection came in, and as which one.
#[derive(Debug)]
struct Place {
    provider: String,
    number: u64,
}

#[derive(Debug, Default)]
struct DoorCount {
    open: u64,
    most: u64,
    messages_most: u64,
    /// Openings above all before, which may still be taken back; the newest count is the largest.
    pending: VecDeque<Excess>,
}

#[derive(Debug, Clone, Copy)]
struct Excess {
    at_us: i64,
    number: u64,
    count: u64,
}

impl Places {
    pub(super) fn open(&mut self, open: &Open) {
        if self.open.len() >= 2 * CONNECTIONS_MAX {
            self.untracked += 1;
            return;
        }
        self.opened += 1;
        let place = Place {
            provider: open.provider.clone(),
            number: self.opened,
        };
        if self.open.insert(open.connection, place).is_none() {
            let door = self.doors.entry(open.provider.clone()).or_default();
            door.enter(self.opened, open.at_us);
        }
    }

    pub(super) fn close(&mut self, close: &Close) {
        let Some(place) = self.open.remove(&close.connection) else {
            return;
        };
        if let Some(door) = self.doors.get_mut(&place.provider) {
            // One that was refused for being too many was one too many.
            let messages = close.messages + close.messages_over;
            door.messages_most = door.messages_most.max(messages);
            door.leave(place.number, close.at_us);
        }
    }

    /// Forgets all but the connections that are open.
    pub(super) fn reset(&mut self) {
        self.untracked = 0;
        for door in self.doors.values_mut() {
            door.pending.clear();
            door.most = door.open;
            door.messages_most = 0;
        }
    }

    /// Connections at once, for every provider of the profile that was called on or has a cap.
    pub(super) fn connections(&self, profile: Option<&Profile>) -> Vec<CapVerdict> {
        let cap = |name: &str| Some(profile?.provider.get(name)?.connections_max?.into());
        self.verdicts(cap, DoorCount::most)
    }

    /// Messages of one connection, likewise.
    pub(super) fn messages(&self, profile: Option<&Profile>) -> Vec<CapVerdict> {
        let cap = |name: &str| {
            let provider = profile?.provider.get(name)?;
            Some(provider.messages_per_connection_max?.into())
        };
        self.verdicts(cap, |door| door.messages_most)
    }

    fn verdicts(
        &self,
        cap: impl Fn(&str) -> Option<u64>,
        most: impl Fn(&DoorCount) -> u64,
    ) -> Vec<CapVerdict> {
        let named = self.doors.iter().filter(|(name, _)| !name.is_empty());
        let verdict = |(name, door): (&String, &DoorCount)| {
            let (most, cap) = (most(door), cap(name));
            CapVerdict {
                provider: name.clone(),
                most,
                cap,
                is_exceeded: cap.is_some_and(|cap| most > cap),
            }
        };
        named.map(verdict).collect()
    }
}

impl DoorCount {
    fn enter(&mut self, number: u64, now_us: i64) {
        self.open += 1;
        self.settle(now_us);
        if self.open > self.most() {
            self.pending.push_back(Excess {
                at_us: now_us,
                number,
                count: self.open,
            });
        }
    }

    fn leave(&mut self, number: u64, now_us: i64) {
        self.open = self.open.saturating_sub(1);
        self.settle(now_us);
        for excess in &mut self.pending {
            excess.count -= u64::from(excess.number > number);
        }
        let most = self.most;
        self.pending.retain(|excess| excess.count > most);
    }

    /// What nobody took back in time has happened.
    fn settle(&mut self, now_us: i64) {
        let is_old = |excess: &mut Excess| now_us - excess.at_us > micros(CLOSING_MAX);
        while let Some(excess) = self.pending.pop_front_if(is_old) {
            self.most = self.most.max(excess.count);
        }
    }

    fn most(&self) -> u64 {
        let newest = self.pending.back().map(|excess| excess.count);
        self.most.max(newest.unwrap_or_default())
    }
}
