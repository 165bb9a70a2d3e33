//! The connections of all routes: how many there are, where each leads, and what it is carrying.
//!
//! A connection carries at most two messages: the one whose turn it is, and behind it the one
//! whose envelope went along with the other's dot. Only the first can be at the gate or beyond, so
//! a crash leaves at most one delivery in doubt for each connection. They end in order.
//!
//! A number is free again only when its connection is closed, so that the receiver never sees
//! more of them than the bound.

#[cfg(test)]
mod audit;
mod carrying;
mod idle;
mod message;

use std::collections::{BTreeSet, HashMap};

use postrider_types::Timestamp;

use super::event::ConnectionId;
use super::pools::{PoolId, WayId};
use crate::settings::RouteId;

#[cfg(test)]
pub(super) use audit::Carried;
pub(super) use carrying::Fate;
pub(super) use message::{Afterwards, Busy, Progress};

/// Where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) route: RouteId,
    pub(super) pool: PoolId,
    pub(super) way: WayId,
    /// Whether it is not known that sessions stand there.
    pub(super) is_trial: bool,
}

/// An open connection.
#[derive(Debug)]
struct Open {
    lead: Lead,
    is_pipelining: bool,
    /// Messages that it was given so far.
    given: u32,
    /// Messages that it carries; `None` is without bound.
    messages_max: Option<u32>,
    opened_at: Timestamp,
    /// A message of it was answered.
    is_answered: bool,
    /// Since when it is idle; only means something while it is.
    idle_since: Timestamp,
    /// The message whose turn it is; `None` when it is idle.
    front: Option<Busy>,
    /// The message whose envelope went along with the dot of the front one.
    behind: Option<Busy>,
}

impl Open {
    const fn is_on_trial(&self) -> bool {
        self.lead.is_trial && !self.is_answered
    }
}

/// What there is of one pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Being opened.
    pub(super) connecting: usize,
    /// Open ones, idle and busy.
    pub(super) open: usize,
    /// Open ones that are on trial: no message of theirs was answered yet.
    pub(super) on_trial: usize,
    /// Told to quit, and not closed yet.
    pub(super) closing: usize,
}

impl Usage {
    /// What the receiver may see.
    pub(super) const fn all(self) -> usize {
        self.connecting + self.open + self.closing
    }

    /// Whether any session stands of which it is not still to be seen that it is good for something.
    pub(super) const fn is_standing(self) -> bool {
        self.open > self.on_trial
    }
}

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    free: BTreeSet<ConnectionId>,
    connecting: HashMap<ConnectionId, Lead>,
    open: HashMap<ConnectionId, Open>,
    closing: HashMap<ConnectionId, Lead>,
    /// Idle ones of each way; the last is used first, so that the others may end.
    idle: HashMap<WayId, Vec<ConnectionId>>,
    /// Idle ones of each route, the longest idle first.
    idle_since: Vec<BTreeSet<(Timestamp, ConnectionId)>>,
    of_route: Vec<Usage>,
    of_pool: HashMap<PoolId, Usage>,
    /// Being opened for each way.
    connecting_to: HashMap<WayId, usize>,
    /// Being opened to where it is not known that sessions stand, for each route.
    trials: Vec<usize>,
    /// Messages that stand behind another.
    behind: usize,
}

impl Connections {
    /// None yet; `routes` is the most of each route.
    pub(super) fn new(routes: &[usize]) -> Self {
        Self {
            free: (0..routes.iter().sum()).map(ConnectionId).collect(),
            connecting: HashMap::new(),
            open: HashMap::new(),
            closing: HashMap::new(),
            idle: HashMap::new(),
            idle_since: vec![BTreeSet::new(); routes.len()],
            of_route: vec![Usage::default(); routes.len()],
            of_pool: HashMap::new(),
            connecting_to: HashMap::new(),
            trials: vec![0; routes.len()],
            behind: 0,
        }
    }

    /// Open ones, idle and busy.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Open ones that carry something.
    pub(super) fn busy(&self) -> usize {
        self.open.len() - self.idle_since.iter().map(BTreeSet::len).sum::<usize>()
    }

    /// Messages under way.
    pub(super) fn messages(&self) -> usize {
        self.busy() + self.behind
    }

