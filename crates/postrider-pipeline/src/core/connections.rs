//! The connections of the route: how many there are, and what each is doing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use postrider_store::Claimed;
use postrider_types::Timestamp;

use super::event::ConnectionId;
use super::hands::StrandId;
use super::limits::Taken;

/// A message on a connection.
#[derive(Debug, Clone)]
pub(super) struct Busy {
    /// Which strand it comes from.
    pub(super) strand: StrandId,
    /// The chunk that it comes from, which may be no longer in hand when it ends.
    pub(super) chunk: Arc<Claimed>,
    /// Which recipient of the chunk.
    pub(super) index: usize,
    /// The domain that it goes to.
    pub(super) domain: Box<str>,
    /// The slot that it took.
    pub(super) taken: Taken,
    /// How far it is.
    pub(super) progress: Progress,
}

/// How far a message on a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Being rendered and written; nothing is begun.
    Transmitting,
    /// At the gate, and the begin is asked for.
    Beginning,
    /// Begun, and the terminator may be written.
    Begun,
    /// Given up at the gate; nothing is begun.
    Abandoned(Afterwards),
}

/// What happens to a delivery that was given up at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// It goes again from the same hand.
    Again,
    /// It was begun: the store must learn that the terminator was never written.
    Return,
    /// It is no longer ours.
    Forget,
}

/// The connections of the route.
#[derive(Debug)]
pub(super) struct Connections {
    free: BTreeSet<ConnectionId>,
    connecting: BTreeSet<ConnectionId>,
    /// Idle ones with the instant since when; the last is used first, so that the others may end.
    idle: Vec<(ConnectionId, Timestamp)>,
    busy: HashMap<ConnectionId, Busy>,
    max: usize,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Self {
            free: (0..max).map(ConnectionId).collect(),
            connecting: BTreeSet::new(),
            idle: Vec::new(),
            busy: HashMap::new(),
            max,
        }
    }

    /// The most that may be open.
    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// Open ones, idle and busy.
    pub(super) fn open(&self) -> usize {
        self.idle.len() + self.busy.len()
    }

    /// Messages under way.
    pub(super) fn in_flight(&self) -> usize {
        self.busy.len()
    }

    pub(super) fn connecting(&self) -> usize {
        self.connecting.len()
    }

    pub(super) fn is_any_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// How many could still be opened.
    pub(super) fn unopened(&self) -> usize {
        self.free.len()
    }

    /// Whether none is open or being opened.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.max
    }

    /// A number for a new connection, if the bound allows one.
    pub(super) fn connect(&mut self) -> Option<ConnectionId> {
        let connection = self.free.pop_first()?;
        self.connecting.insert(connection);
        Some(connection)
    }

    pub(super) fn connected(&mut self, connection: ConnectionId, now: Timestamp) {
        self.connecting.remove(&connection);
        self.idle.push((connection, now));
    }

    /// One that could not be opened.
    pub(super) fn failed(&mut self, connection: ConnectionId) {
        self.connecting.remove(&connection);
        self.free.insert(connection);
    }

    /// Gives an idle connection a message.
    pub(super) fn occupy(&mut self, busy: Busy) -> ConnectionId {
        let (connection, _) = self
            .idle
            .pop()
            .expect("the caller has seen an idle connection");
        self.busy.insert(connection, busy);
        connection
    }

    pub(super) fn busy(&mut self, connection: ConnectionId) -> Option<&mut Busy> {
        self.busy.get_mut(&connection)
    }

    /// Ends a message; the connection is idle again, or gone.
    pub(super) fn end(
        &mut self,
        connection: ConnectionId,
        is_reusable: bool,
        now: Timestamp,
    ) -> Option<Busy> {
        let busy = self.busy.remove(&connection)?;
        if is_reusable {
            self.idle.push((connection, now));
        } else {
            self.free.insert(connection);
        }
        Some(busy)
    }

    /// Takes out those that have been idle for `idle_after`.
    pub(super) fn take_idle(&mut self, idle_after: Duration, now: Timestamp) -> Vec<ConnectionId> {
        let is_old =
            |&mut (_, since): &mut (ConnectionId, Timestamp)| since.plus(idle_after) <= now;
        let old: Vec<_> = self.idle.extract_if(.., is_old).map(|(id, _)| id).collect();
        self.free.extend(old.iter().copied());
        old
    }

    /// When the next one will have been idle for `idle_after`.
    pub(super) fn next_idle_at(&self, idle_after: Duration) -> Option<Timestamp> {
        self.idle
            .iter()
            .map(|(_, since)| since.plus(idle_after))
            .min()
    }
}
