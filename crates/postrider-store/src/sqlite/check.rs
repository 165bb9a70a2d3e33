//! A look at the file before anything is done with it.
//!
//! A page that a disk has lost is better found while nothing runs than in the middle of a campaign.
//! The look is bounded in work, not in time: a small store is looked at as a whole, of a large one
//! the first part; `backup` reads all of it.

use std::path::Path;

use rusqlite::{Connection, Error, ErrorCode};

use super::fault;
use crate::bounds::{CHECK_STEPS_MAX, CHECK_STEPS_PER_LOOK};
use crate::error::StoreError;

/// Looks whether the file at `path` is whole.
///
/// # Errors
/// [`StoreError::Corrupt`]; the file is as it was before, down to its write-ahead log
/// (`connection::keep_log`), for whoever repairs it.
pub(super) fn check(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let mut looks = CHECK_STEPS_MAX / CHECK_STEPS_PER_LOOK;
    let is_enough = move || {
        looks = looks.saturating_sub(1);
        looks == 0
    };
    connection.progress_handler(CHECK_STEPS_PER_LOOK, Some(is_enough))?;
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(found) if found == "ok" => {}
        Ok(found) => {
            let found = found.replace('\n', " ");
            return Err(fault::corrupt(format!("{} ({found})", path.display())));
        }
        Err(Error::SqliteFailure(failure, _))
            if failure.code == ErrorCode::OperationInterrupted =>
        {
            tracing::debug!("the store is larger than what is looked at before a start");
        }
        Err(error) => return Err(fault::at_open(error.into(), path)),
    }
    Ok(())
}
