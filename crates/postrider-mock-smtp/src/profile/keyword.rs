//! The extensions that EHLO can offer.

use serde::{Deserialize, Serialize};

/// An extension that EHLO can offer; STARTTLS, AUTH and LIMITS have tables of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keyword {
    /// Commands in groups (RFC 2920).
    #[serde(rename = "PIPELINING")]
    Pipelining,
    /// Bodies with bytes above 127 (RFC 6152).
    #[serde(rename = "8BITMIME")]
    EightBitMime,
    /// The largest message, and its declaration at MAIL (RFC 1870).
    #[serde(rename = "SIZE")]
    Size,
    /// Enhanced codes in replies (RFC 2034).
    #[serde(rename = "ENHANCEDSTATUSCODES")]
    EnhancedStatusCodes,
    /// Messages in chunks of a known size (RFC 3030).
    #[serde(rename = "CHUNKING")]
    Chunking,
    /// Addresses and header fields in UTF-8 (RFC 6531).
    #[serde(rename = "SMTPUTF8")]
    SmtpUtf8,
    /// Parameters for delivery status notifications (RFC 3461).
    #[serde(rename = "DSN")]
    Dsn,
    /// The command HELP (RFC 5321 §4.1.1.8).
    #[serde(rename = "HELP")]
    Help,
}

impl Keyword {
    /// The name as EHLO offers it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pipelining => "PIPELINING",
            Self::EightBitMime => "8BITMIME",
            Self::Size => "SIZE",
            Self::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Self::Chunking => "CHUNKING",
            Self::SmtpUtf8 => "SMTPUTF8",
            Self::Dsn => "DSN",
            Self::Help => "HELP",
        }
    }

    /// All that the mock can do.
    pub fn all() -> Vec<Self> {
        vec![
            Self::Pipelining,
            Self::Size,
            Self::EightBitMime,
            Self::SmtpUtf8,
            Self::Chunking,
            Self::Dsn,
            Self::Help,
            Self::EnhancedStatusCodes,
        ]
    }
}
