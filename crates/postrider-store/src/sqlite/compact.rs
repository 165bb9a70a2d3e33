//! Compacting: the file is written anew, without anything that was deleted or overwritten.
//!
//! Deleting a row leaves its bytes in the page, and pages that are split leave copies behind, which
//! no setting of SQLite removes for certain. So what must be nowhere in the file, such as an
//! erased address, is gone only when every page was written again: `VACUUM`, and a WAL that is
//! moved into the file and cut to nothing.
//!
//! It holds the writer up for as long as it takes to write the file twice, so only a person asks
//! for it. The copy lies in a file without a name, not in memory.

use rusqlite::Connection;

use super::connection::set;
use crate::error::StoreError;

/// Writes the file anew; false when a reader kept the old WAL, so that it must be asked again.
pub(super) fn compact(connection: &Connection) -> Result<bool, StoreError> {
    set(connection, "temp_store", "FILE")?;
    let written = connection.execute_batch("VACUUM");
    set(connection, "temp_store", "MEMORY")?;
    written?;
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: bool = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(!is_busy)
}
