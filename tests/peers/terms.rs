//! What a server asks of its clients: encryption by a certificate of ours, and a login.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// What a server asks; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// What it shows after STARTTLS; without STARTTLS it takes no mail then.
    pub identity: Option<Identity>,
    /// Who may send; without AUTH it takes no mail then. Goes with an identity only.
    pub account: Option<Account>,
}

/// A user with the ways to log in that the server offers.
#[derive(Debug, Clone)]
pub struct Account {
    /// Without a domain.
    pub user: String,
    /// In clear; the token where the mechanism wants one.
    pub password: String,
    /// Names of SASL mechanisms, upper case: `PLAIN`, `LOGIN`; of npm's `XOAUTH2` too.
    pub mechanisms: Vec<&'static str>,
}

/// A certificate authority of a test; its key never leaves the process.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The certificate of a server, and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// As PEM.
    pub certificate: String,
    /// As PEM.
    pub key: String,
}

impl Authority {
    /// Makes one of this name, which nobody trusts yet.
    ///
    /// # Panics
    /// When there is no randomness.
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let subject = &mut parameters.distinguished_name;
        subject.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(parameters, key);
        Self {
            issuer: issuer.expect("an authority may sign itself"),
        }
    }

    /// Its certificate as PEM: what a client is given to trust.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's certificate for these names or addresses.
    ///
    /// # Panics
    /// When a name can stand in no certificate.
    pub fn identity(&self, names: &[&str]) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let parameters = CertificateParams::new(names).expect("names for a certificate");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters.signed_by(&key, &self.issuer);
        Identity {
            certificate: certificate.expect("the authority signs").pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Identity {
    /// Writes `certificate.pem` and `key.pem`, the key for the owner only.
    pub(super) fn write(&self, folder: &Path) {
        let key = folder.join("key.pem");
        std::fs::write(folder.join("certificate.pem"), &self.certificate).expect("a file");
        std::fs::write(&key, &self.key).expect("a file");
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(key, owner_only).expect("its owner may say who reads it");
    }
}
