//! TLS to servers: one client per route that verifies, and one that only encrypts.
//!
//! What a session must have is said by [`TlsPolicy`](crate::site::TlsPolicy). A policy that asks for
//! a verified server gets the usual rules: the certificate is in date, of a trusted authority, and
//! for the host's name. Every other policy gets encryption without authentication (RFC 7435):
//! whoever listens learns nothing, and whoever stands in the way could have had the mail in the
//! clear anyway. The second client exists for that alone; credentials never go over it.
//!
//! Invariant: the two share no session cache, so that no session which began unverified is ever
//! resumed as a verified one.

mod any_certificate;
mod error;
mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use any_certificate::AnyCertificate;
pub use error::{CertificateFault, TlsError};
use verifier::Verifier;

/// Most sessions that are remembered, to make the next handshake with a server shorter.
const SESSIONS_MAX: usize = 1_024;

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The authorities that this machine trusts.
    System,
    /// The certificates of one file in PEM form, and no others. One of a server itself will do,
    /// when it is no authority's.
    File(PathBuf),
}

/// How a route speaks TLS. Cheap to clone; clones share what is known of servers.
#[derive(Debug, Clone)]
pub struct TlsClient {
    /// Without a certificate to trust, the reason why none can be verified.
    verifying: Result<Arc<ClientConfig>, TlsError>,
    encrypting: Arc<ClientConfig>,
}

impl TlsClient {
    /// Reads the roots, so it belongs where the program starts. TLS 1.2 and 1.3.
    ///
    /// A machine that trusts nobody is no error, because not every route needs it: then only the
    /// sessions fail that must be verified.
    ///
    /// # Errors
    /// [`TlsError::Roots`] when the file cannot be read, or has no certificate.
    pub fn new(roots: &Roots) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match roots {
            Roots::System => system_roots(),
            Roots::File(path) => Ok(roots_of_file(path)?),
        }
        .and_then(|roots| Verifier::new(roots, Arc::clone(&provider)));
        let verifying = verifier.map(|it| client_config(Arc::clone(&provider), Arc::new(it)));
        Ok(Self {
            verifying,
            encrypting: client_config(Arc::clone(&provider), Arc::new(AnyCertificate(provider))),
        })
    }

    /// The handshake over an open stream with the host of this name.
    ///
    /// # Errors
    /// The certificate is refused, or the handshake fails; the stream is gone in either case.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
        is_verified: bool,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let config = if is_verified {
            self.verifying.as_ref().map_err(Clone::clone)?
        } else {
            &self.encrypting
        };
        let name = server_name(host, &stream, is_verified)?;
        TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
            .map_err(|error| TlsError::of_handshake(host, error))
    }
}

/// What the certificate is held against. Where it is not, a name that no certificate could have
/// (with an underscore, say) is replaced by the address.
fn server_name(
    host: &str,
    stream: &TcpStream,
    is_verified: bool,
) -> Result<ServerName<'static>, TlsError> {
    let unusable = || TlsError::Name(host.to_owned());
    match ServerName::try_from(host.to_owned()) {
        Ok(name) => Ok(name),
        Err(_) if is_verified => Err(unusable()),
        Err(_) => Ok(stream.peer_addr().map_err(|_| unusable())?.ip().into()),
    }
}

fn client_config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn rustls::client::danger::ServerCertVerifier>,
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Arc::new(config)
}

/// Some of a machine's certificates may be unreadable; one that is good is enough.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let reason = found.errors.first().map(ToString::to_string);
        return Err(TlsError::no_roots("on this machine", reason));
    }
    Ok(store)
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let place = format!("in {}", path.display());
    let refuse = |reason: String| TlsError::no_roots(&place, Some(reason));
    let mut store = RootCertStore::empty();
    let text = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        let added = store.add(certificate);
        added.map_err(|error| refuse(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(TlsError::no_roots(&place, None));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(path: &str, expect: &str) {
        let error = TlsClient::new(&Roots::File(path.into())).unwrap_err();
        let sentence = error.to_string();
        assert!(
            sentence.contains(path) && sentence.contains(expect),
            "{sentence}"
        );
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_with_its_path() {
        check_refused("/nowhere/ca.pem", "No such file");
        check_refused(
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            "none was found",
        );
    }
}
