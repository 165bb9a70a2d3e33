//! A message on its way to the gate: its envelope, its go-ahead, its body.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::Connection;
use crate::content::Content;
use crate::envelope::Envelope;
use crate::gate::AtGate;
use crate::trouble::Trouble;

/// One message, as a transaction needs it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Who sends to whom.
    pub envelope: Envelope,
    /// What is sent.
    pub content: Content,
}

/// A message whose envelope was accepted and whose body the server waits for. Dropping it closes
/// the connection.
#[must_use = "dropping this abandons the message and closes the connection"]
#[derive(Debug)]
pub struct Transfer<'a, S: AsyncRead + AsyncWrite + Unpin> {
    hold: Hold<'a, S>,
    content: Content,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Transfer<'a, S> {
    pub(crate) const fn new(hold: Hold<'a, S>, content: Content) -> Self {
        Self { hold, content }
    }

    /// Octets of the message that waits to be written.
    pub const fn content_bytes(&self) -> u64 {
        self.content.bytes()
    }

    /// Writes everything but the terminator and what leaves with it: a small body, or a last chunk.
    /// Nothing is accepted before the gate, and whatever fails here is known not to have been sent.
    ///
    /// # Errors
    /// A refusal by the server, or a lost session.
    pub async fn send_body(self) -> Result<AtGate<'a, S>, Trouble> {
        self.hold.connection.send_body(&self.content).await?;
        Ok(AtGate::new(self.hold, self.content))
    }
}

/// A message whose envelope went along with the dot of the one before it. Dropping it closes the
/// connection.
#[must_use = "dropping this closes the connection"]
#[derive(Debug)]
pub struct Following<'a, S: AsyncRead + AsyncWrite + Unpin> {
    hold: Hold<'a, S>,
    next: Outgoing,
    /// The envelope left with the dot.
    is_out: bool,
    /// Why it did not: the server cannot take it.
    unsendable: Option<Trouble>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Following<'a, S> {
    pub(crate) const fn new(
        hold: Hold<'a, S>,
        next: Outgoing,
        is_out: bool,
        unsendable: Option<Trouble>,
    ) -> Self {
        Self {
            hold,
            next,
            is_out,
            unsendable,
        }
    }

    /// Whether the session stood when the reply to the dot was read.
    pub fn is_open(&self) -> bool {
        self.hold.connection.is_open()
    }

    /// Waits for the replies to the envelope.
    ///
    /// # Errors
    /// A refusal by the server or by us, or a lost session; neutral trouble when the session ended
    /// before the envelope could be judged.
    pub async fn open(self) -> Result<Transfer<'a, S>, Trouble> {
        if let Some(trouble) = self.unsendable {
            return Err(trouble);
        }
        if !self.is_out {
            return self.hold.begin(self.next).await;
        }
        self.hold.connection.await_go_ahead(&self.next).await?;
        Ok(Transfer::new(self.hold, self.next.content))
    }
}

/// The use of a connection by one message. Whoever lets go of it while the session is not between
/// two messages closes the stream.
#[derive(Debug)]
pub(crate) struct Hold<'a, S: AsyncRead + AsyncWrite + Unpin> {
    pub(crate) connection: &'a mut Connection<S>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Hold<'a, S> {
    pub(crate) const fn new(connection: &'a mut Connection<S>) -> Self {
        Self { connection }
    }

    /// Opens the transaction of a message.
    pub(crate) async fn begin(self, mail: Outgoing) -> Result<Transfer<'a, S>, Trouble> {
        self.connection.open_transaction(&mail).await?;
        Ok(Transfer::new(self, mail.content))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Drop for Hold<'_, S> {
    fn drop(&mut self) {
        self.connection.close_unless_idle();
    }
}
