//! What lists and desks say to each other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postrider_store::{Refused, StoreError};
use tokio::sync::oneshot;

use super::error::{IntakeError, IntakeReport};
use crate::audience::Parsed;

/// What is asked at a desk.
pub(super) enum Ask {
    /// Take these in, unless they are known.
    Admit {
        recipients: Vec<Parsed>,
        source: Source,
    },
    /// Answer when all that was admitted so far is durable.
    Settle { settled: oneshot::Sender<()> },
}

/// The list that a recipient comes from, and what has come of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Source(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    accepted: AtomicU64,
    duplicates: AtomicU64,
}

impl Source {
    pub(super) fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Acquire)
    }

    pub(super) fn duplicates(&self) -> u64 {
        self.0.duplicates.load(Ordering::Acquire)
    }

    /// So many of it are durable now.
    pub(super) fn count_accepted(&self, recipients: u64) {
        self.0.accepted.fetch_add(recipients, Ordering::AcqRel);
    }

    /// So many of it were known.
    pub(super) fn count_duplicates(&self, recipients: u64) {
        self.0.duplicates.fetch_add(recipients, Ordering::AcqRel);
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Why a desk has halted.
#[derive(Debug, Clone)]
pub(super) enum Halt {
    Refused(Refused),
    Store(StoreError),
    Spill(Arc<io::Error>),
}

impl Halt {
    pub(super) fn into_error(self, report: Box<IntakeReport>) -> IntakeError {
        match self {
            Self::Refused(source) => IntakeError::Refused { report, source },
            Self::Store(source) => IntakeError::Store { report, source },
            Self::Spill(source) => IntakeError::Spill { report, source },
        }
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
