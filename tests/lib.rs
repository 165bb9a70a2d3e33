//! What several test programs share.

use std::path::{Path, PathBuf};

pub mod house;
pub mod name_server;
pub mod peers;
pub mod running;
pub mod waiting;

pub use running::{Ended, Running};
pub use waiting::{until, within};

/// The folder of the workspace, whatever folder a test was started in.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace is there")
}

/// Whether the long versions were asked for, by `tests/run --full`.
pub fn is_full() -> bool {
    std::env::var_os("TESTS_FULL").is_some()
}
