//! Why a configuration that reads well cannot be started with.

use postrider_smtp::auth::CredentialsError;
use postrider_smtp::classify::ClassificationError;
use postrider_smtp::mx::ResolverError;
use postrider_smtp::providers::ProvidersError;
use postrider_smtp::relay::RelayError;
use postrider_smtp::tls::TlsError;

use super::dkim::DkimError;
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
    #[error("{table}.user or {table}.{place} cannot be used")]
    Credentials {
        /// The table of the route.
        table: String,
        /// The key of the password, and its file if it has one.
        place: String,
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
