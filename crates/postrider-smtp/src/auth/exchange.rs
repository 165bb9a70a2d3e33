//! The lines of one log-in, as a state machine without I/O.
//!
//! All responses are known when it begins; a 334 only asks for the next one, whatever its text, for
//! servers word it as they like. A server that asks for more is told `*` (RFC 4954 §4), once.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use super::{AuthError, Credentials, Mechanism};

/// Longest command line, with its CRLF (RFC 5321 §4.5.3.1.4). A response has no such limit, so one
/// that does not fit beside AUTH waits for its 334.
const COMMAND_BYTES_MAX: usize = 512;

/// One log-in on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    mechanism: Mechanism,
    /// The responses that have not been asked for yet, encoded, with their CRLF.
    responses: VecDeque<SecretSlice<u8>>,
    /// `*` was said.
    is_cancelled: bool,
}

impl Exchange {
    /// Chooses the mechanism; with it comes the command to begin with.
    ///
    /// # Errors
    /// [`AuthError::NotOffered`] when there is none to choose.
    pub(crate) fn begin(
        credentials: &Credentials,
        offered: &[String],
    ) -> Result<(Self, SecretSlice<u8>), AuthError> {
        let is_offered = |mechanism: &&Mechanism| offered.iter().any(|o| o == mechanism.as_str());
        let chosen = credentials.allowed.iter().find(is_offered);
        let Some(&mechanism) = chosen else {
            let allowed = credentials.allowed.iter().map(ToString::to_string);
            return Err(AuthError::NotOffered {
                offered: list(offered),
                allowed: list(&allowed.collect::<Vec<_>>()),
            });
        };
        let user = credentials.user.as_bytes();
        let secret = credentials.secret.expose_secret().as_bytes();
        let mut responses: VecDeque<_> = match mechanism {
            Mechanism::Plain => [encode(&[b"\0", user, b"\0", secret])].into(),
            Mechanism::Login => [encode(&[user]), encode(&[secret])].into(),
            // After a refusal, an empty response is due before the final reply comes.
            Mechanism::Xoauth2 => [
                encode(&[b"user=", user, b"\x01auth=Bearer ", secret, b"\x01\x01"]),
                encode(&[]),
            ]
            .into(),
        };
        let bare = format!("AUTH {mechanism}");
        let fits = |line: &SecretSlice<u8>| {
            bare.len() + 1 + line.expose_secret().len() <= COMMAND_BYTES_MAX
        };
        let is_initial = mechanism != Mechanism::Login && responses.front().is_some_and(fits);
        let initial = is_initial.then(|| responses.pop_front()).flatten();
        let command = match initial {
            Some(initial) => join(&[bare.as_bytes(), b" ", initial.expose_secret()]),
            None => join(&[bare.as_bytes(), b"\r\n"]),
        };
        let exchange = Self {
            mechanism,
            responses,
            is_cancelled: false,
        };
        Ok((exchange, command))
    }

    /// What is used to log in.
    pub(crate) const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The answer to a 334; `None` when the server goes on asking after it was told to stop.
    pub(crate) fn respond(&mut self) -> Option<SecretSlice<u8>> {
        if let Some(response) = self.responses.pop_front() {
            return Some(response);
        }
        let is_first = !std::mem::replace(&mut self.is_cancelled, true);
        is_first.then(|| b"*\r\n".to_vec().into())
    }

    /// Whether the log-in was given up by us, so that the server's refusal only confirms it.
    pub(crate) const fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }
}

/// A response line.
fn encode(parts: &[&[u8]]) -> SecretSlice<u8> {
    let plain = join(parts);
    let plain = plain.expose_secret();
    let mut line = vec![b'='; plain.len().div_ceil(3) * 4 + 2];
    let (text, line_end) = line.split_at_mut(plain.len().div_ceil(3) * 4);
    let encoded = STANDARD.encode_slice(plain, text);
    debug_assert_eq!(encoded, Ok(text.len()), "padded base64 has this length");
    line_end.copy_from_slice(b"\r\n");
    line.into()
}

