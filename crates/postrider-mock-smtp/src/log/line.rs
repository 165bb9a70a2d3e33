//! The lines of the log: what happened in front of the mock, each with its time.
//!
//! They are all that the [judge](crate::judge) reads, so a verdict over a file is the verdict of
//! the server that wrote it. Members may be added, with a default; none is taken away.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::world::treatment::Stage;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// A message was accepted for one recipient.
    Accept(Accept),
    /// A MAIL command came, whatever was said to it.
    Mail(Mail),
    /// A connection came in.
    Open(Open),
    /// A connection has ended.
    Close(Close),
    /// A recipient or a message was refused.
    Refuse(Refuse),
    /// The end of a message was read, and the client was given no whole reply to it.
    Unanswered(Unanswered),
    /// The client broke the protocol.
    Fault(Fault),
    /// From now on this profile is served.
    Profile(Served),
    /// The mock was later than ever before with its own reading.
    Lateness(Lateness),
    /// All that came before is forgotten, but for connections that are open.
    Reset(Reset),
}

/// A message was accepted for one recipient; a message to three makes three of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Accept {
    /// When the dot was read, in microseconds since the epoch.
    pub at_us: i64,
    /// When the MAIL command of the transaction arrived, in microseconds since the epoch.
    pub mail_at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The provider of the recipient's domain; empty without one.
    #[serde(default)]
    pub provider: String,
    /// The recipient's domain in lower case.
    pub domain: String,
    /// The recipient: local part as written, domain in lower case.
    pub recipient: String,
    /// The reverse path; empty for bounces.
    pub sender: String,
    /// The Message-ID field, if there is one.
    pub message_id: Option<String>,
    /// The X-Postrider-Campaign field, if there is one.
    pub campaign: Option<String>,
    /// Bytes of the message without dot-stuffing.
    pub bytes: u64,
    /// [`body_hash`](crate::body_hash) of these bytes.
    pub body_hash: String,
    /// [`body_hash`](crate::body_hash) of the bytes after the header section; empty in logs of
    /// before there was one.
    #[serde(default)]
    pub content_hash: String,
}

/// A MAIL command, known by the first RCPT that named a domain; once per domain and transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mail {
    /// When it arrived, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The provider of the recipient's domain; empty without one, and for further domains of it in
    /// one transaction: under its rate the MAIL command counts once.
    #[serde(default)]
    pub provider: String,
    /// The recipient's domain in lower case.
    pub domain: String,
}

/// A connection came in; written before the greeting.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Open {
    /// When it came in, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The provider at whose address it came in; empty at the common address.
    pub provider: String,
}

/// A connection has ended; written before the last reply, so that a client which has read that
/// reply and comes back at once is not counted twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Close {
    /// When it ended, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// Messages whose end was read, accepted or not.
    pub messages: u64,
    /// MAIL commands that were refused because the connection had brought all messages that it may.
    #[serde(default)]
    pub messages_over: u64,
    /// How often the client waited: reads that followed a written reply.
    pub turns: u64,
    /// Whether the client said QUIT.
    pub has_quit: bool,
}

/// A recipient, or a message for this recipient, was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuse {
    /// When, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The recipient's domain in lower case.
    pub domain: String,
    /// The recipient: local part as written, domain in lower case.
    pub recipient: String,
    /// The code of the reply: 400 to 499 for now, 500 to 599 for good.
    pub code: u16,
    /// Where it was said.
    pub stage: Stage,
}

/// The client was given no whole reply to a message, by one recipient of it. It comes after the
/// line of the accept, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unanswered {
    /// When its end was read, or its first octets, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The recipient: local part as written, domain in lower case.
    pub recipient: String,
    /// The X-Postrider-Campaign field, if there is one and it was read.
    pub campaign: Option<String>,
    /// Whether it was accepted all the same.
    pub is_accepted: bool,
    /// Whether the client cannot know better. It can when it was cut off in the middle of the
    /// message, or when the reply was whole but hard to read.
    pub is_doubtless: bool,
}

/// The client broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// What is wrong.
    #[serde(rename = "fault")]
    pub kind: FaultKind,
    /// In a few words, what the client did.
    pub detail: String,
}

/// What a client can do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A command other than QUIT after a 421 that the client could have read.
    #[serde(rename = "command_after_421")]
    CommandAfter421,
    /// Several commands in one group, where PIPELINING was not offered.
    PipelinedUnoffered,
    /// Bytes after a command that must be the last of its group (RFC 2920 §3.1), or a message
    /// before its 354.
    Synchronisation,
    /// A command where it has no place, and the client could have known.
    Order,
    /// A command that cannot be read.
    Syntax,
    /// A command line longer than the protocol allows.
    LineTooLong,
    /// A CR without LF or a LF without CR, in a command or in a message.
    BareLineEnd,
    /// A client that left without QUIT. Said, never held against it.
    NoQuit,
}

impl FaultKind {
    /// The name in records and verdicts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommandAfter421 => "command_after_421",
            Self::PipelinedUnoffered => "pipelined_unoffered",
            Self::Synchronisation => "synchronisation",
            Self::Order => "order",
            Self::Syntax => "syntax",
            Self::LineTooLong => "line_too_long",
            Self::BareLineEnd => "bare_line_end",
            Self::NoQuit => "no_quit",
        }
    }

    /// Whether one of them fails the client.
    pub const fn is_grave(self) -> bool {
        !matches!(self, Self::NoQuit)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The profile that is served from a moment on: the limits by which the client is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Served {
    /// From when on, in microseconds since the epoch.
    pub at_us: i64,
    /// The whole profile, as TOML.
    pub toml: String,
}

/// How late the mock was with its own reading, when it was later than ever before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lateness {
    /// When, in microseconds since the epoch.
    pub at_us: i64,
    /// By how many microseconds.
    pub late_us: u64,
}

/// All that came before is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reset {
    /// When, in microseconds since the epoch.
    pub at_us: i64,
}
