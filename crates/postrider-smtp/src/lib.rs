//! The SMTP client of bulk sending: exact about what is known when a connection dies.
//!
//! Three layers, from the inside out. `reply`, `ehlo` and `command` are the grammar. `dialogue` is
//! one session as a state machine without I/O: bytes in, bytes and steps out, no clock. The
//! [`Connection`] is the only place that touches a stream; it writes, reads and keeps the
//! deadlines of [`Timeouts`].
//!
//! **The message and its terminator are two writes with a gate between them.**
//! [`Connection::transmit`] writes everything but the final dot and returns an [`AtGate`]; only
//! [`AtGate::dot`] can write the terminator. What happens before it is known not to have been
//! accepted; from its first octet until a complete reply, the message is in doubt, and
//! [`Sent::InDoubt`] says so.
//!
//! Whatever goes wrong is one [`Trouble`], sorted by scope and severity. No retry, no pool and no
//! limit lives here: one session, one message at a time, one recipient per transaction.

mod body;
mod command;
pub mod connect;
pub mod connection;
pub mod content;
mod dialogue;
pub mod ehlo;
pub mod envelope;
mod full_reply;
pub mod gate;
pub mod relay;
mod reply;
mod stuffing;
pub mod timeouts;
pub mod trouble;
mod wire;

pub use connect::connect;
pub use connection::Connection;
pub use content::Content;
pub use ehlo::Capabilities;
pub use envelope::{ClientName, ClientNameError, Envelope};
pub use gate::{AtGate, Sent};
pub use relay::{Relay, RelayError};
pub use reply::ReplyError;
pub use timeouts::Timeouts;
pub use trouble::{Cause, Trouble};
