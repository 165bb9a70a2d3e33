//! The embedded default: one SQLite file, one writer, no server.
//!
//! The file is in WAL mode with `synchronous=FULL`: what was answered survives a power cut. One
//! batch is one transaction. Checkpoints are made beside the writer, on a thread of their own
//! (`checkpoint`). Exactly one process has the store open (see [`OWNER_FILE`]), so what the writer
//! read or wrote last may be kept in memory.

mod answers;
mod backup;
mod cache;
mod campaigns;
mod check;
mod checkpoint;
mod chunks;
mod clock;
mod compact;
mod connection;
mod fault;
mod incarnation;
mod log;
mod migrations;
mod owner;
mod packing;
mod quarantine;
mod queue;
mod reader;
mod receipts;
mod sql;
mod tables;
mod tenants;
mod transaction;
mod unreadable;
mod upkeep;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postrider_types::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use self::cache::Cache;
use self::checkpoint::{Checkpoints, Lengths};
use self::owner::OwnerLock;
use self::reader::SqliteReader;
use crate::error::StoreError;
use crate::handle::{Backend, Now, Parts, Store};
use crate::request::{Reply, Request};

pub use self::backup::backup;
pub use self::incarnation::INCARNATION_FILE;
pub use self::owner::OWNER_FILE;

/// The name of the database in the data directory; SQLite adds `-wal` and `-shm` beside it.
pub const FILE: &str = "postrider.sqlite";

/// The store in `data_dir`, which is created (for its user only) when it is missing.
///
/// # Errors
/// [`StoreError::Owned`] when another process has it open, [`StoreError::Newer`] when a newer
/// version wrote it, [`StoreError::Missing`] when there was one and its file is empty or gone,
/// [`StoreError::Corrupt`] when it is not a database, and [`StoreError::Open`] or
/// [`StoreError::Unwritable`] with what the system said.
pub fn open(data_dir: &Path, now: Now) -> Result<Store, StoreError> {
    let (backend, reader) = SqliteBackend::open(data_dir)?;
    clock::expect_ahead(&backend.connection, now())?;
    let restored_since = backend.restored_since;
    let store = Store::on_thread(Box::new(backend), Arc::new(reader), now)?;
    Ok(store.restored(restored_since))
}

/// Backend and reader of the store in `data_dir`, for a caller with a thread of its own.
///
/// # Errors
/// As [`open`].
pub fn parts(data_dir: &Path) -> Result<Parts, StoreError> {
    let (backend, reader) = SqliteBackend::open(data_dir)?;
    Ok((Box::new(backend), Arc::new(reader)))
}

struct SqliteBackend {
    /// Ended before the connection is closed.
    checkpoints: Checkpoints,
    connection: Connection,
    /// `None` after a failure, until it is read again.
    cache: Option<Cache>,
    message_key: [u8; 32],
    /// See [`incarnation::Begun`].
    restored_since: Option<Timestamp>,
    /// The file.
    path: PathBuf,
    /// Given back last.
    _owner: OwnerLock,
}

impl SqliteBackend {
    fn open(data_dir: &Path) -> Result<(Self, SqliteReader), StoreError> {
        create(data_dir)?;
        let owner = OwnerLock::take(data_dir)?;
        let path = data_dir.join(FILE);
        incarnation::expect_store(&path)?;
        let opened = Self::open_file(&path, owner);
        let (backend, message_key) = opened.map_err(|error| fault::at_open(error, &path))?;
        Ok((backend, SqliteReader::new(path, message_key)))
    }

    /// The backend over the file, which is brought to the newest format, and its message key.
    fn open_file(path: &Path, owner: OwnerLock) -> Result<(Self, [u8; 32]), StoreError> {
        let has_log = connection::has_log(path);
        if connection::is_log_stray(path)? {
            let log = connection::log_path(path);
            return Err(StoreError::StrayLog { log });
        }
        let mut connection = connection::writer(path)?;
        check::check(&mut connection, path)?;
        incarnation::expect_tables(&connection, path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let message_key = migrations::migrate(&transaction, path)?;
        let begun = incarnation::begin(&transaction, path, has_log)?;
        transaction.commit()?;
        // From here on the file itself says that a log belongs to it.
        checkpoint::pass(&connection);
        incarnation::note(path, begun.count);
        let backend = Self {
            checkpoints: Checkpoints::start(path, &mut connection, Lengths::STORE)?,
            cache: Some(Cache::read(&connection)?),
            connection,
            message_key,
            restored_since: begun.behind_since,
            path: path.to_owned(),
            _owner: owner,
        };
        Ok((backend, message_key))
    }

    /// Tells whether the file holds nothing any more that was deleted. What else was asked for in
    /// the same commit is durable already.
    fn compact(&mut self) -> Reply {
        let compact = || compact::compact(&self.connection, &self.path);
        match self.checkpoints.without(compact) {
            Ok(is_clean) => Reply::Done { more: !is_clean },
            Err(error) => {
                tracing::warn!(%error, "the store could not be compacted");
                Reply::Failed(error)
            }
        }
    }
}

impl Drop for SqliteBackend {
    /// Counts the clean end, and moves the whole log into the file, also while readers that do not
    /// read have it open: of a store that was closed in order the file holds everything.
    ///
    /// Where the end cannot be counted the log stays, as after a crash.
    fn drop(&mut self) {
        let connection = &mut self.connection;
        let end = || {
            let count = incarnation::end(connection)?;
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            connection.query_row(sql, [], |_| Ok(()))?;
            connection::keep_log(connection, false)?;
            Ok::<_, StoreError>(count)
        };
        match self.checkpoints.without(end) {
            Ok(count) => incarnation::note(&self.path, count),
            Err(error) => tracing::warn!(
                %error,
                "the log of the store stays beside it; the next start reads it"
            ),
        }
    }
}

impl Backend for SqliteBackend {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        self.apply_each(&mut std::iter::once(batch), now)
    }