/// The parts in one piece, as large as it will be from the start: a buffer that grows leaves a copy
/// behind.
fn join(parts: &[&[u8]]) -> SecretSlice<u8> {
    let mut whole = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        whole.extend_from_slice(part);
    }
    whole.into()
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(secret: &str, only: Option<Mechanism>) -> Credentials {
        Credentials::new("ada".to_owned(), secret.into(), only).unwrap()
    }

    /// All lines of a log-in whose server answers each with 334, and whether it then gave up.
    fn lines(credentials: &Credentials, offered: &[&str]) -> Vec<String> {
        let offered: Vec<String> = offered.iter().map(|&name| name.to_owned()).collect();
        let (mut exchange, command) = Exchange::begin(credentials, &offered).unwrap();
        let mut lines = vec![command];
        lines.extend(std::iter::from_fn(|| exchange.respond()));
        assert!(exchange.is_cancelled());
        let text =
            |line: &SecretSlice<u8>| String::from_utf8(line.expose_secret().to_vec()).unwrap();
        lines.iter().map(text).collect()
    }

    #[test]
    fn plain_tells_user_and_password_with_the_command() {
        let password = credentials("secret", None);
        assert_eq!(
            lines(&password, &["LOGIN", "PLAIN"]),
            ["AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n", "*\r\n"]
        );
    }

    #[test]
    fn login_tells_user_and_password_one_after_the_other() {
        let password = credentials("secret", None);
        assert_eq!(
            lines(&password, &["LOGIN", "XOAUTH2"]),
            ["AUTH LOGIN\r\n", "YWRh\r\n", "c2VjcmV0\r\n", "*\r\n"]
        );
    }

    #[test]
    fn xoauth2_tells_the_token_and_answers_a_refusal_with_an_empty_line() {
        let token = credentials("ya29", Some(Mechanism::Xoauth2));
        assert_eq!(
            lines(&token, &["PLAIN", "XOAUTH2"]),
            [
                "AUTH XOAUTH2 dXNlcj1hZGEBYXV0aD1CZWFyZXIgeWEyOQEB\r\n",
                "\r\n",
                "*\r\n"
            ]
        );
    }

    #[test]
    fn a_long_token_waits_for_the_challenge() {
        let token = credentials(&"t".repeat(2_000), Some(Mechanism::Xoauth2));
        let lines = lines(&token, &["XOAUTH2"]);
        assert_eq!((lines[0].as_str(), lines.len()), ("AUTH XOAUTH2\r\n", 4));
        assert!(lines[1].len() > 2_000 && lines[1].ends_with("\r\n"));
        // The command may have 512 octets; one byte more would make it 513.
        for (bytes, expect) in [(367, 509), (368, 12)] {
            let password = credentials(&"p".repeat(bytes), None);
            let offered = ["PLAIN".to_owned()];
            let (_, command) = Exchange::begin(&password, &offered).unwrap();
            assert_eq!(command.expose_secret().len(), expect, "{bytes}");
        }
    }

    #[test]
    fn a_password_is_never_told_as_a_token_nor_by_what_is_not_allowed() {
        for (only, offered) in [
            (None, vec!["XOAUTH2".to_owned(), "CRAM-MD5".to_owned()]),
            (Some(Mechanism::Plain), vec!["LOGIN".to_owned()]),
            (Some(Mechanism::Xoauth2), vec!["PLAIN".to_owned()]),
            (None, vec![]),
        ] {
            let refused = Exchange::begin(&credentials("secret", only), &offered);
            assert!(
                matches!(refused, Err(AuthError::NotOffered { .. })),
                "{offered:?}"
            );
        }
    }

    #[test]
    fn an_exchange_shows_none_of_its_lines() {
        let offered = ["LOGIN".to_owned()];
        let exchange = Exchange::begin(&credentials("secret", None), &offered).unwrap();
        let shown = format!("{exchange:?}");
        assert!(
            !shown.contains("c2Vj") && !shown.contains("115, 50"),
            "{shown}"
        );
    }
}
