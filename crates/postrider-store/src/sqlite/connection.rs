//! How connections to the file are opened, and what is set on each.
//!
//! Durability first: WAL with `synchronous=FULL`, so that a commit that was answered survives a
//! power cut. Memory is bounded by [`WRITER_CACHE_KIB`] and [`READER_CACHE_KIB`]; nothing is
//! mapped into memory, and temporary tables stay out of the disk's way.
//!
//! SQLite lets the last connection that closes take the log (the WAL) away. Of ours none does,
//! unless the writer allows it at a clean end ([`keep_log`]): a life that did not end so is known
//! by its log (see `incarnation`).

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::bounds::{CHECKPOINT_CACHE_KIB, READER_CACHE_KIB, STATEMENTS_MAX, WRITER_CACHE_KIB};
use crate::error::StoreError;

/// How long a connection waits for a lock that only a stranger (a shell, a backup) can hold.
const BUSY_AFTER: Duration = Duration::from_secs(5);

/// The one connection that writes; it creates the file, for its user only. What SQLite makes beside
/// it has the same mode.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let mut options = OpenOptions::new();
    let created = options.append(true).create(true).mode(0o600).open(path);
    created.map_err(|error| StoreError::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    expect_wal(&connection)?;
    set(&connection, "synchronous", "FULL")?;
    set(&connection, "foreign_keys", "OFF")?;
    // A checkpoint never sits in a commit (see `checkpoint`).
    set(&connection, "wal_autocheckpoint", "0")?;
    set(&connection, "cache_size", &format!("-{WRITER_CACHE_KIB}"))?;
    Ok(connection)
}

/// A connection that only moves the WAL into the file. It syncs both: what is moved survives a
/// power cut as what is committed does.
pub(super) fn checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    set(&connection, "synchronous", "FULL")?;
    set(&connection, "wal_autocheckpoint", "0")?;
    set(
        &connection,
        "cache_size",
        &format!("-{CHECKPOINT_CACHE_KIB}"),
    )?;
    Ok(connection)
}

/// A connection for reading beside the writer. It may write the shared index of the WAL, and
/// nothing else.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    set(&connection, "query_only", "ON")?;
    set(&connection, "cache_size", &format!("-{READER_CACHE_KIB}"))?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags)?;
    keep_log(&connection, true)?;
    connection.busy_timeout(BUSY_AFTER)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    set(&connection, "temp_store", "MEMORY")?;
    set(&connection, "mmap_size", "0")?;
    Ok(connection)
}

/// Whether the log stays as it is when this connection is the last that closes; otherwise SQLite
/// moves it into the file and removes it.
pub(super) fn keep_log(connection: &Connection, is_kept: bool) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_kept)?;
    Ok(())
}

/// Whether a log that holds something lies beside the file at `path`. SQLite makes an empty one
/// when it opens the file, so this is asked before.
pub(super) fn has_log(path: &Path) -> bool {
    std::fs::metadata(log_path(path)).is_ok_and(|log| log.len() > 0)
}

/// Whether the log beside the file at `path` cannot be of it: a file that was ever opened says in
/// its header that it is written by a log, and one that `VACUUM INTO` wrote does not yet
/// (<https://www.sqlite.org/fileformat.html>, 1.3.3).
pub(super) fn is_log_stray(path: &Path) -> Result<bool, StoreError> {
    const WRITE_VERSION_AT: u64 = 18;
    const ROLLBACK_JOURNAL: u8 = 1;
    let mut version = [0];
    let read =
        std::fs::File::open(path).and_then(|file| file.read_at(&mut version, WRITE_VERSION_AT));
    match read {
        Ok(_) => Ok(version == [ROLLBACK_JOURNAL] && has_log(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// Where SQLite keeps the log of the file at `path`.
pub(super) fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// SQLite answers with the mode that it has; on a disk without shared memory it keeps another.
fn expect_wal(connection: &Connection) -> Result<(), StoreError> {
    let sql = "PRAGMA journal_mode = WAL";
    let mode: String = connection.query_row(sql, [], |row| row.get(0))?;
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(StoreError::Unwritable {
        reason: format!("this disk allows no write-ahead log, only journal mode {mode}"),
    })
}

/// Sets a pragma, whether or not it answers with a row.
pub(super) fn set(connection: &Connection, pragma: &str, value: &str) -> Result<(), StoreError> {
    connection
        .pragma_update_and_check(None, pragma, value, |_| Ok(()))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            error => Err(error.into()),
        })
}
