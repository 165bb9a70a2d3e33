//! The mock's own certificate authority and the certificates that it shows: a right one, and three
//! that a careful client must refuse.
//!
//! Keys are made at the start and never leave the process; names are always the same. A client
//! that is to trust the mock is given the authority's certificate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::MockError;
use crate::profile::Certificate;

/// The name in the certificate that is for somebody else.
const WRONG_NAME: &str = "somebody-else.invalid";

/// The authority, and a server's side of TLS for each kind of certificate.
pub(crate) struct Authority {
    pem: String,
    acceptors: HashMap<Certificate, TlsAcceptor>,
}

impl Authority {
    /// Makes all keys and certificates: a millisecond or so. The right certificate is for these
    /// names and addresses, and for `localhost`.
    pub(crate) fn new(names: &[String], addresses: &[IpAddr]) -> Result<Self, MockError> {
        let mut right_names = vec!["localhost".to_owned()];
        right_names.extend(names.iter().cloned());
        right_names.extend(addresses.iter().map(IpAddr::to_string));
        right_names.sort_unstable();
        right_names.dedup();

        let mut authority = parameters(&[], "Postrider mock authority")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut acceptors = HashMap::new();
        for kind in [
            Certificate::Right,
            Certificate::WrongName,
            Certificate::Expired,
            Certificate::SelfSigned,
        ] {
            let key = KeyPair::generate()?;
            let names = match kind {
                Certificate::WrongName => &[WRONG_NAME.to_owned()][..],
                _ => &right_names,
            };
            let mut parameters = parameters(names, "Postrider mock")?;
            if kind == Certificate::Expired {
                parameters.not_before = date_time_ymd(1999, 1, 1);
                parameters.not_after = date_time_ymd(2000, 1, 1);
            }
            let certificate = match kind {
                Certificate::SelfSigned => parameters.self_signed(&key)?,
                _ => parameters.signed_by(&key, &authority)?,
            };
            acceptors.insert(kind, acceptor(certificate.der().clone(), &key)?);
        }
        Ok(Self {
            pem: authority.pem(),
            acceptors,
        })
    }

    /// The authority's certificate, as PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The server's side of a handshake that shows this certificate.
    pub(crate) fn acceptor(&self, certificate: Certificate) -> &TlsAcceptor {
        &self.acceptors[&certificate]
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn parameters(names: &[String], common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(parameters)
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<TlsAcceptor, MockError> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
