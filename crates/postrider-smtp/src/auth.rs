//! Who we are to a relay: user and secret, and how they are told (RFC 4954).
//!
//! The server says which mechanisms it takes, the route which of them it may use. A password goes
//! by PLAIN (RFC 4616) or, where only that is offered, by LOGIN; a token by XOAUTH2 and by nothing
//! else, because each is a secret of another kind.
//!
//! Secrets are wiped from memory when they are dropped, in every form that is made of them here,
//! and no `Debug`, error or trace shows them. Whether they may be sent at all is decided by
//! `opening`: over verified TLS, or to this machine.

mod exchange;

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

pub(crate) use exchange::Exchange;

/// Longest user name, in bytes.
const USER_BYTES_MAX: usize = 512;

/// Longest secret, in bytes. Encoded, it fits the 12,288 octets that RFC 4954 §4 has servers take.
const SECRET_BYTES_MAX: usize = 8_192;

const _: () = assert!((USER_BYTES_MAX + SECRET_BYTES_MAX + 64).div_ceil(3) * 4 <= 12_288);

/// A way of telling user and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// User and password in one response (RFC 4616).
    Plain,
    /// User and password one after the other; no standard, and widespread.
    Login,
    /// A bearer token of OAuth 2, as Google and Microsoft take it.
    Xoauth2,
}

impl Mechanism {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::Xoauth2 => "XOAUTH2",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mechanism of AUTH that is known here: give plain, login or xoauth2")]
pub struct MechanismError;

impl FromStr for Mechanism {
    type Err = MechanismError;

    /// In any case.
    fn from_str(text: &str) -> Result<Self, MechanismError> {
        [Self::Plain, Self::Login, Self::Xoauth2]
            .into_iter()
            .find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(text))
            .ok_or(MechanismError)
    }
}

/// User and secret of a route.
#[derive(Debug, Clone)]
pub struct Credentials {
    user: String,
    secret: SecretString,
    /// In the order in which they are preferred.
    allowed: &'static [Mechanism],
}

/// Why user and secret cannot be used. It never shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// One of the two is empty.
    #[error("user and secret must not be empty")]
    Empty,
    /// One of the two has a control character, such as the line break at the end of a file.
    #[error("user and secret must not contain control characters, such as a line break")]
    Control,
    /// One of the two is too long.
    #[error("a user has at most {USER_BYTES_MAX} bytes and a secret at most {SECRET_BYTES_MAX}")]
    Long,
}

impl Credentials {
    /// A user and what proves it. Without a mechanism, `secret` is a password, told by PLAIN or
    /// LOGIN; with one, only by that.
    ///
    /// # Errors
    /// [`CredentialsError`] when one of the two cannot be told to any server.
    pub fn new(
        user: String,
        secret: SecretString,
        only: Option<Mechanism>,
    ) -> Result<Self, CredentialsError> {
        let password = secret.expose_secret();
        if user.is_empty() || password.is_empty() {
            return Err(CredentialsError::Empty);
        }
        if user.len() > USER_BYTES_MAX || password.len() > SECRET_BYTES_MAX {
            return Err(CredentialsError::Long);
        }
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err(CredentialsError::Control);
        }
        let allowed: &'static [Mechanism] = match only {
            None => &[Mechanism::Plain, Mechanism::Login],
            Some(Mechanism::Plain) => &[Mechanism::Plain],
            Some(Mechanism::Login) => &[Mechanism::Login],
            Some(Mechanism::Xoauth2) => &[Mechanism::Xoauth2],
        };
        Ok(Self {
            user,
            secret,
            allowed,
        })
    }
}

/// Why we are not logged in, in sentences that say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No mechanism is both offered and allowed.
    #[error(
        "the server offers no log-in that may be used here: it offers {offered}, and the route \
         allows {allowed}"
    )]
    NotOffered {
        /// What the server offers, as it said it.
        offered: String,
        /// What the route allows.
        allowed: String,
    },
    /// The session is not encrypted to a verified server, and the server not on this machine.
    #[error(
        "credentials leave this machine only over verified TLS: set TLS to required or implicit \
         for this route"
    )]
    Unprotected,
    /// The server answered with 5xx.
    #[error("the server does not accept the credentials of the route: check user and secret")]
    Rejected,
    /// The server wanted more than the mechanism has.
    #[error("the server asked for more than {0} has to say, so the log-in was cancelled")]
    Challenged(Mechanism),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, secret: &str) -> Result<Credentials, CredentialsError> {
        Credentials::new(user.to_owned(), secret.into(), None)
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", credentials("ada", "correct horse").unwrap());
        assert!(shown.contains("ada") && !shown.contains("horse"), "{shown}");
    }

    #[test]
    fn what_cannot_be_told_to_a_server_is_refused_without_being_shown() {
        let check = |user: &str, secret: &str, expect| {
            assert_eq!(credentials(user, secret).unwrap_err(), expect);
        };
        check("", "secret", CredentialsError::Empty);
        check("ada", "", CredentialsError::Empty);
        check("ada", "secret\n", CredentialsError::Control);
        check("ada\0", "secret", CredentialsError::Control);
        check("ada", "a\u{1}b", CredentialsError::Control);
        check("ada", &"x".repeat(8_193), CredentialsError::Long);
        check(&"x".repeat(513), "secret", CredentialsError::Long);
    }

    #[test]
    fn a_mechanism_is_read_in_any_case() {
        assert_eq!("Plain".parse(), Ok(Mechanism::Plain));
        assert_eq!("LOGIN".parse(), Ok(Mechanism::Login));
        assert_eq!("xoauth2".parse(), Ok(Mechanism::Xoauth2));
        assert_eq!("CRAM-MD5".parse::<Mechanism>(), Err(MechanismError));
    }
}