    /// Whether none is open, being opened or being closed.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.connecting.is_empty() && self.closing.is_empty()
    }

    /// What there is of a route.
    pub(super) fn of_route(&self, route: RouteId) -> Usage {
        self.of_route[route.0]
    }

    /// What there is of a pool.
    pub(super) fn of_pool(&self, pool: PoolId) -> Usage {
        self.of_pool.get(&pool).copied().unwrap_or_default()
    }

    /// The pools that have connections.
    pub(super) fn pools(&self) -> impl Iterator<Item = PoolId> {
        self.of_pool.keys().copied()
    }

    /// How many are being opened for a way.
    pub(super) fn connecting_to(&self, way: WayId) -> usize {
        self.connecting_to.get(&way).copied().unwrap_or(0)
    }

    /// How many of a route are being opened to where it is not known that sessions stand.
    pub(super) fn trials(&self, route: RouteId) -> usize {
        self.trials[route.0]
    }

    /// Where an open connection leads.
    pub(super) fn lead(&self, connection: ConnectionId) -> Option<Lead> {
        self.open.get(&connection).map(|open| open.lead)
    }

    /// A number for a new connection. The caller has seen that the bounds allow one.
    pub(super) fn connect(&mut self, lead: Lead) -> Option<ConnectionId> {
        let connection = self.free.pop_first()?;
        self.connecting.insert(connection, lead);
        self.count(lead, |usage| usage.connecting += 1);
        *self.connecting_to.entry(lead.way).or_default() += 1;
        self.trials[lead.route.0] += usize::from(lead.is_trial);
        Some(connection)
    }

    /// One is open, and its server takes at most `mail_max` messages on it; says where it leads.
    pub(super) fn connected(
        &mut self,
        connection: ConnectionId,
        is_pipelining: bool,
        mail_max: Option<u32>,
        messages_max: impl Fn(PoolId) -> Option<u32>,
        now: Timestamp,
    ) -> Option<Lead> {
        let lead = self.end_connecting(connection)?;
        self.count(lead, |usage| {
            usage.open += 1;
            usage.on_trial += usize::from(lead.is_trial);
        });
        let open = Open {
            lead,
            is_pipelining,
            opened_at: now,
            is_answered: false,
            given: 0,
            messages_max: [messages_max(lead.pool), mail_max]
                .into_iter()
                .flatten()
                .min(),
            idle_since: now,
            front: None,
            behind: None,
        };
        self.open.insert(connection, open);
        self.rest(connection, now);
        Some(lead)
    }

    /// One could not be opened; says where it would have led.
    pub(super) fn failed(&mut self, connection: ConnectionId) -> Option<Lead> {
        let lead = self.end_connecting(connection)?;
        self.free.insert(connection);
        Some(lead)
    }

    fn end_connecting(&mut self, connection: ConnectionId) -> Option<Lead> {
        let lead = self.connecting.remove(&connection)?;
        self.count(lead, |usage| usage.connecting -= 1);
        self.trials[lead.route.0] -= usize::from(lead.is_trial);
        if let Some(count) = self.connecting_to.get_mut(&lead.way) {
            *count -= 1;
            if *count == 0 {
                self.connecting_to.remove(&lead.way);
            }
        }
        Some(lead)
    }

    /// Those that are being opened, in order.
    pub(super) fn connecting(&self) -> Vec<ConnectionId> {
        let mut connecting: Vec<_> = self.connecting.keys().copied().collect();
        connecting.sort_unstable();
        connecting
    }

    /// One that was told to quit is closed; says where it led.
    pub(super) fn closed(&mut self, connection: ConnectionId) -> Option<Lead> {
        let Some(lead) = self.closing.remove(&connection) else {
            // Told to quit before it was open.
            return self.failed(connection);
        };
        self.count(lead, |usage| usage.closing -= 1);
        self.free.insert(connection);
        Some(lead)
    }

    fn quit(&mut self, connection: ConnectionId) {
        if let Some(lead) = self.leave(connection) {
            self.count(lead, |usage| usage.closing += 1);
            self.closing.insert(connection, lead);
        }
    }

    /// An open connection is open no more; says where it led.
    fn leave(&mut self, connection: ConnectionId) -> Option<Lead> {
        let open = self.open.remove(&connection)?;
        self.count(open.lead, |usage| {
            usage.open -= 1;
            usage.on_trial -= usize::from(open.is_on_trial());
        });
        Some(open.lead)
    }

    fn count(&mut self, lead: Lead, change: impl Fn(&mut Usage)) {
        change(&mut self.of_route[lead.route.0]);
        let of_pool = self.of_pool.entry(lead.pool).or_default();
        change(of_pool);
        if *of_pool == Usage::default() {
            self.of_pool.remove(&lead.pool);
        }
    }
}
