//! Why there is no TLS, in sentences that say what to do.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use postrider_types::Timestamp;
use rustls::CertificateError;
use rustls_pki_types::UnixTime;

use super::verifier::SelfSigned;

/// Most names of a wrong certificate that are told.
const NAMES_MAX: usize = 3;

/// Why a session has no TLS.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsError {
    /// STARTTLS is not offered, and the policy asks for it.
    #[error(
        "the server offers no STARTTLS, and no mail leaves here without TLS: use another port \
         or smtps://, or allow mail in the clear for this route"
    )]
    NotOffered,
    /// Octets came in the clear behind the answer to STARTTLS. Somebody on the way put them there,
    /// to have them taken for words of the encrypted session (CVE-2021-38371).
    #[error(
        "octets in the clear came behind the answer to STARTTLS, as in an attack: ask the \
         server's operator, and do not turn TLS off"
    )]
    Injected,
    /// The certificate is refused.
    #[error("the certificate of {host} is refused: {fault}")]
    Certificate {
        /// The name that it was held against.
        host: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// The two sides found no common ground, or one of them left.
    #[error("the handshake of TLS failed")]
    Handshake(#[source] Arc<io::Error>),
    /// No certificate can be for this name.
    #[error("{0:?} is no name for a certificate: give the host by its DNS name or its address")]
    Name(String),
    /// There is nobody to trust.
    #[error("there is no certificate {place} to trust ({reason}): name a CA file in PEM form")]
    Roots {
        /// Where they were looked for.
        place: String,
        /// What was found instead.
        reason: String,
    },
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is for others: the first few of their names.
    WrongName(Vec<String>),
    /// Its time is over.
    Expired(Timestamp),
    /// Its time has not come.
    NotYetValid(Timestamp),
    /// It is signed by itself, and not among the trusted ones.
    SelfSigned,
    /// Nobody who is trusted has signed it.
    UnknownAuthority,
    /// It is an authority's own, which no server may show as its certificate.
    IsAuthority,
    /// Anything else, in the words of the library.
    Other(String),
}

impl TlsError {
    pub(super) fn no_roots(place: &str, reason: Option<String>) -> Self {
        Self::Roots {
            place: place.to_owned(),
            reason: reason.unwrap_or_else(|| "none was found".to_owned()),
        }
    }

    /// Sorts what a handshake ended with.
    pub(super) fn of_handshake(host: &str, error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate {
                host: host.to_owned(),
                fault: CertificateFault::of(error),
            },
            _ => Self::Handshake(Arc::new(error)),
        }
    }
}

impl CertificateFault {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::NotValidForNameContext { presented, .. } => Self::WrongName(
                presented
                    .iter()
                    .take(NAMES_MAX)
                    .map(|name| bare_name(name))
                    .collect(),
            ),
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(at(*not_after)),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid(at(*not_before))
            }
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::Other(other) if other.0.is::<SelfSigned>() => Self::SelfSigned,
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                Self::IsAuthority
            }
            error => Self::Other(error.to_string()),
        }
    }
}

/// `DnsName("mx.example.test")` without its kind.
fn bare_name(presented: &str) -> String {
    let inner = presented
        .split_once('(')
        .map_or(presented, |(_, name)| name);
    postrider_types::reply::tame(inner.trim_end_matches(')').trim_matches('"'))
}

fn at(time: UnixTime) -> Timestamp {
    Timestamp::from_micros(0).plus(Duration::from_secs(time.as_secs()))
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongName(names) if names.is_empty() => f.write_str(
                "it is for no name at all, and the server needs one with its name as \
                 subjectAltName",
            ),
            Self::WrongName(names) => write!(
                f,
                "it is for {}, so give the host by a name of its certificate",
                names.join(", ")
            ),
            Self::Expired(at) => write!(f, "it expired at {at}, and the server needs a new one"),
            Self::NotYetValid(at) => {
                write!(f, "it is valid only from {at}, if the clock here is right")
            }
            Self::SelfSigned => f.write_str(
                "it is signed by itself, so name it as the CA file of the route, if the server \
                 is yours",
            ),
            Self::UnknownAuthority => f.write_str(
                "no authority that is trusted here has signed it, so name the authority's \
                 certificate as the CA file of the route, or have the server send its whole chain",
            ),
            Self::IsAuthority => f.write_str(
                "it is an authority's own (CA:TRUE), so have the server use one with CA:FALSE",
            ),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}
