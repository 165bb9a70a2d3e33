//! How a store is known that is behind what was sent: a restored backup, or one without its log.
//!
//! A backup does not know what was sent after it was made, so whatever it calls pending may have
//! arrived long ago. Every start and every clean end therefore counts: in the store, and in a file
//! beside it. A store that is put in place of a newer one is behind that file, one that is put into
//! an empty directory has none, and one that `backup` wrote says so itself.
//!
//! A log (the WAL) that was removed after a crash takes along what was sent since the last
//! checkpoint. So the store also says which life has it open: from its start, which is moved into
//! the file of the store at once, until its clean end. In between the log always holds something,
//! and no connection of ours takes it away; a store that says so and has none has lost it.
//!
//! Each of them begins with every campaign paused, in the same transaction in which it takes up the
//! count; a person resumes. A directory in which starts were counted, and whose store is gone, or is
//! behind and knows of no campaign at all, is refused: a backend that creates its campaigns again
//! would send everything again.
//!
//! **Invariant.** The count in the file is never ahead of the store's, on whatever line a process
//! dies: it is written after the store has it on the disk. One that cannot be written is only less
//! to know a copy by.
//!
//! Not seen is a copy of the whole directory, and a copy of store and log made by other means than
//! `backup`, of a life that is killed, and put back before the next start: nothing on this machine
//! tells them from the store itself. And a program that opens the store of a crash, such as the
//! shell of SQLite, takes the log away in order when it ends: that is taken for a loss, because it
//! cannot be told from one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use postrider_types::{CampaignState, PauseReason, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{connection, fault};
use crate::error::StoreError;

/// The name of the file with the count in the data directory.
pub const INCARNATION_FILE: &str = "incarnation";

/// How many starts and clean ends there were.
const INCARNATION: &str = "incarnation";

/// The count of the life that has the store open. With another count of starts and ends it is that
/// of a life that ended, or that a version followed which does not know of this.
const OPEN: &str = "open_life";

/// When a backup was made; only in a file that `backup` wrote and that was not opened since.
const TAKEN_AT: &str = "backup_taken_at";

/// Since when deliveries may have gone out that this store does not know of.
const RESTORED_SINCE: &str = "restored_since";

/// Refuses a directory in which starts were counted and whose store, the file at `path`, is empty
/// or missing. Nothing is made there that a backup would have to be put in place of.
pub(super) fn expect_store(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(path) {
        Ok(file) if file.len() > 0 => Ok(()),
        _ => refuse_without_store(path),
    }
}

/// The same of a file that is a database with nothing in it.
pub(super) fn expect_tables(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
    match connection.query_row(sql, [], |row| row.get(0))? {
        true => Ok(()),
        false => refuse_without_store(path),
    }
}

fn refuse_without_store(path: &Path) -> Result<(), StoreError> {
    let witness = path.with_file_name(INCARNATION_FILE);
    if !witness.exists() {
        return Ok(());
    }
    let path = path.to_owned();
    Err(StoreError::Missing { path, witness })
}

/// What a start counted.
pub(super) struct Begun {
    /// For [`note`], as soon as it is committed.
    pub count: i64,
    /// Of a store that is behind what was sent, and as long as one of its campaigns is held up: the
    /// instant from which on deliveries may have gone out that it does not know of.
    pub behind_since: Option<Timestamp>,
}

/// Counts a start of the store at `path`, beside which lay a log that held something, or did not;
/// in the transaction of the caller, who commits. What else is done before anybody works with the
/// store belongs in the same one: as soon as anything is committed, there is a log.
///
/// # Errors
/// [`StoreError::Missing`] of a store that is behind and without a single campaign.
pub(super) fn begin(
    transaction: &Connection,
    path: &Path,
    has_log: bool,
) -> Result<Begun, StoreError> {
    let noted = noted(path);
    let kept = get(transaction, INCARNATION)?;
    let taken_at = get(transaction, TAKEN_AT)?.map(Timestamp::from_micros);
    // A store from before there was a count has neither.
    let is_behind = match (kept, noted) {
        (Some(_), None) => true,
        (kept, Some(noted)) => kept.unwrap_or(0) < noted,
        (None, None) => false,
    };
    let has_lost_log = !has_log && kept.is_some() && get(transaction, OPEN)? == kept;
    let has_campaigns = "SELECT EXISTS (SELECT 1 FROM campaigns)";
    let has_campaigns: bool = transaction.query_row(has_campaigns, [], |row| row.get(0))?;
    if !has_campaigns && noted.is_some() && taken_at.is_none() {
        // Whoever begins anew on purpose has removed the count, or put a backup in place.
        if has_lost_log {
            let (path, witness) = (connection::log_path(path), path.to_owned());
            return Err(StoreError::Missing { path, witness });
        }
        if is_behind {
            refuse_without_store(path)?;
        }
    }
    if has_lost_log {
        tracing::warn!(
            path = %connection::log_path(path).display(),
            "the last life of the store ended without a stop, and its log is gone; what was \
             written last may be gone with it"
        );
    }
    if has_campaigns && (is_behind || has_lost_log || taken_at.is_some()) {
        let since = match taken_at {
            Some(taken_at) => taken_at,
            None => newest(transaction)?,
        };
        // What is held up already is of an earlier instant.
        let since = still_held_up(transaction)?.map_or(since, |held| held.min(since));
        hold_up(transaction)?;
        set(transaction, RESTORED_SINCE, since.as_micros())?;
    }
    forget(transaction, TAKEN_AT)?;
    let count = kept.max(noted).unwrap_or(0).saturating_add(1);
    set(transaction, INCARNATION, count)?;
    set(transaction, OPEN, count)?;
    let behind_since = still_held_up(transaction)?;
    Ok(Begun {
        count,
        behind_since,
    })
}

