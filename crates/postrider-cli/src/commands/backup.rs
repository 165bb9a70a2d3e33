//! `postrider backup`: a copy of the store, while the service goes on or after it has ended.
//!
//! The copy is made here and not by the service: reading holds nobody up, and whoever may read the
//! data directory needs no key for it.

use std::path::PathBuf;

use clap::Args;
use postrider_service::{BackupError, backup};
use serde::Serialize;

use crate::call::Call;
use crate::exit::{Exit, stop};
use crate::settings;

const EXAMPLE: &str = "\
Example:
  postrider backup --data ./data --to /backup/postrider-2026-11-21.sqlite

To restore: stop the service, put the file into the data directory as postrider.sqlite, remove
postrider.sqlite-wal and postrider.sqlite-shm, and start it. Every campaign is paused then, because
the backup does not know what was sent after it was made: look at each, and resume it or not.";

/// What is copied, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The file that is made; there must be none yet. It holds addresses and keys
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// What `-o json` prints.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a PathBuf,
    bytes: u64,
}

/// Does it.
pub(crate) async fn run(arguments: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    let data_dir = match &call.globals.data {
        Some(data_dir) => data_dir.clone(),
        None => settings::load(&call.globals)?.server.data_dir,
    };
    let made = backup(data_dir, arguments.to.clone()).await;
    let bytes = made.map_err(|error| match error {
        BackupError::NoStore { .. } => stop(Exit::NotFound, error.to_string()),
        BackupError::Taken { .. } => stop(Exit::WrongState, error.to_string()),
        error => error.into(),
    })?;
    let file = &arguments.to;
    if call.output.is_json() {
        call.output.json(&Line { file, bytes })?;
    } else {
        let line = format!(
            "{} holds the store as it was, {bytes} bytes",
            file.display()
        );
        call.output.line(line)?;
    }
    Ok(Exit::Done)
}
