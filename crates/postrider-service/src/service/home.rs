//! Where a service keeps things: its store, and its directories.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use postrider_pipeline::SystemClock;
use postrider_store::Store;
use rand::RngExt;
use tempfile::TempDir;

use super::{StartError, StoreKind};
use crate::config::Config;

/// The name of the directory, in the data directory, for what de-duplication has no memory for.
const SPILL_DIR: &str = "spill";

/// The store, and where its service keeps things.
pub(super) async fn open(
    config: &Config,
    kind: StoreKind,
    clock: SystemClock,
) -> Result<(Store, Home), StartError> {
    let data_dir = config.server.data_dir.clone();
    let open = move || match kind {
        StoreKind::Memory => {
            let spill = TempDir::new().map_err(StartError::System)?;
            let message_key = rand::rng().random();
            let store = postrider_store::memory::open(message_key, clock.as_now())?;
            Ok((store, Home::Spill(spill)))
        }
        StoreKind::Sqlite => {
            let store = postrider_store::sqlite::open(&data_dir, clock.as_now())?;
            let home = Home::DataDir(data_dir);
            let path = home.spill_dir();
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(0o700).create(&path);
            made.map_err(|source| StartError::Directory { path, source })?;
            Ok((store, home))
        }
    };
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(|error| StartError::System(error.into()))?
}

/// Where a service keeps what it keeps.
pub(super) enum Home {
    /// The data directory of a store in SQLite.
    DataDir(PathBuf),
    /// Where de-duplication spills for a store in memory; deleted with this.
    Spill(TempDir),
}

impl Home {
    /// Where de-duplication spills.
    pub(super) fn spill_dir(&self) -> PathBuf {
        match self {
            Self::DataDir(data_dir) => data_dir.join(SPILL_DIR),
            Self::Spill(spill) => spill.path().to_owned(),
        }
    }
}