/// Says once more, in a commit of its own, which life has the store open: for a log that begins
/// anew, which must not be empty.
pub(super) fn say_again(connection: &Connection) -> Result<(), StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let open = get(&transaction, OPEN)?.unwrap_or(0);
    // A row that is overwritten with the same is not written.
    forget(&transaction, OPEN)?;
    set(&transaction, OPEN, open)?;
    transaction.commit()?;
    Ok(())
}

/// Counts a clean end, after which the log may go; gives the count, for [`note`].
pub(super) fn end(connection: &mut Connection) -> Result<i64, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let count = get(&transaction, INCARNATION)?
        .unwrap_or(0)
        .saturating_add(1);
    set(&transaction, INCARNATION, count)?;
    transaction.commit()?;
    Ok(count)
}

/// Notes a count that the store at `path` has on the disk. A crash before this leaves the file
/// behind the store, which is harmless, and so does a failure.
pub(super) fn note(path: &Path, count: i64) {
    let file = path.with_file_name(INCARNATION_FILE);
    if let Err(error) = replace(&file, count) {
        tracing::warn!(%error, path = %file.display(), "the count of starts cannot be noted");
    }
}

/// Says in a copy of a store that it is one, and whole without a log.
pub(super) fn mark(copy: &Connection, taken_at: Timestamp) -> Result<(), StoreError> {
    forget(copy, OPEN)?;
    set(copy, TAKEN_AT, taken_at.as_micros())
}

/// Whatever may begin something by itself waits for a person. A draft does anyway, and says why it
/// may be wrong to start it: it may have been started since.
fn hold_up(connection: &Connection) -> Result<(), StoreError> {
    let (running, paused) = (CampaignState::Running, CampaignState::Paused);
    let restored = PauseReason::Restored.number();
    connection.execute(
        "UPDATE campaigns SET state = ?2, paused_because = ?3 WHERE state IN (?1, ?2)",
        params![running.number(), paused.number(), restored],
    )?;
    connection.execute(
        "UPDATE campaigns SET paused_because = ?2 WHERE state = ?1",
        params![CampaignState::Draft.number(), restored],
    )?;
    Ok(())
}

/// The instant of the newest thing that the store knows; the epoch when it knows nothing.
pub(super) fn newest(connection: &Connection) -> Result<Timestamp, StoreError> {
    let sql = "SELECT max(
        coalesce((SELECT at FROM log ORDER BY number DESC LIMIT 1), 0),
        coalesce((SELECT max(max(created_at, coalesce(started_at, 0), coalesce(ended_at, 0)))
         FROM campaigns), 0))";
    let micros = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(Timestamp::from_micros(micros))
}

fn still_held_up(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM campaigns WHERE paused_because = ?1)";
    let restored = PauseReason::Restored.number();
    if connection.query_row(sql, [restored], |row| row.get(0))? {
        return Ok(get(connection, RESTORED_SINCE)?.map(Timestamp::from_micros));
    }
    forget(connection, RESTORED_SINCE)?;
    Ok(None)
}

fn get(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let value: Option<[u8; 8]> = connection
        .query_row(sql, [name], |row| row.get(0))
        .optional()?;
    Ok(value.map(i64::from_be_bytes))
}

fn set(connection: &Connection, name: &str, value: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)
        ON CONFLICT DO UPDATE SET value = excluded.value";
    connection.execute(sql, params![name, value.to_be_bytes()])?;
    Ok(())
}

fn forget(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.execute("DELETE FROM meta WHERE name = ?1", [name])?;
    Ok(())
}

/// The count in the file beside the store at `path`; one that cannot be read is none.
fn noted(path: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(path.with_file_name(INCARNATION_FILE)).ok()?;
    text.trim().parse().ok().filter(|count| *count >= 0)
}

/// Written beside it and put in its place, so that there is always a whole one.
fn replace(path: &Path, count: i64) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new)?;
    writeln!(file, "{count}")?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    fault::sync_dir(path)
}

#[cfg(test)]
mod lives;
#[cfg(test)]
mod tests;
