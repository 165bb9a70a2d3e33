//! Certificates, good and bad, and clients that trust their authority.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use postrider_smtp::tls::{Roots, TlsClient};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The name that servers of these tests are dialled by.
pub(crate) const NAME: &str = "mx.test";

/// What a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Right,
    WrongName,
    Expired,
    NotYetValid,
    SelfSigned,
    UnknownAuthority,
    IsAuthority,
}

/// An authority, the client that trusts it and nothing else, and its certificate for a server.
pub(crate) struct Shown {
    pub(crate) client: TlsClient,
    pub(crate) acceptor: TlsAcceptor,
    /// The server's own certificate, as PEM.
    pub(crate) pem: String,
}

/// A server that shows this, and a client.
pub(crate) fn show(kind: Kind) -> Shown {
    let authority = authority("authority of the tests");
    let other = self::authority("another authority");
    let name = if kind == Kind::WrongName {
        "other.test"
    } else {
        NAME
    };
    let mut parameters = parameters(&[name], "a server of the tests");
    match kind {
        Kind::Expired => {
            parameters.not_before = date_time_ymd(1999, 1, 1);
            parameters.not_after = date_time_ymd(2000, 1, 1);
        }
        Kind::NotYetValid => parameters.not_before = date_time_ymd(4000, 1, 1),
        Kind::IsAuthority => parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        _ => {}
    }
    let key = KeyPair::generate().unwrap();
    let certificate = match kind {
        Kind::SelfSigned | Kind::IsAuthority => parameters.self_signed(&key),
        Kind::UnknownAuthority => parameters.signed_by(&key, &other),
        _ => parameters.signed_by(&key, &authority),
    };
    let certificate = certificate.unwrap();
    Shown {
        client: client_of(&authority.pem()),
        acceptor: acceptor(certificate.der().clone(), &key),
        pem: certificate.pem(),
    }
}

/// A client that trusts the certificates of this text.
pub(crate) fn client_of(pem: &str) -> TlsClient {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("ca-{}-{number}.pem", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, pem).unwrap();
    let client = TlsClient::new(&Roots::File(path.clone())).unwrap();
    std::fs::remove_file(path).unwrap();
    client
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = parameters(&[], name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

fn parameters(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    let distinguished = &mut parameters.distinguished_name;
    distinguished.push(DnType::CommonName, common_name);
    parameters
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