    fn apply_each(
        &mut self,
        groups: &mut dyn Iterator<Item = Vec<Request>>,
        now: Timestamp,
    ) -> Result<Vec<Reply>, StoreError> {
        self.checkpoints.before_commit();
        let cache = match self.cache.take() {
            Some(cache) => cache,
            None => Cache::read(&self.connection)?,
        };
        let mut compacts = Vec::new();
        let mut place = 0;
        let mut requests = groups.flatten().inspect(|request| {
            if matches!(request, Request::Compact) {
                compacts.push(place);
            }
            place += 1;
        });
        let (connection, key) = (&mut self.connection, self.message_key);
        let committed = transaction::commit(connection, cache, key, &mut requests, now)?;
        let mut replies = committed.replies;
        self.cache = Some(committed.cache);
        self.checkpoints.after_commit();
        if !compacts.is_empty() {
            let done = self.compact();
            for place in compacts {
                replies[place] = done.clone();
            }
        }
        Ok(replies)
    }

    fn idle(&mut self) {
        self.checkpoints.idle();
    }
}

/// Makes the data directory, readable by its user only, unless it is there.
fn create(data_dir: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    let created = builder.recursive(true).mode(0o700).create(data_dir);
    created.map_err(|error| StoreError::Open {
        path: data_dir.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use postrider_types::{EmailId, TenantId};

    use super::*;
    use crate::read::Reader;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn put(bytes: usize, fill: u8) -> Request {
        let content = Bytes::from(vec![fill; bytes]);
        Request::PutEmail {
            tenant: TenantId::DEFAULT,
            email: EmailId::of(&content),
            content,
        }
    }

    /// The backend's own limit of pages, as if the disk ended there.
    fn limit_pages(backend: &SqliteBackend, pages: u32) {
        let sql = format!("PRAGMA max_page_count = {pages}");
        backend.connection.query_row(&sql, [], |_| Ok(())).unwrap();
    }

    fn expect_error<T>(opened: Result<T, StoreError>) -> StoreError {
        opened.err().expect("the store must not open")
    }

    #[test]
    fn on_a_full_disk_nothing_of_a_batch_happens_and_it_works_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let (mut backend, reader) = SqliteBackend::open(dir.path()).unwrap();
        limit_pages(&backend, 1);
        let batch = vec![put(100, 1), put(200_000, 2)];
        let error = backend.apply(batch.clone(), NOW).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store cannot write (the disk is full)"
        );
        assert!(error.is_transient());
        let small = EmailId::of(&[1; 100]);
        assert_eq!(reader.email(TenantId::DEFAULT, small).unwrap(), None);
        limit_pages(&backend, 1_000_000);
        let new = Reply::Put { is_new: true };
        assert_eq!(backend.apply(batch, NOW).unwrap(), [new.clone(), new]);
        assert!(reader.email(TenantId::DEFAULT, small).unwrap().is_some());
    }

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let now: Now = Arc::new(|| NOW);
        let store = open(dir.path(), Arc::clone(&now)).unwrap();
        let error = expect_error(open(dir.path(), Arc::clone(&now)));
        let pid = std::process::id();
        let expect = format!(
            "{} is in use by the process with pid {pid}",
            dir.path().display()
        );
        assert_eq!(error.to_string(), expect);
        // With the last handle the writer has ended too.
        drop(store);
        open(dir.path(), now).unwrap();
    }

    #[test]
    fn a_missing_directory_is_made_for_its_user_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        SqliteBackend::open(&deep).unwrap();
        let mode = std::fs::metadata(&deep).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_is_no_store_is_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(
            &path,
            "not a database, but long enough to look like one. ".repeat(100),
        )
        .unwrap();
        let error = expect_error(SqliteBackend::open(dir.path()));
        assert_eq!(
            error.to_string(),
            format!(
                "the store holds something unreadable: {} (file is not a database, code 26)",
                path.display()
            )
        );
        let error = expect_error(SqliteBackend::open(&path));
        let expect = format!("cannot open {} (", path.display());
        assert!(error.to_string().starts_with(&expect), "{error}");
    }

    #[test]
    fn a_torn_page_is_an_error_and_not_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let (mut backend, _) = SqliteBackend::open(dir.path()).unwrap();
        backend.apply(vec![put(50_000, 1)], NOW).unwrap();
        drop(backend);
        let path = dir.path().join(FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4_096..].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let error = expect_error(SqliteBackend::open(dir.path()));
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
}
