//! Email and variables to bytes.
//!
//! An [`Email`](postrider_types::Email) is validated and [`Prepared`] once: its templates are
//! compiled, its attachments encoded, and everything that no recipient changes is laid out as
//! shared bytes. Then it is rendered per recipient, and only what depends on the recipient is
//! made again; an attachment of 5 MB is never copied.
//!
//! **Every [`Message`] is canonical**: CRLF only and at its end, no NUL, no line over 998 octets,
//! bodies in 7-bit encodings, and the same bytes for the same recipient on every attempt.
//! **No text from outside becomes a header field**: a control character in a header is an error.
//!
//! Not here: dot-stuffing (it belongs to the transport), the envelope, and I/O of any kind.

mod body;
pub mod bounds;
pub mod codec;
mod field;
mod header;
mod layout;
mod message;
mod message_id;
mod prepared;
mod problem;
mod template;
mod validate;

#[cfg(test)]
mod tests;

pub use field::Field;
pub use message::{Heading, Message};
pub use message_id::{MessageId, MessageKey};
pub use prepared::{Limits, Prepared};
pub use problem::{PrepareError, Problem, RenderError};
