//! A store over a socket: how a worker that is a process of its own asks the service.
//!
//! The service owns the store. A worker sends it the very requests that it would give to a writer
//! of its own, all that one turn asked for in one frame, and gets one frame back when they are
//! durable. So the shell and the core of a worker are the same as in one process, and a message
//! costs no round trip more than its share of a batch. There are no timers here: whatever waits
//! when the socket takes more is one write.
//!
//! A frame is a length, a value in postcard, and a tail of plain octets: the body of an email is
//! copied once on each side. Both sides are the same program, and a hello with the version says
//! so; nothing else is negotiated.
//!
//! Besides the store's own matters a frame may carry a *note*, octets between the service and its
//! worker that the store does not look into.
//!
//! **Invariants.**
//! Requests are handed to the writer in the order in which a worker sent them.
//! [`Visitor::admit`] returns only when every request that it took has its answer: whoever reaps
//! then finds all leases of the worker.
//! When the socket closes, everything that waits at the worker fails with
//! [`StoreError::Closed`]: no dot is written for a begin whose answer
//! was lost.

mod client;
mod frame;
mod reader;
mod server;

use postrider_types::{EmailId, TenantId, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::request::{Reply, Request};

pub use client::{Connected, Notes, connect};
pub use server::{Heard, Visitor, meet};

/// The version of what is said here, beside the version of the program.
const PROTOCOL: u32 = 1;

/// Why a worker and the service do not, or no longer, speak.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The other side has closed, or died.
    #[error("the other side has closed the socket")]
    Closed,
    /// The socket failed.
    #[error("the socket to the other side failed")]
    Socket(#[from] std::io::Error),
    /// What came is no frame, or not what was expected.
    #[error("the other side does not speak as this version does ({0})")]
    Garbled(String),
    /// The service does not want this worker.
    #[error("the service refused this worker: {0}")]
    Refused(String),
}

/// Who a worker says that it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    protocol: u32,
    version: String,
    /// Which worker of the service, from 0.
    pub number: u8,
}

impl Hello {
    /// The hello of worker `number` of this version.
    pub fn new(number: u8) -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            number,
        }
    }

    /// Why this is not the hello of a worker of this version, if it is not.
    fn strangeness(&self) -> Option<String> {
        let own = Self::new(self.number);
        (*self != own).then(|| {
            format!(
                "it is version {} with protocol {}, and the service is {} with {}",
                self.version, self.protocol, own.version, own.protocol
            )
        })
    }
}

/// What a worker is told before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The name under which it claims; never given to another.
    pub worker: WorkerId,
    /// The key of all Message-IDs.
    pub message_key: [u8; 32],
    /// What time it is for the service: both count from here.
    pub now: Timestamp,
}

/// What a worker sends, after its hello. Numbers of calls are its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Call {
    /// Requests that are done in this order and in one commit.
    Submit { call: u64, requests: Vec<Request> },
    /// One read; an answer with content has it as its tail.
    Read { call: u64, read: Read },
    /// The tail is a note.
    Note,
}

/// What a worker reads.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Read {
    /// The stored form of an email.
    Email(TenantId, EmailId),
    /// How large that is.
    EmailBytes(TenantId, EmailId),
}

/// What the service sends, after its welcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Word {
    /// The answers to requests.
    Submitted {
        call: u64,
        replies: Result<Vec<Reply>, StoreError>,
    },
    /// The answer to a read; whether there is such an email, which is the tail.
    Email {
        call: u64,
        found: Result<bool, StoreError>,
    },
    /// The answer to the other read.
    EmailBytes {
        call: u64,
        bytes: Result<Option<u64>, StoreError>,
    },
    /// There may be new work.
    Work,
    /// The tail is a note.
    Note,
}
