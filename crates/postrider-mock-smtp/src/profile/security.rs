//! What a profile says about the way in: TLS, who may log in, how strictly the client is held to
//! the order of commands, and the numbers that EHLO announces (RFC 9422).
//!
//! Every table stands alone and has a default that asks nothing of the client.

use serde::{Deserialize, Serialize};

use crate::units::Share;

/// TLS of a server or a provider. Without any key it is not offered by STARTTLS; a door that
/// speaks TLS from its first byte works nevertheless, with a right certificate.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whether EHLO offers STARTTLS. Default: no.
    pub is_offered: bool,
    /// Which certificate is shown. Default: a right one.
    pub certificate: Certificate,
    /// Part of the handshakes that the mock breaks after the client's first words; always the
    /// same connections under one seed. Default: none.
    pub handshake_failure_share: Share,
}

/// A certificate as a client may meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// Signed by the mock's own authority, for the names and addresses that the mock serves.
    #[default]
    Right,
    /// Signed by that authority, for a name that nobody asked for.
    WrongName,
    /// Signed by that authority, for the right names, and out of date since the year 2000.
    Expired,
    /// For the right names, signed by nobody but itself.
    SelfSigned,
}

/// Who may log in. Without this table AUTH is not offered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Whether MAIL is refused with 530 before a client has logged in. Default: no.
    #[serde(default)]
    pub is_required: bool,
    /// Whether AUTH is offered and taken only inside TLS. Default: no.
    #[serde(default)]
    pub is_only_after_tls: bool,
    /// What EHLO offers, in this order. Default: all.
    #[serde(default = "Mechanism::all")]
    pub mechanisms: Vec<Mechanism>,
    /// The one user that is known.
    pub user: String,
    /// The user's password, for PLAIN and LOGIN; without it these always fail.
    #[serde(default)]
    pub password: Option<String>,
    /// The user's token, for XOAUTH2; without it this always fails.
    #[serde(default)]
    pub token: Option<String>,
}

/// A way to prove who one is (RFC 4954).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// User and password in one response (RFC 4616).
    #[serde(rename = "PLAIN")]
    Plain,
    /// User and password, each asked for.
    #[serde(rename = "LOGIN")]
    Login,
    /// User and bearer token, as Google and Microsoft take them.
    #[serde(rename = "XOAUTH2")]
    Xoauth2,
}

/// What happens to a client that sends on where it must wait for the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synchronisation {
    /// It is told `554 5.5.0` and the connection is closed, as Postfix does.
    #[default]
    Enforced,
    /// The fault is recorded, and the mock goes on as if nothing had happened.
    Lenient,
}

/// The numbers of RFC 9422: announced by EHLO, and enforced. What is left out has no limit of
/// this kind, but for the bounds of the mock itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Transactions of one connection; one more MAIL gets 452.
    pub mailmax: Option<u32>,
    /// Recipients of one transaction; one more RCPT gets 452.
    pub rcptmax: Option<u32>,
    /// Domains of one transaction; a RCPT for one more gets 452.
    pub rcptdomainmax: Option<u32>,
}

impl Mechanism {
    /// All that the mock can do.
    pub fn all() -> Vec<Self> {
        vec![Self::Plain, Self::Login, Self::Xoauth2]
    }

    /// The name as EHLO offers it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::Xoauth2 => "XOAUTH2",
        }
    }
}

impl Limits {
    /// Whether there is nothing to announce.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Without the secrets: a profile may be printed where others read.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("is_required", &self.is_required)
            .field("is_only_after_tls", &self.is_only_after_tls)
            .field("mechanisms", &self.mechanisms)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_reads_as_toml_and_asks_nothing_by_default() {
        let tls: Tls = toml::from_str("").unwrap();
        assert_eq!(
            (tls.is_offered, tls.certificate),
            (false, Certificate::Right)
        );
        let tls: Tls = toml::from_str("is_offered = true\ncertificate = 'wrong_name'").unwrap();
        assert_eq!(
            (tls.is_offered, tls.certificate),
            (true, Certificate::WrongName)
        );
        let auth: Auth = toml::from_str("user = 'ada'\nmechanisms = ['LOGIN']").unwrap();
        assert_eq!(
            (auth.is_required, auth.mechanisms),
            (false, vec![Mechanism::Login])
        );
        assert!(toml::from_str::<Limits>("mailmax = 3\nmax = 4").is_err());
    }

    #[test]
    fn printing_a_profile_prints_no_secret() {
        let text = "user = 'ada'\npassword = 'pa55'\ntoken = 'tok3n'";
        let printed = format!("{:?}", toml::from_str::<Auth>(text).unwrap());
        assert!(
            !printed.contains("pa55") && !printed.contains("tok3n"),
            "{printed}"
        );
    }
}
