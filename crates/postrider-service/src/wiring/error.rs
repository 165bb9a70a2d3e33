//! Why a configuration that reads well cannot be started with.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use postrider_smtp::auth::CredentialsError;
use postrider_smtp::classify::ClassificationError;
use postrider_smtp::mx::ResolverError;
use postrider_smtp::providers::ProvidersError;
use postrider_smtp::relay::RelayError;
use postrider_smtp::tls::TlsError;

use super::dkim::{DkimError, KEY_FILE};
use super::file::FileError;

/// What a key says cannot be used. Each prints as a sentence with the key; secrets are never in
/// it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A relay is not one.
    #[error("{key} cannot be used")]
    Relay {
        /// The key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: RelayError,
    },
    /// Nobody can log in with these.
    #[error("{} cannot be used with {table}.user", secret(table, file.as_deref()))]
    Credentials {
        /// The table of the route.
        table: String,
        /// The file of the password; none when it is in the environment.
        file: Option<PathBuf>,
        /// What is wrong with them.
        #[source]
        source: CredentialsError,
    },
    /// The certificates cannot be read.
    #[error("{key} cannot be used")]
    Roots {
        /// The key.
        key: String,
        /// What is wrong with them.
        #[source]
        source: TlsError,
    },
    /// No name server can be asked.
    #[error("direct delivery cannot find hosts; check mx.nameservers")]
    Resolver(#[from] ResolverError),
    /// A file cannot be read, or others can read a secret.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody can sign.
    #[error(transparent)]
    Dkim(#[from] DkimError),
    /// The table of providers is wrong.
    #[error("tables.providers_file cannot be used")]
    Providers(#[from] ProvidersError),
    /// The rules of classification are wrong.
    #[error("tables.classification_file cannot be used")]
    Classification(#[from] ClassificationError),
}

impl SettingsError {
    /// The key that is to be changed; the sentence begins with it, where it names one.
    pub fn key(&self) -> Cow<'_, str> {
        match self {
            Self::Relay { key, .. } | Self::Roots { key, .. } => key.into(),
            Self::Credentials { table, file, .. } => match file {
                None => format!("{table}.password").into(),
                Some(_) => format!("{table}.password_file").into(),
            },
            Self::File(error) | Self::Dkim(DkimError::File(error)) => error.key().into(),
            Self::Resolver(_) => "mx.nameservers".into(),
            Self::Dkim(DkimError::Key { .. }) => KEY_FILE.into(),
            Self::Dkim(DkimError::Identities(_)) => "dkim".into(),
            Self::Providers(_) => "tables.providers_file".into(),
            Self::Classification(_) => "tables.classification_file".into(),
        }
    }
}

/// What proves a user, as the beginning of a sentence.
fn secret(table: &str, file: Option<&Path>) -> String {
    match file {
        None => format!("{table}.password"),
        Some(path) => format!("{table}.password_file names {}, which", path.display()),
    }
}
