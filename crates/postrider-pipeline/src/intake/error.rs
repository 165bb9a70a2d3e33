//! What came of a list.

use std::io;
use std::sync::Arc;

use postrider_store::{Refused, StoreError};

use crate::audience::{BadLine, ListError};

/// What came of a list. `lines = accepted + duplicates + bad` when all of it was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeReport {
    /// Lines with content that were read, without a header; a quoted field may span several
    /// physical lines.
    pub lines: u64,
    /// Recipients that are durable because of this list.
    pub accepted: u64,
    /// Lines whose address was in the audience already; the first line wins.
    pub duplicates: u64,
    /// Lines that were left out because something is wrong with them.
    pub bad: u64,
    /// The first of those, up to `errors_max`.
    pub errors: Vec<BadLine>,
}

/// Why a list was not taken in to its end.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The list as a whole cannot be read; nothing was taken in.
    #[error(transparent)]
    List(#[from] ListError),
    /// The campaign takes no recipients: it is missing, sealed or over.
    #[error("the campaign takes no recipients{}", so_far(report))]
    Refused {
        /// What had been taken in by then.
        report: Box<IntakeReport>,
        /// Why.
        source: Refused,
    },
    /// The list broke off.
    #[error("the list cannot be read to its end{}", so_far(report))]
    Input {
        /// What had been taken in by then.
        report: Box<IntakeReport>,
        /// Why.
        source: io::Error,
    },
    /// The store could not work.
    #[error("the store cannot take recipients{}", so_far(report))]
    Store {
        /// What had been taken in by then.
        report: Box<IntakeReport>,
        /// Why.
        source: StoreError,
    },
    /// The directory for de-duplication could not be written or read.
    #[error("the directory for de-duplication does not work{}", so_far(report))]
    Spill {
        /// What had been taken in by then.
        report: Box<IntakeReport>,
        /// Why.
        source: Arc<io::Error>,
    },
    /// Too many audiences grow at once.
    #[error("lists for {0} campaigns are being taken in, which is the most at once; try again")]
    Busy(usize),
}

impl IntakeError {
    /// What had been taken in when it happened: all of `accepted` is durable, and posting the
    /// same list again continues.
    pub fn report(&self) -> Option<&IntakeReport> {
        match self {
            Self::List(_) | Self::Busy(_) => None,
            Self::Refused { report, .. }
            | Self::Input { report, .. }
            | Self::Store { report, .. }
            | Self::Spill { report, .. } => Some(report),
        }
    }

    /// Whether posting the same list again later may succeed without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::List(_) | Self::Refused { .. } => false,
            Self::Store { source, .. } => source.is_transient(),
            Self::Input { .. } | Self::Spill { .. } | Self::Busy(_) => true,
        }
    }
}

/// The half of a sentence that says what is safe, and what to do.
fn so_far(report: &IntakeReport) -> String {
    if report.lines == 0 {
        return String::new();
    }
    format!(
        "; {} lines were read, {} recipients of them are safe, and posting the same list again \
         continues",
        report.lines, report.accepted
    )
}
