//! What comes into the core, and what it wants done.

use std::sync::Arc;

use postrider_smtp::mx::{NoRoute, Resolution};
use postrider_smtp::site::{SiteName, Target};
use postrider_smtp::{Extensions, Trouble};
use postrider_store::{Claimed, Reply as StoreReply, Request, StoreError};
use postrider_types::reply::Reply;
use postrider_types::{ChunkRecipient, DeliveryId, EmailId, TenantId, Timestamp};

use crate::report;
use crate::settings::RouteId;

/// Names a request to the store and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a connection: a number below the sum of what all routes allow, used again after it is
/// closed.
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
    /// A body that was asked for is in memory, or cannot be had. What is missing for one tenant may
    /// be there for another.
    Held(TenantId, EmailId, Result<(), BodyTrouble>),
    /// A connection is open and idle.
    Connected {
        /// Which one.
        connection: ConnectionId,
        /// Whether the envelope of a message may go along with the dot of the one before it: the
        /// server offers it, and [`Effect::Connect`] allowed it.
        is_pipelining: bool,
        /// Most messages that the server takes on it; `None` when it does not say.
        mail_max: Option<u32>,
    },
    /// The server of an open connection has refused what it offers.
    OfferBroken(ConnectionId, Offer),
    /// What DNS says of a domain that was asked for.
    Resolved(RouteId, Arc<str>, Result<Resolution, NoRoute>),
    /// A connection could not be opened.
    ConnectFailed(ConnectionId, Trouble),
    /// The server has accepted the envelope of the message whose turn it is, and only the
    /// terminator waits for the begin: the rest is written, or is being written when it is small.
    /// Its end comes only after [`Effect::Dot`] or [`Effect::Abandon`].
    AtGate(ConnectionId),
    /// A transaction is over. Each message of a connection has exactly one such event, and they
    /// come in order.
    Ended {
        /// On which connection.
        connection: ConnectionId,
        /// How.
        end: End,
        /// Whether the connection can be used again; it only means something for the last
        /// message that the connection was given.
        is_reusable: bool,
    },
    /// A connection that was told to quit is closed.
    Closed(ConnectionId),
    /// Another worker waits for the place of a connection to this site.
    Yield(RouteId, SiteName),
    /// Take no new work, and give back what has not begun.
    Drain,
}

/// What a server may offer and then refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// To be told a message's size at MAIL.
    Size,
    /// To take a message in chunks.
    Chunks,
}

/// Why a body cannot be had.
#[derive(Debug, Clone)]
pub enum BodyTrouble {
    /// It is not there, cannot be read as an email, or is too large for this process: no retry
    /// helps.
    Unusable(String),
    /// The bodies of other chunks in hand leave it no room.
    NoRoom,
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
    /// Given up before the dot, as we asked or because it was too late for it.
    Abandoned,
}

impl End {
    /// The server's reply, or what happened instead in our words with code 0; `None` where the
    /// message was accepted, or we gave it up.
    pub(super) fn reason(&self) -> Option<Reply> {
        match self {
            Self::Refused(trouble) | Self::Unsent(trouble) | Self::InDoubt(trouble) => {
                Some(report::reply(trouble))
            }
            Self::Accepted(_) | Self::Unbuildable(_) | Self::Abandoned => None,
        }
    }

    /// Whether the two sides no longer meant the same command.
    pub(super) fn is_out_of_step(&self) -> bool {
        let (Self::Refused(trouble) | Self::Unsent(trouble) | Self::InDoubt(trouble)) = self else {
            return false;
        };
        trouble.is_out_of_step()
    }
}

/// What the shell is to do.
#[derive(Debug)]
pub enum Effect {
    /// Ask the store.
    Ask(RequestId, Request),
    /// Bring a body into memory and keep it there: answered by [`Event::Held`].
    Hold(TenantId, EmailId),
    /// One holder less of a body.
    LetGo(TenantId, EmailId),
    /// Ask DNS where the mail of this domain goes by this route: answered by
    /// [`Event::Resolved`].
    Resolve(RouteId, Arc<str>),
    /// Open a connection.
    Connect {
        /// Its number.
        connection: ConnectionId,
        /// By which route.
        route: RouteId,
        /// To which site.
        site: SiteName,
        /// Most connections of the route to that site.
        site_max: usize,
        /// Where to, when DNS said it; otherwise to the relays of the route.
        target: Option<Arc<Target>>,
        /// What it may use of what the server offers, as far as the route allows it too.
        allowed: Extensions,
    },
    /// Render and transmit a message up to the gate.
    Transmit(ConnectionId, Job),
    /// The begin is durable: write the terminator at once. Whoever comes to it too late gives up
    /// before it ([`End::Abandoned`]), because the lease may be somebody else's by then.
    Dot {
        /// On which connection.
        connection: ConnectionId,
        /// The first instant that is too late.
        until: Timestamp,
        /// Whose envelope goes behind it, in the same write.
        next: Option<Job>,
    },
    /// Give up before the dot: close without the terminator.
    Abandon(ConnectionId),
    /// Say QUIT and close, or open it no further: answered by [`Event::Closed`].
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

    /// Which delivery it is.
    pub fn delivery(&self) -> DeliveryId {
        DeliveryId {
            tenant: self.chunk.tenant,
            campaign: self.chunk.campaign,
            recipient: self.recipient().recipient,
        }
    }
}
