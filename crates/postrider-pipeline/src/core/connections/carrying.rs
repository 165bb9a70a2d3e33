//! What connections carry: a message is given to an idle one, or stands behind another, and ends.

use std::sync::Arc;

use postrider_types::Timestamp;

use super::{Busy, Connections, Open};
use crate::core::event::ConnectionId;
use crate::core::pools::{PoolId, WayId};

/// A message that has ended, and its connection afterwards.
#[derive(Debug)]
pub(in crate::core) struct Ended {
    /// The message.
    pub(in crate::core) busy: Busy,
    /// Whether its connection pipelines.
    pub(in crate::core) is_pipelining: bool,
    /// The domain of the message whose turn it is on the connection, if one stood behind.
    pub(in crate::core) next: Option<Arc<str>>,
    /// What becomes of the connection.
    pub(in crate::core) fate: Fate,
}

/// What becomes of a connection when a message on it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Fate {
    /// It goes on, with the message that stood behind or without one.
    Open,
    /// It has carried as many messages as it may, and is to be told to quit.
    Worn,
    /// It is gone.
    Lost,
}

impl Connections {
    /// Gives an idle connection of a way a message.
    pub(in crate::core) fn occupy(&mut self, way: WayId, busy: Busy) -> ConnectionId {
        let idle = self.idle.get(&way).and_then(|idle| idle.last());
        let connection = *idle.expect("the caller has seen an idle connection");
        self.unrest(connection);
        let open = self.open.get_mut(&connection).expect("idle ones are open");
        open.given = open.given.saturating_add(1);
        open.front = Some(busy);
        connection
    }

    /// The message whose turn it is on a connection.
    pub(in crate::core) fn front(&mut self, connection: ConnectionId) -> Option<&mut Busy> {
        self.open.get_mut(&connection)?.front.as_mut()
    }

    /// A message of an open connection was answered; says since when that is open.
    pub(in crate::core) fn answered(&mut self, connection: ConnectionId) -> Option<Timestamp> {
        let open = self.open.get_mut(&connection)?;
        let (lead, was_on_trial) = (open.lead, open.is_on_trial());
        let opened_at = open.opened_at;
        open.is_answered = true;
        if was_on_trial {
            self.count(lead, |usage| usage.on_trial -= 1);
        }
        Some(opened_at)
    }

    /// Whether any message of an open connection was answered.
    pub(in crate::core) fn is_answered(&self, connection: ConnectionId) -> bool {
        self.open
            .get(&connection)
            .is_some_and(|open| open.is_answered)
    }

    /// Whether the envelope of another message can go along with the dot of the front one.
    pub(in crate::core) fn has_place_behind(&self, connection: ConnectionId) -> bool {
        self.open.get(&connection).is_some_and(|open| {
            let is_fresh = open.messages_max.is_none_or(|max| open.given < max);
            open.is_pipelining && open.behind.is_none() && is_fresh
        })
    }

    /// Puts a message behind the front one.
    pub(in crate::core) fn follow(&mut self, connection: ConnectionId, busy: Busy) {
        let open = self.open.get_mut(&connection);
        let open = open.expect("the caller has seen a place behind its front message");
        debug_assert!(open.behind.is_none(), "a connection carries two messages");
        open.given = open.given.saturating_add(1);
        open.behind = Some(busy);
        self.behind += 1;
    }

    /// Ends the front message; the one behind it takes its place. Without one the connection is
    /// idle again, or worn, or gone. It is worn too when the server will take nothing more on it.
    pub(in crate::core) fn end(
        &mut self,
        connection: ConnectionId,
        is_reusable: bool,
        is_used_up: bool,
        now: Timestamp,
    ) -> Option<Ended> {
        let open = self.open.get_mut(&connection)?;
        let busy = open.front.take()?;
        open.front = open.behind.take();
        let next = open.front.as_ref().map(|next| Arc::clone(&next.domain));
        let is_pipelining = open.is_pipelining;
        let is_worn = is_used_up || open.messages_max.is_some_and(|max| open.given >= max);
        let fate = match &next {
            Some(_) => Fate::Open,
            None if !is_reusable => Fate::Lost,
            None if is_worn => Fate::Worn,
            None => Fate::Open,
        };
        self.behind -= usize::from(next.is_some());
        match fate {
            Fate::Open if next.is_none() => self.rest(connection, now),
            Fate::Open => {}
            Fate::Worn => self.quit(connection),
            Fate::Lost => {
                self.leave(connection);
                self.free.insert(connection);
            }
        }
        Some(Ended {
            busy,
            is_pipelining,
            next,
            fate,
        })
    }

    /// Lets one connection of a pool carry nothing beyond what it has; it is told to quit then.
    pub(in crate::core) fn wear_out(&mut self, pool: PoolId) {
        let is_fresh = |open: &&mut Open| {
            let is_worn = open.messages_max.is_some_and(|max| open.given >= max);
            open.lead.pool == pool && open.front.is_some() && !is_worn
        };
        if let Some(open) = self.open.values_mut().find(is_fresh) {
            open.messages_max = Some(open.given);
        }
    }
}
