//! Email and variables to bytes.
//!
//! An [`Email`](postrider_types::Email) is validated and [`Prepared`] once: its templates are
//! compiled, its attachments encoded, and everything that no recipient changes is laid out as
//! shared bytes. Then it is rendered per recipient, and only what depends on the recipient is
//! made again; an attachment of 5 MB is never copied. The message may be signed ([`dkim`]), and
//! its bounces may have an address of their own ([`verp`]).
//!
//! **Every [`Message`] is canonical**: CRLF only and at its end, no NUL, no line over 998 octets,
//! bodies in 7-bit encodings, and the same bytes for the same recipient on every attempt.
//! **No text from outside becomes a header field**: a control character in a header is an error.
//!
//! Not here: dot-stuffing (it belongs to the transport), the envelope, and I/O of any kind.

mod assembly;
mod attachment;
mod body;
pub mod bounds;
pub mod codec;
pub mod dkim;
mod draft;
mod engine;
mod field;
mod filters;
mod header;
mod layout;
mod leaf;
mod list;
mod message;
mod message_id;
mod prepared;
mod problem;
mod sections;
mod template;
mod validate;
pub mod verp;

#[cfg(test)]
mod tests;

pub use field::Field;
pub use message::{Heading, Message, Segment};
pub use message_id::{MessageId, MessageKey};
pub use prepared::{Limits, Prepared};
pub use problem::{PrepareError, Problem, RenderError};
