//! What comes into the core, and what it wants done.

use std::sync::Arc;

use postrider_smtp::Trouble;
use postrider_store::{Claimed, Reply as StoreReply, Request, StoreError};
use postrider_types::reply::Reply;
use postrider_types::{ChunkRecipient, EmailId, TenantId};

/// Names a request to the store and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a connection: a number below the bound of the route, used again after it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub usize);

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The instant that [`Core::wake_at`](super::Core::wake_at) named has come, or it is the
    /// beginning.
    Time,
    /// There may be new work in the store.
    Filed,
    /// The store has answered; an error means that nothing was done.
    Answered(RequestId, Result<StoreReply, StoreError>),
    /// A body that was asked for is in memory, or cannot be had.
    Held(EmailId, Result<(), BodyTrouble>),
    /// A connection is open and idle.
    Connected(ConnectionId),
    /// A connection could not be opened.
    ConnectFailed(ConnectionId, Trouble),
    /// The whole message but its terminator is written; the dot waits for the begin.
    AtGate(ConnectionId),
    /// A transaction is over.
    Ended {
        /// On which connection.
        connection: ConnectionId,
        /// How.
        end: End,
        /// Whether the connection can be used again.
        is_reusable: bool,
    },
    /// Take no new work, and give back what has not begun.
    Drain,
}

/// Why a body cannot be had.
#[derive(Debug, Clone)]
pub enum BodyTrouble {
    /// It is not there, or cannot be read as an email: no retry helps.
    Unusable(String),
    /// The store could not read now.
    Store(StoreError),
}

/// How a transaction ended, as the connection saw it.
#[derive(Debug)]
pub enum End {
    /// 2xx to the final dot.
    Accepted(Reply),
    /// Definitely not accepted: refused with a reply, or lost before the gate.
    Refused(Trouble),
    /// Begun, and then found lost before the first octet of the terminator.
    Unsent(Trouble),
    /// Lost after the first octet of the terminator.
    InDoubt(Trouble),
    /// The message could not be built, so nothing was written.
    Unbuildable(String),
    /// Given up before the dot, as we asked.
    Abandoned,
}

/// What the shell is to do.
#[derive(Debug)]
pub enum Effect {
    /// Ask the store.
    Ask(RequestId, Request),
    /// Bring a body into memory and keep it there: answered by [`Event::Held`].
    Hold(TenantId, EmailId),
    /// One holder less of a body.
    LetGo(EmailId),
    /// Open a connection.
    Connect(ConnectionId),
    /// Render and transmit a message up to the gate.
    Transmit(ConnectionId, Job),
    /// The begin is durable: write the terminator.
    Dot(ConnectionId),
    /// Give up before the dot: close without the terminator.
    Abandon(ConnectionId),
    /// Say QUIT and close.
    Quit(ConnectionId),
    /// Nothing is held and no connection is open any more.
    Drained,
}

/// One message to send.
#[derive(Debug, Clone)]
pub struct Job {
    /// The chunk that it comes from.
    pub chunk: Arc<Claimed>,
    /// Which of its recipients.
    pub index: usize,
}

impl Job {
    /// Whom it is for.
    pub fn recipient(&self) -> &ChunkRecipient {
        &self.chunk.recipients[self.index]
    }
}
