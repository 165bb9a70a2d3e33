//! Files that keys name: opened once, bounded, and with secrets looked after.
//!
//! A file with a secret is refused when others can get at it, because nobody would ever notice
//! later. Its text is wiped from memory, and no error holds anything of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::bounds::SECRET_FILE_BYTES_MAX;

/// Permissions that nobody but the owner of a secret may have; others of its group may read.
const FORBIDDEN_MODE: u32 = 0o027;

/// Why a file that a key names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error(
        "{key} names {}, which cannot be read; is it there, and may this user read it?",
        shown(path)
    )]
    Unreadable {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It holds a secret, and others may read or change it.
    #[error(
        "{key} names {}, which has mode {mode:o}: others can get at the secret in it; chmod 600 it",
        shown(path)
    )]
    Open {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl FileError {
    /// The key that names the file.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Unreadable { key, .. } | Self::Open { key, .. } => key,
        }
    }
}

/// The text of a file of at most so many bytes.
pub(super) fn text(key: &str, path: &Path, bytes_max: u64) -> Result<String, FileError> {
    let unreadable = |source| unreadable(key, path, source);
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    read(file, bytes_max, &mut text).map_err(unreadable)?;
    Ok(text)
}

/// The text of a file that only its owner and their group can read.
pub(super) fn secret(key: &str, path: &Path) -> Result<SecretString, FileError> {
    let unreadable = |source| unreadable(key, path, source);
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, so that it is the one that is read.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & FORBIDDEN_MODE != 0 {
        let (key, path) = (key.to_owned(), path.to_owned());
        return Err(FileError::Open { key, path, mode });
    }
    // Its whole length at once: a text that grows would leave copies of the secret behind.
    let capacity = usize::try_from(SECRET_FILE_BYTES_MAX + 1).unwrap_or(0);
    let mut text = String::with_capacity(capacity);
    let result = read(file, SECRET_FILE_BYTES_MAX, &mut text);
    let text = SecretString::from(text);
    result.map_err(unreadable)?;
    Ok(text)
}

/// Reads all of a file, which has at most so many bytes.
fn read(file: File, bytes_max: u64, text: &mut String) -> io::Result<()> {
    // One more, so that a longer one is told from one of this length.
    let count = file.take(bytes_max + 1).read_to_string(text)?;
    if count as u64 > bytes_max {
        let words = format!("it has more than {bytes_max} bytes");
        return Err(io::Error::other(words));
    }
    Ok(())
}

fn unreadable(key: &str, path: &Path, source: io::Error) -> FileError {
    FileError::Unreadable {
        key: key.to_owned(),
        path: path.to_owned(),
        source,
    }
}

/// A path as it stands in a sentence; whoever reads it may be in another directory.
fn shown(path: &Path) -> String {
    match path.is_relative() {
        true => format!("{} (in the working directory)", path.display()),
        false => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use secrecy::ExposeSecret;
    use tempfile::TempDir;

    use super::*;

    fn written(folder: &TempDir, bytes: usize, mode: u32) -> PathBuf {
        let path = folder.path().join("file");
        fs::write(&path, "x".repeat(bytes)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_secret_that_others_can_get_at_is_refused_with_its_mode_and_what_to_do() {
        let folder = TempDir::new().unwrap();
        for mode in [0o644, 0o604, 0o602, 0o620, 0o777] {
            let path = written(&folder, 7, mode);
            let error = secret("a.key", &path).unwrap_err().to_string();
            let expect = format!("a.key names {}, which has mode {mode:o}", path.display());
            assert!(error.starts_with(&expect), "{error}");
            assert!(error.ends_with("chmod 600 it"), "{error}");
        }
        for mode in [0o600, 0o400, 0o640] {
            let text = secret("a.key", &written(&folder, 7, mode)).unwrap();
            assert_eq!(text.expose_secret(), "xxxxxxx");
        }
    }

    #[test]
    fn a_file_is_read_whole_or_refused_and_without_end_too() {
        let folder = TempDir::new().unwrap();
        let path = written(&folder, 10, 0o600);
        assert_eq!(text("a.key", &path, 10).unwrap().len(), 10);
        let bytes = usize::try_from(SECRET_FILE_BYTES_MAX).unwrap() + 1;
        for result in [
            text("a.key", &path, 9),
            text("a.key", Path::new("/dev/zero"), 9),
            secret("a.key", &written(&folder, bytes, 0o600)).map(|_| String::new()),
        ] {
            let error = result.unwrap_err();
            let FileError::Unreadable { source, .. } = error else {
                panic!("{error}");
            };
            assert!(
                source.to_string().starts_with("it has more than "),
                "{source}"
            );
        }
    }

    #[test]
    fn a_relative_path_says_where_it_was_looked_for() {
        let error = text("a.key", Path::new("none.pem"), 9).unwrap_err();
        let expect = "a.key names none.pem (in the working directory), which cannot be read; is it \
                      there, and may this user read it?";
        assert_eq!(error.to_string(), expect);
    }
}
