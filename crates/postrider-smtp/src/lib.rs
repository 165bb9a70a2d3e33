//! The SMTP client of bulk sending: exact about what is known when a connection dies.
//!
//! Three layers, from the inside out. `reply`, `ehlo` and `command` are the grammar. `opening` and
//! `session` are state machines without I/O: bytes in, bytes and steps out, no clock. The
//! [`Connection`] is the only place that touches a stream; it writes, reads and keeps the
//! deadlines of [`Timeouts`].
//!
//! A session is opened by a [`dial::Dialer`]: the hosts of a [`site::Target`] in order, each with TLS
//! as its policy says, and with AUTH. Targets are made of relays ([`relay`]) or of DNS ([`mx`]).
//!
//! **Before the terminator of a message stands a gate.** [`Connection::begin`] has the envelope
//! answered, [`Transfer::send_body`] writes what need not wait and returns an [`AtGate`]; only the
//! gate can write the terminator, and with it the envelope of the next message. What happens before
//! it is known not to have been accepted; from its first octet until a complete reply, the message
//! is in doubt, and [`Sent::InDoubt`] says so.
//!
//! Whatever goes wrong is one [`Trouble`], sorted by scope and severity. No retry, no pool and no
//! limit lives here: one session, one message at a time at its terminator, one recipient per
//! transaction.

pub mod auth;
mod body;
pub mod classify;
mod command;
pub mod connection;
pub mod content;
mod deadline;
pub mod dial;
pub mod ehlo;
pub mod envelope;
mod exchange;
mod full_reply;
pub mod gate;
pub mod mx;
mod opening;
pub mod providers;
pub mod relay;
mod reply;
pub mod scanned;
mod session;
pub mod site;
pub mod stream;
mod stuffing;
pub mod timeouts;
pub mod tls;
pub mod transfer;
pub mod trouble;
mod wire;

pub use connection::Connection;
pub use content::Content;
pub use ehlo::{Capabilities, Extensions};
pub use envelope::{ClientName, ClientNameError, Envelope};
pub use gate::{AtGate, Sent};
pub use relay::{Relay, RelayError};
pub use reply::ReplyError;
pub use scanned::Scanned;
pub use timeouts::Timeouts;
pub use transfer::{Following, Outgoing, Transfer};
pub use trouble::{Cause, Trouble};
