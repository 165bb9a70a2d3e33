//! Why a store could not do what it was asked, as opposed to refusing it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The store could not work. A refusal by the rules is a [`Refused`](crate::Refused) instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StoreError {
    /// Nothing could be written: the disk is full, read-only or broken. What was asked for did
    /// not happen; it may be asked again.
    #[error("the store cannot write ({reason})")]
    Unwritable {
        /// What the disk or the database said.
        reason: String,
    },
    /// Another process owns this store.
    #[error("{} is in use by the process with pid {pid}", path.display())]
    Owned {
        /// The data directory.
        path: PathBuf,
        /// The owner's process id; 0 when it could not be read.
        pid: u32,
    },
    /// A stored row cannot be what this version wrote.
    #[error("the store holds something unreadable: {what}")]
    Corrupt {
        /// Which row, and what is wrong with it.
        what: String,
    },
    /// The data directory or its file cannot be opened.
    #[error("cannot open {} ({reason})", path.display())]
    Open {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There was a store, and its file, or its log with all that it held, is empty or gone.
    #[error(
        "{} is empty or missing, but {} shows that it was there",
        path.display(),
        witness.display()
    )]
    Missing {
        /// What is missing.
        path: PathBuf,
        /// What shows that it was there.
        witness: PathBuf,
    },
    /// The file was put there by `backup` and never opened since, and the log beside it is that of
    /// another file: laid over it, it would make up a store that never was.
    #[error("{} is the log of another store than the backup beside it", log.display())]
    StrayLog {
        /// The log.
        log: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{} has format {found}, and this version knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// A worker asked for what only the service itself reads.
    #[error("only the service itself reads that")]
    Elsewhere,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same request may succeed later without anybody changing it.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unwritable { .. })
    }

    /// Whether it is about something stored that only this request met, so that others of the same
    /// commit may succeed.
    pub const fn is_of_a_row(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}
