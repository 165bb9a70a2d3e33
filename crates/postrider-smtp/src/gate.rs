//! The gate before the dot.
//!
//! A body that is written and not terminated binds nobody: the server must discard it when the
//! connection closes (RFC 5321 §4.1.1.10). The terminator binds us: after its first octet we
//! cannot know. So it is a step of its own, which the caller takes when its begin record is
//! durable, and the type allows no other way.

use postrider_types::Reply;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::content::Content;
use crate::transfer::{Following, Hold, Outgoing};
use crate::trouble::Trouble;

/// A message of which everything is ready or written, but for its terminator. Dropping it is
/// [`abandon`](Self::abandon).
#[must_use = "dropping this abandons the message and closes the connection"]
#[derive(Debug)]
pub struct AtGate<'a, S: AsyncRead + AsyncWrite + Unpin> {
    hold: Hold<'a, S>,
    /// A small one, or the last chunk of one, goes out with the terminator.
    content: Content,
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

impl Sent {
    /// What trouble at the gate or behind it says about the message.
    pub(crate) fn refused(trouble: Trouble) -> Self {
        let is_refusal = trouble.reply().is_some_and(|reply| reply.code >= 400);
        if trouble.is_in_doubt() {
            Self::InDoubt(trouble)
        } else if is_refusal {
            Self::Refused(trouble)
        } else {
            Self::Unsent(trouble)
        }
    }
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> AtGate<'a, S> {
    pub(crate) const fn new(hold: Hold<'a, S>, content: Content) -> Self {
        Self { hold, content }
    }

    /// Writes the terminator and waits for its reply, at most
    /// [`Timeouts::dot`](crate::Timeouts::dot). A future that is dropped before it is ready leaves
    /// the message in doubt and closes the connection.
    pub async fn dot(self) -> Sent {
        self.hold.connection.dot(&self.content, None).await.0
    }

    /// Writes the terminator and behind it, in one write, the envelope of the next message, and
    /// waits for the reply to the terminator. Where the session is not
    /// [pipelining](crate::Connection::is_pipelining), the envelope waits for that reply.
    pub async fn dot_with(self, next: Outgoing) -> (Sent, Following<'a, S>) {
        let is_pipelining = self.hold.connection.is_pipelining();
        let envelope = is_pipelining.then_some(&next);
        let (sent, unsendable) = self.hold.connection.dot(&self.content, envelope).await;
        let following = Following::new(self.hold, next, is_pipelining, unsendable);
        (sent, following)
    }

    /// Closes the connection without the terminator; the server must discard the message.
    pub fn abandon(self) {
        drop(self);
    }
}
