//! Private keys: from the files that the configuration names to what signs.

use std::path::{Path, PathBuf};

use postrider_message::dkim::{Identities, Identity, IdentityError, KeyError, SigningKey};

use super::file::{self, FileError};
use crate::config::Dkim;

/// The key that names the file of a private key.
pub(super) const KEY_FILE: &str = "dkim.key_file";

/// Why there is nobody to sign. Nothing of a key is ever in it.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    /// The file cannot be read, or others can.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds no key that signs.
    #[error("{KEY_FILE} names {}, which cannot be used", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The keys are wrong together.
    #[error("the tables [[dkim]] cannot be used")]
    Identities(#[from] IdentityError),
}

/// Who signs. Each key is read, and its public half is logged with the place where it must be
/// published.
pub(crate) fn identities(tables: &[Dkim]) -> Result<Identities, DkimError> {
    let all = tables.iter().map(identity);
    let all = all.collect::<Result<Vec<_>, DkimError>>()?;
    for identity in &all {
        tracing::info!(
            name = identity.record_name(),
            record = identity.key().record(),
            "a key signs; its record must be published as TXT"
        );
    }
    Ok(Identities::new(all)?)
}

/// Who signs by one table.
pub(super) fn identity(table: &Dkim) -> Result<Identity, DkimError> {
    let key = key(&table.key_file)?;
    Ok(Identity::new(
        table.domain.clone(),
        table.selector.clone(),
        key,
    ))
}

fn key(path: &Path) -> Result<SigningKey, DkimError> {
    let text = file::secret(KEY_FILE, path)?;
    SigningKey::from_pem(&text).map_err(|source| DkimError::Key {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    const RSA: &str = include_str!("../../../postrider-message/src/dkim/test_keys/rsa2048.pem");
    const ED25519: &str = include_str!("../../../postrider-message/src/dkim/test_keys/ed25519.pem");

    /// Writes a file with a mode, and reads it as the key of a selector.
    fn read(
        folder: &TempDir,
        selector: &str,
        text: &str,
        mode: u32,
    ) -> Result<Identities, DkimError> {
        let key_file = folder.path().join(selector);
        fs::write(&key_file, text).unwrap();
        fs::set_permissions(&key_file, Permissions::from_mode(mode)).unwrap();
        identities(&[table(selector, key_file)])
    }

    fn table(selector: &str, key_file: PathBuf) -> Dkim {
        Dkim {
            domain: "example.test".parse().unwrap(),
            selector: selector.parse().unwrap(),
            key_file,
        }
    }

    #[test]
    fn a_key_that_only_its_owner_and_group_read_signs() {
        let folder = TempDir::new().unwrap();
        for (text, algorithm) in [(RSA, "rsa-sha256"), (ED25519, "ed25519-sha256")] {
            for mode in [0o600, 0o400, 0o640] {
                let identities = read(&folder, "s1", text, mode).unwrap();
                let [identity] = identities.of("example.test") else {
                    panic!("one identity");
                };
                assert_eq!(identity.key().algorithm(), algorithm);
            }
        }
    }

    #[test]
    fn a_key_that_others_can_get_at_is_refused_with_its_mode_and_what_to_do() {
        let folder = TempDir::new().unwrap();
        for mode in [0o644, 0o604, 0o602, 0o620, 0o777] {
            let error = read(&folder, "s1", RSA, mode).unwrap_err().to_string();
            assert!(error.contains(&format!("mode {mode:o}")), "{error}");
            assert!(
                error.contains("chmod 600") && error.contains("/s1"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_that_is_missing_or_holds_no_key_is_named_and_nothing_of_it_is_told() {
        let folder = TempDir::new().unwrap();
        let missing = identities(&[table("s1", folder.path().join("none.pem"))]);
        let error = missing.unwrap_err().to_string();
        assert!(error.contains("none.pem, which cannot be read"), "{error}");

        let half = RSA.replace("-----END", "-----");
        let error = read(&folder, "s1", &half, 0o600).unwrap_err();
        assert!(
            error.to_string().ends_with("/s1, which cannot be used"),
            "{error}"
        );
        let told = format!("{error:?} {}", error.source().unwrap());
        let line = RSA.lines().nth(3).unwrap();
        assert!(!told.contains(line), "{told}");
    }

    #[test]
    fn two_keys_of_one_name_are_refused() {
        let folder = TempDir::new().unwrap();
        read(&folder, "s1", RSA, 0o600).unwrap();
        let table = table("s1", folder.path().join("s1"));
        let error = identities(&[table.clone(), table]).unwrap_err();
        let source = error.source().unwrap().to_string();
        assert_eq!(source, "the selector s1 of example.test is given twice");
    }
}
