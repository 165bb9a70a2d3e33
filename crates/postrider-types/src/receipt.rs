//! The durable record of a delivery.

use crate::address::Address;
use crate::id::{ChunkId, DeliveryId, LeaseToken};
use crate::reply::Reply;
use crate::state::DeliveryState;
use crate::time::Timestamp;

/// A delivery as it stands now. There is one for each delivery that was ever touched; a delivery
/// without one is pending and sits in a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Where the message goes or went.
    pub address: Address,
    /// The chunk that holds the recipient's variables; it is kept when its work is done, so that
    /// a delivery can be taken up again.
    pub chunk: ChunkId,
    /// The one current state.
    pub state: DeliveryState,
    /// Attempts so far: 0 before the first; one whose dot was never written is not counted. The
    /// counter stays at 65,535.
    pub attempts: u16,
    /// The lease under which the newest attempt was begun; a late outcome must name it.
    pub token: Option<LeaseToken>,
    /// When the first attempt was made.
    pub first_attempt_at: Option<Timestamp>,
    /// When a deferred delivery may be tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// The newest reply, or our own reason with code 0.
    pub reply: Option<Reply>,
    /// When the state was last changed.
    pub at: Timestamp,
}

/// One entry of the attempt log, written in the same transaction as the receipt that it is about.
///
/// Entries are never changed. Their numbers grow without gaps that a reader could miss, so
/// "everything after number n" is a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The growing number, from 1.
    pub number: u64,
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Where the message goes or went.
    pub address: Address,
    /// The attempt that this is about; 0 when there was none.
    pub attempt: u16,
    /// The state that the delivery went into.
    pub state: DeliveryState,
    /// The reply, or our own reason with code 0.
    pub reply: Option<Reply>,
    /// When.
    pub at: Timestamp,
}
