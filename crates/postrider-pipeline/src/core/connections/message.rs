//! A message on a connection, and how far it is.

use std::sync::Arc;

use postrider_store::Claimed;
use postrider_types::{DeliveryId, Timestamp};

use crate::core::event::Job;
use crate::core::hands::StrandId;
use crate::core::limits::Taken;

/// A message on a connection.
#[derive(Debug, Clone)]
pub(in crate::core) struct Busy {
    /// Which strand it comes from.
    pub(in crate::core) strand: StrandId,
    /// The chunk that it comes from, which may be no longer in hand when it ends.
    pub(in crate::core) chunk: Arc<Claimed>,
    /// Which recipient of the chunk.
    pub(in crate::core) index: usize,
    /// The domain that it goes to.
    pub(in crate::core) domain: Arc<str>,
    /// The slot that it took.
    pub(in crate::core) taken: Taken,
    /// How far it is.
    pub(in crate::core) progress: Progress,
}

impl Busy {
    /// What is to be sent.
    pub(in crate::core) fn job(&self) -> Job {
        Job {
            chunk: Arc::clone(&self.chunk),
            index: self.index,
        }
    }

    /// Which delivery it is.
    pub(in crate::core) fn delivery(&self) -> DeliveryId {
        self.job().delivery()
    }
}

/// How far a message on a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Progress {
    /// Being rendered and written; nothing is begun.
    Transmitting,
    /// At the gate, and the begin is asked for.
    Beginning,
    /// Begun, and since then the terminator may be written.
    Begun(Timestamp),
    /// Given up at the gate; nothing is begun.
    Abandoned(Afterwards),
}

/// What happens to a delivery that was given up at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Afterwards {
    /// It goes again from the same hand.
    Again,
    /// It was begun: the store must learn that the terminator was never written.
    Return,
    /// It is no longer ours.
    Forget,
}
