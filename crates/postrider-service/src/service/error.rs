//! Why a service does not start: what is wrong, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_store::StoreError;

use crate::key::KeyError;
use crate::wiring::SettingsError;
use crate::workers::WorkersError;

/// A service that was not started. Each prints as a sentence that says what to do; what the
/// system said is its source.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The listener cannot be had.
    #[error("cannot listen on {address}: {}", listen_advice(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The key of `dev` on an address that others reach.
    #[error(
        "{address} is not loopback, and everybody knows the key of dev: listen on 127.0.0.1, or \
         use serve, which makes a key of its own"
    )]
    DevKey {
        /// The address.
        address: SocketAddr,
    },
    /// What a key says cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The key cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store cannot be opened.
    #[error("{0}; {advice}", advice = store_advice(.0))]
    Store(StoreError),
    /// There can be no workers.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// A directory cannot be made.
    #[error("cannot make the directory {}; is the disk full or read-only?", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system did not do what it always does.
    #[error("the system refused what every service needs")]
    System(#[source] io::Error),
}

impl StartError {
    /// The process id of whoever owns the data directory, when that is why.
    pub const fn owner(&self) -> Option<u32> {
        match self {
            Self::Store(StoreError::Owned { pid, .. }) => Some(*pid),
            _ => None,
        }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn listen_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is taken; stop what uses it, or choose another with server.listen"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; change server.listen"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not use the port; choose one above 1023 with server.listen"
        }
        _ => "the system does not allow it",
    }
}

fn store_advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Owned { .. } => {
            "stop that one, use it through its API, or choose another server.data_dir"
        }
        StoreError::Newer { .. } => "run the newer version again, or choose another data directory",
        StoreError::Unwritable { .. } => {
            "free some room on the disk or make it writable; nothing is lost"
        }
        StoreError::Open { .. } => {
            "check that server.data_dir is a directory that this user can write to"
        }
        StoreError::Corrupt { .. } => {
            "nothing was changed; keep a copy of the directory, then put a backup in its place \
             (postrider backup makes them) without the -wal and -shm beside it, or export what \
             can be read with the sqlite3 shell's .recover"
        }
        StoreError::Missing { .. } => {
            "put a backup in place of the store (postrider backup makes them), remove the -wal and \
             -shm beside it, and start; or, to begin anew on purpose, remove the whole data \
             directory, or the file incarnation in it: nobody knows then who got what, and a \
             campaign that is created again goes to everybody again"
        }
        StoreError::StrayLog { .. } => {
            "it is left from the store that the backup replaces: move it and the -shm beside it \
             away, and start again; nothing was changed"
        }
        StoreError::Closed | StoreError::Elsewhere => "start again",
    }
}
