//! Idle connections: the last to become idle is used first, so that the others may end.

use std::time::Duration;

use postrider_types::Timestamp;

use super::{ConnectionId, Connections};
use crate::core::pools::{PoolId, WayId};
use crate::settings::RouteId;

impl Connections {
    /// Takes out those that have been idle for as long as their route allows; they are to be told
    /// to quit.
    pub(in crate::core) fn take_idle(
        &mut self,
        idle_after: impl Fn(RouteId) -> Duration,
        now: Timestamp,
    ) -> Vec<ConnectionId> {
        let mut old = Vec::new();
        for number in 0..self.idle_since.len() {
            let after = idle_after(RouteId(number));
            while let Some(&(since, connection)) = self.idle_since[number].first()
                && since.plus(after) <= now
            {
                self.take_out(connection);
                old.push(connection);
            }
        }
        old
    }

    /// The longest idle connection of a route.
    pub(in crate::core) fn longest_idle_of_route(&self, route: RouteId) -> Option<ConnectionId> {
        self.idle_since[route.0]
            .first()
            .map(|(_, connection)| *connection)
    }

    /// The longest idle connection of a pool.
    pub(in crate::core) fn longest_idle_of_pool(
        &self,
        route: RouteId,
        pool: PoolId,
    ) -> Option<ConnectionId> {
        let mut idle = self.idle_since[route.0].iter();
        let leads_there = |(_, connection): &&(Timestamp, ConnectionId)| {
            self.open
                .get(connection)
                .is_some_and(|open| open.lead.pool == pool)
        };
        idle.find(leads_there).map(|(_, connection)| *connection)
    }

    /// Takes out an idle connection that is to be told to quit.
    pub(in crate::core) fn take_out(&mut self, connection: ConnectionId) {
        self.unrest(connection);
        self.quit(connection);
    }

    /// When the next one will have been idle for as long as its route allows.
    pub(in crate::core) fn next_idle_at(
        &self,
        idle_after: impl Fn(RouteId) -> Duration,
    ) -> Option<Timestamp> {
        let first = self
            .idle_since
            .iter()
            .enumerate()
            .filter_map(|(number, idle)| {
                let (since, _) = idle.first()?;
                Some(since.plus(idle_after(RouteId(number))))
            });
        first.min()
    }

    pub(in crate::core) fn is_idle(&self, way: WayId) -> bool {
        self.idle.contains_key(&way)
    }

    /// An open connection becomes idle.
    pub(super) fn rest(&mut self, connection: ConnectionId, now: Timestamp) {
        if let Some(open) = self.open.get_mut(&connection) {
            open.idle_since = now;
            self.idle.entry(open.lead.way).or_default().push(connection);
            self.idle_since[open.lead.route.0].insert((now, connection));
        }
    }

    /// An idle connection is idle no more.
    pub(super) fn unrest(&mut self, connection: ConnectionId) {
        let Some(open) = self.open.get(&connection) else {
            return;
        };
        self.idle_since[open.lead.route.0].remove(&(open.idle_since, connection));
        if let Some(idle) = self.idle.get_mut(&open.lead.way) {
            idle.retain(|other| *other != connection);
            if idle.is_empty() {
                self.idle.remove(&open.lead.way);
            }
        }
    }
}
