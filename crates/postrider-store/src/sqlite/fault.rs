//! What SQLite says when it cannot, as one of our errors.

use std::fs::File;
use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::StoreError;

impl From<Error> for StoreError {
    /// Sorted by what the caller can do: a full or failing disk may recover, so the same request
    /// may be asked again; anything else means that the file is not what this version wrote.
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(failure, text) => sort(*failure, text.as_deref()),
            other => Self::Corrupt {
                what: other.to_string(),
            },
        }
    }
}

fn sort(failure: ffi::Error, text: Option<&str>) -> StoreError {
    let said = text.unwrap_or_else(|| ffi::code_to_str(failure.extended_code));
    let reason = match failure.code {
        ErrorCode::DiskFull => "the disk is full".to_owned(),
        ErrorCode::ReadOnly => "the file or its directory is read-only".to_owned(),
        ErrorCode::CannotOpen => "the file cannot be opened".to_owned(),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another process holds the file".to_owned()
        }
        ErrorCode::SystemIoFailure => format!("{said}, code {}", failure.extended_code),
        ErrorCode::OutOfMemory
        | ErrorCode::PermissionDenied
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OperationInterrupted => said.to_owned(),
        _ => {
            return StoreError::Corrupt {
                what: format!("{said}, code {}", failure.extended_code),
            };
        }
    };
    StoreError::Unwritable { reason }
}

/// Says which file could not be opened.
pub(super) fn at_open(error: StoreError, path: &Path) -> StoreError {
    let path = path.to_owned();
    match error {
        StoreError::Unwritable { reason } => StoreError::Open { path, reason },
        StoreError::Corrupt { what } => corrupt(format!("{} ({what})", path.display())),
        other => other,
    }
}

/// Makes the name of a file as durable as what is in it.
pub(super) fn sync_dir(of: &Path) -> std::io::Result<()> {
    match of.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// A stored value that this version cannot have written.
pub(super) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt { what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: std::ffi::c_int, expect: &str) {
        let error = StoreError::from(Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn a_failing_disk_is_a_sentence_and_may_be_tried_again() {
        check(
            ffi::SQLITE_FULL,
            "the store cannot write (the disk is full)",
        );
        check(
            ffi::SQLITE_READONLY_DIRECTORY,
            "the store cannot write (the file or its directory is read-only)",
        );
        check(
            ffi::SQLITE_IOERR_FSYNC,
            "the store cannot write (disk I/O error, code 1034)",
        );
    }

    #[test]
    fn a_torn_file_is_corrupt_and_stays_so() {
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            let error = StoreError::from(Error::SqliteFailure(ffi::Error::new(code), None));
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            assert!(!error.is_transient());
        }
    }
}
