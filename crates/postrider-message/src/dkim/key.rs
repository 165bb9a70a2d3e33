//! Private keys for signatures: RSA of 2048 to 4096 bits, and Ed25519.
//!
//! The lower bound is the library's, and what receivers advise (RFC 8301 §3.2 calls 1024 the
//! least); the upper one is the largest that every receiver must know.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use encodify::base64;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};

/// Bits of the smallest RSA key that signs.
const RSA_BITS_MIN: usize = 2048;

/// Bits of the largest RSA key that signs (RFC 8301 §3.2).
const RSA_BITS_MAX: usize = 4096;

/// A private key that signs. Cloning it copies nothing; it is wiped from memory with the last
/// clone, and never prints.
#[derive(Clone)]
pub struct SigningKey(Arc<Kind>);

enum Kind {
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a text is not a key that signs. Each prints as what is wrong and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no private key in it.
    #[error("there is no private key in PEM form (-----BEGIN PRIVATE KEY-----)")]
    Missing,
    /// It needs a pass phrase.
    #[error(
        "the private key is encrypted; write it without a pass phrase (openssl pkey -in … -out …)"
    )]
    Encrypted,
    /// It is of another kind, such as an elliptic curve key of TLS.
    #[error("the private key is neither RSA nor Ed25519, and DKIM knows no other")]
    Kind,
    /// RSA with too few bits.
    #[error(
        "the RSA key has fewer than {RSA_BITS_MIN} bits; make a new one (openssl genrsa \
         {RSA_BITS_MIN})"
    )]
    TooSmall,
    /// RSA with too many bits.
    #[error("the RSA key has more than {RSA_BITS_MAX} bits, and receivers need not know it")]
    TooLarge,
    /// The PEM form is broken.
    #[error("the private key is damaged")]
    Damaged,
}

impl SigningKey {
    /// The first private key in a PEM text: PKCS#8 (`PRIVATE KEY`) or, for RSA, PKCS#1 (`RSA
    /// PRIVATE KEY`).
    ///
    /// # Errors
    /// [`KeyError`]; it holds nothing of the text.
    pub fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let pem = pem.expose_secret();
        if pem.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let read = PrivateKeyDer::from_pem_slice(pem.as_bytes());
        let mut der = read.map_err(|error| match error {
            rustls_pki_types::pem::Error::NoItemsFound => KeyError::Missing,
            _ => KeyError::Damaged,
        })?;
        let key = Self::from_der(&der);
        der.zeroize();
        key
    }

    fn from_der(der: &PrivateKeyDer<'_>) -> Result<Self, KeyError> {
        let kind = match der {
            PrivateKeyDer::Pkcs1(_) => {
                Kind::Rsa(rsa::KeyPair::from_der(der.secret_der()).map_err(refused)?)
            }
            PrivateKeyDer::Pkcs8(_) => {
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_der()) {
                    Ok(key) => Kind::Ed25519(key),
                    Err(_) => {
                        Kind::Rsa(rsa::KeyPair::from_pkcs8(der.secret_der()).map_err(refused)?)
                    }
                }
            }
            _ => return Err(KeyError::Kind),
        };
        match &kind {
            Kind::Rsa(key) if key.public_modulus_len() * 8 > RSA_BITS_MAX => {
                Err(KeyError::TooLarge)
            }
            _ => Ok(Self(Arc::new(kind))),
        }
    }

    /// The name of its algorithm in the tag `a=`.
    pub fn algorithm(&self) -> &'static str {
        match *self.0 {
            Kind::Rsa(_) => "rsa-sha256",
            Kind::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The value of the TXT record with its public half (RFC 6376 §3.6.1).
    pub fn record(&self) -> String {
        let (kind, public) = match &*self.0 {
            Kind::Rsa(key) => {
                let der: Result<PublicKeyX509Der<'_>, _> = key.public_key().as_der();
                let der = der.expect("the public half of a key that was read can be written");
                ("rsa", base64::STANDARD.encode(der.as_ref()))
            }
            Kind::Ed25519(key) => (
                "ed25519",
                base64::STANDARD.encode(key.public_key().as_ref()),
            ),
        };
        format!("v=DKIM1; k={kind}; p={public}")
    }

    /// The signature of what hashes to `digest`, a SHA-256. Ed25519 signs the hash itself
    /// (RFC 8463 §3).
    ///
    /// # Errors
    /// [`Unspecified`] when the library is out of memory.
    pub(super) fn sign(&self, digest: &Digest) -> Result<Vec<u8>, Unspecified> {
        match &*self.0 {
            Kind::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature)?;
                Ok(signature)
            }
            Kind::Ed25519(key) => Ok(key.try_sign(digest.as_ref())?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    /// The algorithm, and nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

/// What the library says, which has no variants to match.
fn refused(error: KeyRejected) -> KeyError {
    match error.description_() {
        "TooSmall" => KeyError::TooSmall,
        "TooLarge" => KeyError::TooLarge,
        "WrongAlgorithm" => KeyError::Kind,
        _ => KeyError::Damaged,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const RSA_PKCS8: &str = include_str!("test_keys/rsa2048.pem");
    const RSA_PKCS1: &str = include_str!("test_keys/rsa2048_pkcs1.pem");
    const ED25519: &str = include_str!("test_keys/ed25519.pem");

    pub(crate) fn rsa() -> SigningKey {
        SigningKey::from_pem(&RSA_PKCS8.into()).unwrap()
    }

    pub(crate) fn ed25519() -> SigningKey {
        SigningKey::from_pem(&ED25519.into()).unwrap()
    }

    fn check_refused(pem: &str, expect: KeyError) {
        assert_eq!(SigningKey::from_pem(&pem.into()).err(), Some(expect));
    }

    #[test]
    fn keys_are_read_in_both_forms_with_their_public_half() {
        assert_eq!(rsa().algorithm(), "rsa-sha256");
        assert_eq!(ed25519().algorithm(), "ed25519-sha256");
        let old_form = SigningKey::from_pem(&RSA_PKCS1.into()).unwrap();
        assert_eq!(old_form.record(), rsa().record());
        // As `openssl pkey -pubout` gives it: SubjectPublicKeyInfo.
        let public = include_str!("test_keys/rsa2048_public.pem");
        let public: String = public
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        assert_eq!(rsa().record(), format!("v=DKIM1; k=rsa; p={public}"));
        assert!(ed25519().record().starts_with("v=DKIM1; k=ed25519; p="));
        assert_eq!(
            ed25519().record().len(),
            "v=DKIM1; k=ed25519; p=".len() + 44
        );
    }

    #[test]
    fn what_does_not_sign_is_refused_with_its_reason() {
        check_refused("", KeyError::Missing);
        check_refused("p=MIIB", KeyError::Missing);
        check_refused(
            include_str!("test_keys/rsa2048_public.pem"),
            KeyError::Missing,
        );
        check_refused(include_str!("test_keys/encrypted.pem"), KeyError::Encrypted);
        check_refused(include_str!("test_keys/rsa1024.pem"), KeyError::TooSmall);
        check_refused(include_str!("test_keys/p256.pem"), KeyError::Kind);
        check_refused(include_str!("test_keys/p256_sec1.pem"), KeyError::Kind);
        let half = &RSA_PKCS8[..RSA_PKCS8.len() / 2];
        check_refused(half, KeyError::Damaged);
        check_refused(&RSA_PKCS8.replace("MII", "NII"), KeyError::Damaged);
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", rsa()), "SigningKey(rsa-sha256)");
    }
}
