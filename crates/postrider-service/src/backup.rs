//! A copy of a store, made beside the service that owns it.

use std::path::PathBuf;

use postrider_pipeline::{Clock, SystemClock};
use postrider_store::{StoreError, sqlite};

/// Why there is no backup; whatever was begun of it is gone.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no store in {}; name its directory with --data", data_dir.display())]
    NoStore {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// Something has the name already.
    #[error("{} exists already; a backup replaces nothing, choose another name", to.display())]
    Taken {
        /// The name.
        to: PathBuf,
    },
    /// The store cannot be read to its end, or the copy not be written.
    #[error("{0}; no backup was made")]
    Store(StoreError),
    /// The system gave no thread.
    #[error("the system refused what every command needs")]
    System(#[source] std::io::Error),
}

/// Copies the store in `data_dir` into the new file `to`, as it is at one moment from now on; gives
/// its size in bytes. The owner of the store, if there is one, goes on meanwhile.
///
/// # Errors
/// [`BackupError`].
pub async fn backup(data_dir: PathBuf, to: PathBuf) -> Result<u64, BackupError> {
    if !data_dir.join(sqlite::FILE).exists() {
        return Err(BackupError::NoStore { data_dir });
    }
    if to.exists() {
        return Err(BackupError::Taken { to });
    }
    let now = SystemClock::start().now();
    let copy = move || sqlite::backup(&data_dir, &to, now);
    let copied = tokio::task::spawn_blocking(copy).await;
    let copied = copied.map_err(|error| BackupError::System(error.into()))?;
    copied.map_err(BackupError::Store)
}
