//! What goes over the control port: JSON, one object an answer; lists as one object a line.
//!
//! Members may be added; none is taken away and none changes its meaning. Whoever reads must leave
//! alone what it does not know.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::log::Accept;

pub use crate::judge::verdict::{
    Bodies, CapVerdict, Doubt, InDoubt, LimitVerdict, Ruling, Unanswered, Verdict, WindowVerdict,
};

/// What a mock is: `GET /`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The name and version of the program.
    pub name: String,
    /// The name of the profile that is served.
    pub profile: String,
    /// The common address, where mail for every domain is taken.
    pub smtp: SocketAddr,
    /// The address of each provider that has one.
    pub providers: BTreeMap<String, SocketAddr>,
    /// The process.
    pub pid: u32,
}

/// What `--ready-file` holds once a mock listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The common address, where mail for every domain is taken.
    pub smtp: SocketAddr,
    /// The control port, if there is one.
    pub control: Option<SocketAddr>,
    /// The address of each provider that has one.
    pub providers: BTreeMap<String, SocketAddr>,
    /// The process.
    pub pid: u32,
}

/// A delivery that is to arrive: a line of `POST /expect`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The campaign as its messages name it in `X-Postrider-Campaign`; empty for messages without.
    #[serde(default)]
    pub campaign: String,
    /// The recipient.
    pub recipient: String,
    /// [`body_hash`](crate::body_hash) of the bytes after the header section. Without it the
    /// content is not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
}

/// What the client says of a delivery: a line of `POST /receipts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The campaign; empty for messages without.
    #[serde(default)]
    pub campaign: String,
    /// The recipient.
    pub recipient: String,
    /// How it stands. Members beside these are left alone.
    pub state: State,
}

/// How a delivery stands in the eyes of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has not been tried.
    Pending,
    /// It is being tried.
    Attempting,
    /// It was refused for now.
    Deferred,
    /// It was accepted.
    Delivered,
    /// It was refused for good.
    Bounced,
    /// The client does not know.
    InDoubt,
    /// It was not to be sent.
    Suppressed,
    /// It was not sent because of a cap.
    Capped,
    /// It was given up.
    Expired,
    /// Its campaign was cancelled.
    Cancelled,
    /// It could not be sent.
    Failed,
    /// It was put aside.
    Quarantined,
}

impl State {
    /// Whether nothing has been decided yet.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Attempting | Self::Deferred)
    }

    /// Whether it claims that nothing was, or is to be, accepted.
    pub const fn denies(self) -> bool {
        !self.is_open() && !matches!(self, Self::Delivered | Self::InDoubt)
    }
}

/// The answer to `POST /expect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// How many deliveries are expected in all.
    pub expected: u64,
}

/// The answer to `POST /receipts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// How many receipts the mock knows in all.
    pub receipts: u64,
}

/// What is counted while it runs, cheap to ask: `GET /progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Accepts: one per recipient of each accepted message.
    pub accepted: u64,
    /// Different recipients among them.
    pub recipients: u64,
    /// Accepts beyond the first of a Message-ID and recipient.
    pub duplicates: u64,
    /// Connections since the start.
    pub connections: u64,
    /// Connections that are open now.
    pub connections_open: u64,
    /// The most connections that were open at one time.
    pub connections_max: u64,
    /// How often clients waited: reads that followed a written reply.
    pub turns: u64,
}

/// What was accepted for a recipient: `GET /accepts?recipient=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepts {
    /// The recipient, with its domain in lower case.
    pub recipient: String,
    /// How often it was accepted.
    pub accepted: u64,
    /// The first hundred, from the log; none when no log is kept.
    pub listed: Vec<Accept>,
}

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A sentence for people.
    pub error: String,
}
