//! A copy of a store that somebody may be using.
//!
//! SQLite copies one consistent state while the owner goes on: a reader holds nobody up, and the
//! write-ahead log only waits with its checkpoints until the copy is done. All of the store is
//! read on the way, so a torn page is found by making a backup, not by needing one. The copy has
//! its name only when it is whole and on the disk; it is for its user only, because it holds
//! addresses and the key of all Message-IDs.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use postrider_types::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::connection::keep_log;
use super::{FILE, fault, incarnation};
use crate::error::StoreError;

/// Copies the store in `data_dir` into the new file `to`, and marks the copy as one that was made
/// at `now`; gives its size in bytes. Blocks for as long as it takes to read and write it all.
///
/// # Errors
/// [`StoreError::Open`] when there is no store, or something at `to`; [`StoreError::Corrupt`] when
/// the store cannot be read to its end; [`StoreError::Unwritable`] with what the system said.
pub fn backup(data_dir: &Path, to: &Path, now: Timestamp) -> Result<u64, StoreError> {
    let from = data_dir.join(FILE);
    let refuse = |path: &Path, reason: &str| {
        let (path, reason) = (path.to_owned(), reason.to_owned());
        Err(StoreError::Open { path, reason })
    };
    if !from.exists() {
        return refuse(&from, "there is no store");
    }
    if to.exists() {
        return refuse(to, "it exists already, and a backup replaces nothing");
    }
    let partial = partial(to);
    let copied = copy(&from, &partial, now).and_then(|bytes| {
        std::fs::rename(&partial, to)
            .and_then(|()| fault::sync_dir(to))
            .map_err(unwritable)?;
        Ok(bytes)
    });
    if copied.is_err() {
        // What is left of it is of no use to anybody; that it cannot be removed harms nothing.
        std::fs::remove_file(&partial).ok();
    }
    copied
}

fn copy(from: &Path, partial: &Path, now: Timestamp) -> Result<u64, StoreError> {
    create(partial).map_err(|error| StoreError::Open {
        path: partial.to_owned(),
        reason: error.to_string(),
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)
        .map_err(|error| fault::at_open(error.into(), from))?;
    // After a crash the next start must find the log.
    keep_log(&source, true)?;
    let target = partial.to_string_lossy();
    source
        .execute("VACUUM INTO ?1", [target.as_ref()])
        .map_err(|error| at_copy(error.into(), from))?;
    drop(source);
    let copy = Connection::open_with_flags(partial, flags)?;
    incarnation::mark(&copy, now)?;
    copy.close().map_err(|(_, error)| error)?;
    let file = File::open(partial).map_err(unwritable)?;
    file.sync_all().map_err(unwritable)?;
    let metadata = file.metadata().map_err(unwritable)?;
    Ok(metadata.len())
}

/// An empty file for its user only, which SQLite fills.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map(drop)
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn unwritable(error: std::io::Error) -> StoreError {
    StoreError::Unwritable {
        reason: error.to_string(),
    }
}

/// What cannot be read names the store; what cannot be written speaks for itself.
fn at_copy(error: StoreError, from: &Path) -> StoreError {
    match error {
        StoreError::Corrupt { .. } => fault::at_open(error, from),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use bytes::Bytes;
    use postrider_types::{EmailId, TenantId};

    use super::*;
    use crate::handle::Backend;
    use crate::read::Reader;
    use crate::request::Request;
    use crate::sqlite::SqliteBackend;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn put(fill: u8) -> (EmailId, Request) {
        let content = Bytes::from(vec![fill; 20_000]);
        let email = EmailId::of(&content);
        let tenant = TenantId::DEFAULT;
        let request = Request::PutEmail {
            tenant,
            email,
            content,
        };
        (email, request)
    }

    #[test]
    fn a_backup_is_the_store_as_it_was_while_its_owner_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (data, other) = (folder.path().join("data"), folder.path().join("other"));
        std::fs::create_dir(&other).unwrap();
        let (mut owner, reader) = SqliteBackend::open(&data).unwrap();
        let ((before, first), (after, second)) = (put(1), put(2));
        owner.apply(vec![first], NOW).unwrap();
        let to = other.join(FILE);
        let bytes = backup(&data, &to, NOW).unwrap();
        owner.apply(vec![second], NOW).unwrap();

        let metadata = std::fs::metadata(&to).unwrap();
        assert_eq!(
            (metadata.len(), metadata.permissions().mode() & 0o777),
            (bytes, 0o600)
        );
        assert_eq!(
            std::fs::read_dir(&other).unwrap().count(),
            1,
            "nothing beside it"
        );
        let (_copy, copied) = SqliteBackend::open(&other).unwrap();
        assert_eq!(copied.message_key(), reader.message_key());
        let has = |id| copied.email(TenantId::DEFAULT, id).unwrap().is_some();
        assert!(has(before) && !has(after));
    }

    #[test]
    fn what_is_there_is_never_replaced_and_nothing_is_never_copied() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("taken");
        let error = backup(folder.path(), &to, NOW).unwrap_err().to_string();
        assert!(error.contains("there is no store"), "{error}");
        drop(SqliteBackend::open(folder.path()).unwrap());
        std::fs::write(&to, "precious").unwrap();
        let error = backup(folder.path(), &to, NOW).unwrap_err().to_string();
        assert!(error.contains("a backup replaces nothing"), "{error}");
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "precious");
    }

    #[test]
    fn a_store_that_cannot_be_read_gives_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let (mut owner, _) = SqliteBackend::open(folder.path()).unwrap();
        owner.apply(vec![put(1).1], NOW).unwrap();
        drop(owner);
        let file = folder.path().join(FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        let end = bytes.len() - 4_096;
        bytes[8_192..end].fill(0xa5);
        std::fs::write(&file, bytes).unwrap();
        let to = folder.path().join("backup");
        let error = backup(folder.path(), &to, NOW).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(!to.exists() && !partial(&to).exists());
    }
}
