//! Compacting: the file is written anew, without anything that was deleted or overwritten.
//!
//! Deleting a row leaves its bytes in the page, and pages that are split leave copies behind, which
//! no setting of SQLite removes for certain. So what must be nowhere in the file, such as an
//! erased address, is gone only when every page was written again: `VACUUM`, and a WAL that is
//! moved into the file and begun anew, cut to what it holds then. It is never empty: a life is known
//! by it (see `incarnation`).
//!
//! It holds the writer up for as long as it takes to write the file twice, so only a person asks
//! for it. The copy lies in a file without a name, not in memory.

use std::path::Path;

use rusqlite::{Connection, Row};

use super::connection::{log_path, set};
use super::incarnation;
use crate::error::StoreError;

/// What SQLite writes before the frames of a log, in bytes.
const LOG_HEADER_BYTES: u64 = 32;

/// What it writes before the page of each frame.
const FRAME_HEADER_BYTES: u64 = 24;

/// Writes the file at `path` anew; false when a reader kept the old WAL, so that it must be asked
/// again.
pub(super) fn compact(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    set(connection, "temp_store", "FILE")?;
    let written = connection.execute_batch("VACUUM");
    set(connection, "temp_store", "MEMORY")?;
    written?;
    let sql = "PRAGMA wal_checkpoint(RESTART)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (is_busy, frames): (bool, u32) = connection.query_row(sql, [], read)?;
    if is_busy {
        return Ok(false);
    }
    // The next commit begins the log anew, and with this limit cuts off what it does not write.
    set(connection, "journal_size_limit", "0")?;
    let begun = incarnation::say_again(connection);
    set(connection, "journal_size_limit", "-1")?;
    begun?;
    is_anew(connection, path, frames)
}

/// Whether the log, which had so many frames, was begun anew, and is no longer than what is in it.
fn is_anew(connection: &Connection, path: &Path, frames_before: u32) -> Result<bool, StoreError> {
    let sql = "PRAGMA wal_checkpoint(PASSIVE)";
    let frames: u32 = connection.query_row(sql, [], |row| row.get(1))?;
    let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let frame_bytes = FRAME_HEADER_BYTES + u64::from(page_bytes);
    let most = LOG_HEADER_BYTES + u64::from(frames) * frame_bytes;
    let log = std::fs::metadata(log_path(path));
    Ok(frames < frames_before && log.is_ok_and(|log| log.len() <= most))
}
