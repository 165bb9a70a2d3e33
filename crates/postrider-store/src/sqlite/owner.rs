//! The owner lock: exactly one process has a store open.
//!
//! A lock on a file of its own, taken before the database is touched. The kernel gives it back
//! when the process dies, however it dies, so there is never a stale lock to remove by hand. The
//! file holds the owner's process id, only so that a refusal can name it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::StoreError;

/// The name of the lock file in the data directory.
pub const OWNER_FILE: &str = "owner.lock";

/// Ownership of a data directory, until this is dropped.
#[derive(Debug)]
pub(super) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of `data_dir`, which must exist.
    pub(super) fn take(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(OWNER_FILE);
        let fault = |error: std::io::Error| StoreError::Open {
            path: path.clone(),
            reason: error.to_string(),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Owned {
                    path: data_dir.to_owned(),
                    pid: pid_in(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        // The pid is a courtesy: a full disk must not keep an owner from its data.
        if let Err(error) = write_pid(&mut file) {
            tracing::warn!(error = %error, "the owner's pid could not be noted");
        }
        Ok(Self { _file: file })
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

/// The pid in the file, or 0 when the owner is just writing it.
fn pid_in(file: &mut File) -> u32 {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) => text.trim().parse().unwrap_or(0),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_the_pid_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let lock = OwnerLock::take(dir.path()).unwrap();
        let error = OwnerLock::take(dir.path()).unwrap_err();
        assert!(
            matches!(&error, StoreError::Owned { pid, .. } if *pid == std::process::id()),
            "{error}"
        );
        drop(lock);
        OwnerLock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = OwnerLock::take(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot open /nowhere/at/all/owner.lock (")
        );
    }
}
