//! What a remote server said, and how it is sorted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::bounds::REPLY_TEXT_BYTES_MAX;

/// A reply as it is kept: a code, an enhanced status code where there is one, and the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The three-digit code (RFC 5321 §4.2), 200 to 599; 0 when no server spoke, and the text is
    /// a reason of our own.
    pub code: u16,
    /// The enhanced status code (RFC 3463), when the server gave one.
    pub enhanced: Option<EnhancedCode>,
    /// The text of all lines joined by one space, control characters replaced, at most 512 bytes.
    pub text: String,
}

impl Reply {
    /// A reply with its text made safe to keep: control characters become spaces, and what is
    /// longer than 512 bytes is cut at a character.
    pub fn new(code: u16, enhanced: Option<EnhancedCode>, text: &str) -> Self {
        Self {
            code,
            enhanced,
            text: tame(text),
        }
    }

    /// Whether the code is 2xx.
    pub const fn is_positive(&self) -> bool {
        self.code >= 200 && self.code < 300
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// A text from outside, fit to be kept and shown: no control characters, at most 512 bytes.
pub fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len().min(REPLY_TEXT_BYTES_MAX));
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if tamed.len() + c.len_utf8() > REPLY_TEXT_BYTES_MAX {
            break;
        }
        tamed.push(c);
    }
    tamed
}

/// An enhanced mail system status code, `class.subject.detail` (RFC 3463 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnhancedCode {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// What it is about: 1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol,
    /// 6 content, 7 policy.
    pub subject: u16,
    /// The precise condition.
    pub detail: u16,
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A text that is not an enhanced status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code such as 5.1.1")]
pub struct EnhancedCodeError;

impl FromStr for EnhancedCode {
    type Err = EnhancedCodeError;

    fn from_str(text: &str) -> Result<Self, EnhancedCodeError> {
        let mut parts = text.splitn(3, '.').map(|part| {
            let is_number =
                (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            is_number
                .then(|| part.parse::<u16>().ok())
                .flatten()
                .ok_or(EnhancedCodeError)
        });
        let mut next = || parts.next().unwrap_or(Err(EnhancedCodeError));
        let (class, subject, detail) = (next()?, next()?, next()?);
        match class {
            2 | 4 | 5 => Ok(Self {
                class: u8::try_from(class).unwrap_or(5),
                subject,
                detail,
            }),
            _ => Err(EnhancedCodeError),
        }
    }
}

/// Whether asking again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It may: a 4xx, or a connection that was lost.
    Transient,
    /// It will not: a 5xx.
    Permanent,
}

/// What a failure condemns, from the least to the most specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything that would go over the same nexthop: it cannot be reached, or speaks no SMTP.
    Site,
    /// This session only: another connection may do better.
    Session,
    /// This message, whoever it is for.
    Message,
    /// This recipient only.
    Recipient,
}

/// Where in a session something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Opening the TCP connection.
    Connect,
    /// The server's greeting.
    Greeting,
    /// EHLO, or HELO after it was refused.
    Ehlo,
    /// STARTTLS, and the handshake of TLS.
    Tls,
    /// AUTH, with all its challenges and responses.
    Auth,
    /// RSET between transactions.
    Rset,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, until 354.
    Data,
    /// The message without its terminator.
    Body,
    /// From the first octet of the terminator until its reply is read.
    Dot,
    /// QUIT.
    Quit,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::Tls => "TLS",
            Self::Auth => "AUTH",
            Self::Rset => "RSET",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Body => "body",
            Self::Dot => "final dot",
            Self::Quit => "QUIT",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enhanced_code_reads_back_as_it_was_written() {
        let code: EnhancedCode = "5.7.606".parse().unwrap();
        assert_eq!(
            code,
            EnhancedCode {
                class: 5,
                subject: 7,
                detail: 606
            }
        );
        assert_eq!(code.to_string(), "5.7.606");
    }

    #[test]
    fn what_only_looks_like_an_enhanced_code_is_refused() {
        for text in [
            "5.1", "3.1.1", "5.1.1.1", "5.1000.1", "5..1", "a.b.c", "+5.1.1", "",
        ] {
            assert_eq!(
                text.parse::<EnhancedCode>(),
                Err(EnhancedCodeError),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_reply_keeps_at_most_512_bytes_and_no_control_character() {
        let reply = Reply::new(
            550,
            None,
            &format!("no\r\nsuch \u{1b}[31muser{}", "ü".repeat(400)),
        );
        assert!(reply.text.starts_with("no  such  [31muser"));
        assert!(reply.text.len() <= REPLY_TEXT_BYTES_MAX);
        assert!(!reply.text.chars().any(char::is_control));
    }
}
