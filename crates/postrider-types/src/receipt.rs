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
    /// a delivery can be taken up again. Of a delivery that was ever taken out of doubt, the very
    /// chunk that it waits in.
    pub chunk: ChunkId,
    /// The one current state.
    pub state: DeliveryState,
    /// Attempts so far: 0 before the first; one whose dot was never written is not counted. The
    /// counter stays at 65,535.
    pub attempts: u16,
    /// The lease under which the newest attempt was begun; a late outcome must name it.
    pub token: Option<LeaseToken>,
    /// When the first attempt was made since the delivery was last taken out of doubt or quarantine,
    /// or retried by a person: from when its age counts.
    pub first_attempt_at: Option<Timestamp>,
    /// When a deferred delivery may be tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// The newest reply, or our own reason with code 0.
    pub reply: Option<Reply>,
    /// When the state was last changed.
    pub at: Timestamp,
    /// The newest attempt that was taken out of doubt without knowing what came of it.
    pub doubt: Option<Doubt>,
    /// How often it was made pending again while in doubt; stays at 255.
    pub retries_in_doubt: u8,
    /// Whether the recipient may have the message twice: an attempt that was in doubt turned out
    /// to be delivered when another had begun.
    pub is_possible_duplicate: bool,
}

impl Receipt {
    /// The receipt of a delivery that nothing has happened to: pending, in `chunk`.
    pub const fn untouched(
        delivery: DeliveryId,
        address: Address,
        chunk: ChunkId,
        at: Timestamp,
    ) -> Self {
        Self {
            delivery,
            address,
            chunk,
            state: DeliveryState::Pending,
            attempts: 0,
            token: None,
            first_attempt_at: None,
            next_attempt_at: None,
            reply: None,
            at,
            doubt: None,
            retries_in_doubt: 0,
            is_possible_duplicate: false,
        }
    }

    /// Since when nobody knows what came of its newest attempt: it is in doubt, or was taken out
    /// of doubt without knowing, whenever that was. `None` when it is known.
    pub fn unknown_since(&self) -> Option<Timestamp> {
        match self.doubt {
            _ if self.state == DeliveryState::InDoubt => Some(self.at),
            Some(doubt) if self.is_decided() => Some(doubt.at),
            _ => None,
        }
    }

    /// Whether its newest attempt was taken out of doubt without knowing what came of it, and
    /// nobody knows yet.
    pub fn is_decided(&self) -> bool {
        self.doubt.is_some_and(|doubt| {
            let is_newest = self.token == Some(doubt.token) && self.attempts == doubt.attempt;
            is_newest && !doubt.is_settled
        })
    }

    /// What is in doubt of a receipt that is in doubt, not settled; `None` when nothing was ever
    /// begun.
    pub fn to_doubt(&self) -> Option<Doubt> {
        self.token.map(|token| Doubt {
            token,
            attempt: self.attempts,
            at: self.at,
            is_settled: false,
        })
    }

    /// Whether it was ever sent again, or made ready for it, without knowing that the first try
    /// had failed.
    pub const fn is_retried_in_doubt(&self) -> bool {
        self.retries_in_doubt > 0
    }
}

/// An attempt of which nobody knew what came of it when its delivery was taken out of doubt: by
/// policy, or by a person. Its late outcome is still listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// The lease that it was begun under.
    pub token: LeaseToken,
    /// Its number.
    pub attempt: u16,
    /// When it came into doubt: how old the doubt is does not depend on what was decided since.
    pub at: Timestamp,
    /// Whether its outcome came after all.
    pub is_settled: bool,
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
