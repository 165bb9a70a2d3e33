//! The key that opens the API: made on the first start, kept in a file that only its owner reads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::RngExt;

/// The name of the key's file in the data directory.
pub const KEY_FILE: &str = "admin.key";

/// Octets of a key before they are written as hexadecimal digits: 256 random bits.
const KEY_BYTES: usize = 32;

/// The key that a request must bring. Only a hash of it is kept in memory.
#[derive(Clone)]
pub struct ApiKey {
    hash: blake3::Hash,
    is_dev: bool,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {}; is server.data_dir a directory to write to?", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{} does not hold a key; delete it, and the next start writes a new one",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl ApiKey {
    /// The key `dev`, which everybody knows: for a service on loopback that sends nothing real.
    pub fn dev() -> Self {
        Self {
            is_dev: true,
            ..Self::of("dev")
        }
    }

    /// The key with this text.
    pub fn of(text: &str) -> Self {
        Self {
            hash: blake3::hash(text.as_bytes()),
            is_dev: false,
        }
    }

    /// The key in the data directory, made on the first start, and the path of its file. The
    /// directory is made too, for its user only.
    ///
    /// The file is there with its whole content or not at all, with mode 0600, and two processes
    /// that start at once get the same key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load_or_create(data_dir: &Path) -> Result<(Self, PathBuf), KeyError> {
        let path = data_dir.join(KEY_FILE);
        let failed = |source| KeyError::File {
            path: path.clone(),
            source,
        };
        let mut directory = DirBuilder::new();
        let made = directory.recursive(true).mode(0o700).create(data_dir);
        made.map_err(failed)?;
        if !path.try_exists().map_err(failed)? {
            create(data_dir, &path).map_err(failed)?;
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        let text = text.trim();
        if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(KeyError::Malformed { path });
        }
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others can read the key file; chmod 600 it");
        }
        Ok((Self::of(text), path))
    }

    /// Whether `text` is this key. Takes the same time however much of it is right, because
    /// hashes are compared, and in constant time.
    pub fn is(&self, text: &str) -> bool {
        self.hash == blake3::hash(text.as_bytes())
    }

    /// Whether this is the key that everybody knows.
    pub const fn is_dev(&self) -> bool {
        self.is_dev
    }
}

impl std::fmt::Debug for ApiKey {
    /// Nothing of the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Writes a new key beside its place and then links it there, which fails, and changes nothing,
/// when another process was first.
fn create(data_dir: &Path, path: &Path) -> io::Result<()> {
    let draft = data_dir.join(format!("{KEY_FILE}.{}", std::process::id()));
    let linked = write(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    linked.and(removed)?;
    File::open(data_dir)?.sync_all()
}

fn write(draft: &Path) -> io::Result<()> {
    let key: [u8; KEY_BYTES] = rand::rng().random();
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(draft)?;
    for byte in key {
        write!(file, "{byte:02x}")?;
    }
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_has_mode_0600_and_is_read_again_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let (_, path) = ApiKey::load_or_create(dir.path()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), 65);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (again, _) = ApiKey::load_or_create(dir.path()).unwrap();
        assert!(again.is(text.trim()));
        assert!(!again.is("dev"));
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside the key");
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        fs::write(&path, "\n").unwrap();
        let error = ApiKey::load_or_create(dir.path()).unwrap_err();
        assert!(error.to_string().contains("does not hold a key"), "{error}");
        assert!(path.exists());
    }

    #[test]
    fn a_missing_directory_is_made_and_an_impossible_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (_, path) = ApiKey::load_or_create(&dir.path().join("a/b")).unwrap();
        let error = ApiKey::load_or_create(&path).unwrap_err();
        assert!(error.to_string().contains("admin.key/admin.key"), "{error}");
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", ApiKey::of("secret")), "ApiKey(..)");
    }
}
