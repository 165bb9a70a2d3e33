//! The gate before the dot.
//!
//! A body that is written and not terminated binds nobody: the server must discard it when the
//! connection closes (RFC 5321 §4.1.1.10). The terminator binds us: after its first octet we
//! cannot know. So it is a step of its own, which the caller takes when its begin record is
//! durable, and the type allows no other way.

use postrider_types::Reply;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::Connection;
use crate::trouble::Trouble;

/// A message whose body the server has and whose terminator it has not. Dropping it is
/// [`abandon`](Self::abandon).
#[must_use = "dropping this abandons the message and closes the connection"]
#[derive(Debug)]
pub struct AtGate<'a, S: AsyncRead + AsyncWrite + Unpin> {
    connection: &'a mut Connection<S>,
}

/// What became of a message that was allowed through the gate.
#[derive(Debug)]
#[must_use = "this is the only knowledge of what became of the message"]
pub enum Sent {
    /// 2xx: the server has taken responsibility.
    Accepted(Reply),
    /// The server refused it with 4xx or 5xx: definitely not accepted. The trouble has a reply.
    Refused(Trouble),
    /// The session was found lost before any octet of the terminator: definitely not accepted.
    Unsent(Trouble),
    /// An octet of the terminator was, or may have been, written, and no 2xx, 4xx or 5xx came.
    InDoubt(Trouble),
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> AtGate<'a, S> {
    pub(crate) const fn new(connection: &'a mut Connection<S>) -> Self {
        Self { connection }
    }

    /// Writes the terminator and waits for its reply, at most
    /// [`Timeouts::dot`](crate::Timeouts::dot). A future that is dropped before it is ready leaves
    /// the message in doubt and closes the connection.
    pub async fn dot(self) -> Sent {
        self.connection.dot().await
    }

    /// Closes the connection without the terminator; the server must discard the message.
    pub fn abandon(self) {
        drop(self);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Drop for AtGate<'_, S> {
    fn drop(&mut self) {
        self.connection.close_unless_idle();
    }
}
