//! A session over a stream: the shell that carries out what the session asks for.
//!
//! Every wait has the deadline of its phase. When trouble ends the session, the stream is closed at
//! once; a connection that was dropped half way through a future is not idle, and never used again.

use postrider_types::Phase;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::{write_body, write_terminator};
use crate::content::Content;
use crate::deadline::Deadline;
use crate::ehlo::{Capabilities, Extensions};
use crate::envelope::ClientName;
use crate::exchange::{Stop, converse, last_words};
use crate::gate::Sent;
use crate::opening;
use crate::session::{Event, Session};
use crate::timeouts::Timeouts;
use crate::transfer::{Hold, Outgoing, Transfer};
use crate::trouble::{Cause, Trouble};
use crate::wire::Wire;

/// One session, open or already over.
#[derive(Debug)]
pub struct Connection<S> {
    /// `None` once the session is over.
    wire: Option<Wire<S>>,
    session: Session,
    timeouts: Timeouts,
    /// When the message at hand must be at its gate.
    limit: Deadline,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Waits for the greeting and introduces us: EHLO, or HELO when EHLO is refused.
    ///
    /// # Errors
    /// Transient trouble with the site.
    pub async fn open(stream: S, name: ClientName, timeouts: Timeouts) -> Result<Self, Trouble> {
        let mut wire = Wire::new(stream);
        let capabilities = opening::introduce(&mut wire, name, &timeouts).await?;
        Ok(Self::opened(wire, capabilities, timeouts))
    }

    /// A session that stands: greeting, EHLO and whatever belongs to them are over, and nothing
    /// that the server said is unread.
    pub(crate) fn opened(wire: Wire<S>, capabilities: Capabilities, timeouts: Timeouts) -> Self {
        Self {
            wire: Some(wire),
            session: Session::new(capabilities, Extensions::STANDARD),
            limit: Deadline::after(timeouts.message),
            timeouts,
        }
    }

    /// Says which of the extensions that the server offers may be used: all of
    /// [`Extensions::STANDARD`] unless this says otherwise. Only between two messages.
    #[must_use]
    pub fn with_extensions(mut self, extensions: Extensions) -> Self {
        debug_assert!(self.session.is_idle(), "a message is under way");
        self.session.set_extensions(extensions);
        self
    }

    /// What the server offered at EHLO.
    pub const fn capabilities(&self) -> &Capabilities {
        self.session.capabilities()
    }

    /// Which extensions may be used: those that were allowed, but for what the server refused
    /// although it offers it. Where that is less, other sessions with it will find the same.
    pub const fn extensions(&self) -> Extensions {
        self.session.extensions()
    }

    /// Whether another message may be sent: the session is idle, and the server has neither
    /// closed it nor said anything unasked. Looks at the stream without waiting.
    pub fn is_reusable(&mut self) -> bool {
        self.obstacle().is_none()
    }

    /// Why no other message may be sent; closes the stream then. It is neutral: nothing was under
    /// way, or what was left undone here was another message's. A server's parting words are kept.
    fn obstacle(&mut self) -> Option<Trouble> {
        let is_idle = self.wire.is_some() && self.session.is_idle();
        let heard = self.wire.as_mut().and_then(Wire::glimpse);
        if is_idle && heard.is_none() {
            return None;
        }
        let told = match heard {
            Some(Ok(bytes)) if is_idle => {
                self.session.receive(bytes);
                self.session.step().err()
            }
            _ => None,
        };
        self.wire = None;
        let trouble = told.unwrap_or_else(|| Trouble::lost(Phase::Mail, Cause::ClosedIdle));
        Some(trouble.because(Cause::ClosedIdle))
    }

    /// Whether the envelope of the next message may go along with a dot: the server offers
    /// PIPELINING, and the caller allows it.
    pub const fn is_pipelining(&self) -> bool {
        self.session.is_pipelining()
    }

    /// Opens a transaction: MAIL, RCPT and DATA are answered, and the server waits for the body.
    ///
    /// # Errors
    /// A refusal by the server or by us, or a lost session; [`is_reusable`](Self::is_reusable)
    /// tells whether the next message may use this connection.
    pub async fn begin(&mut self, mail: Outgoing) -> Result<Transfer<'_, S>, Trouble> {
        Hold::new(self).begin(mail).await
    }

    /// Says QUIT when the session is idle, waits for the answer at most [`Timeouts::quit`], and
    /// closes.
    pub async fn quit(mut self) {
        if self.is_reusable() {
            self.session.quit();
            self.limit = Deadline::after(self.timeouts.quit);
            // Nothing depends on the answer.
            drop(self.advance().await);
        }
    }

    /// Has an envelope answered.
    pub(crate) async fn open_transaction(&mut self, mail: &Outgoing) -> Result<(), Trouble> {
        if let Some(trouble) = self.obstacle() {
            return Err(trouble);
        }
        self.session.begin(mail)?;
        self.await_go_ahead(mail).await
    }

    /// Waits for the replies to an envelope that is out, or about to be.
    pub(crate) async fn await_go_ahead(&mut self, mail: &Outgoing) -> Result<(), Trouble> {
        if self.session.is_closed() {
            return Err(Trouble::lost(Phase::Mail, Cause::ClosedIdle));
        }
        self.limit = Deadline::after(self.timeouts.message(mail.content.bytes()));
        match self.advance().await? {
            Event::GoAhead => Ok(()),
            event => unreachable!("{event:?} answers no envelope"),
        }
    }

    /// Writes what of this content need not wait for the gate.
    pub(crate) async fn send_body(&mut self, content: &Content) -> Result<(), Trouble> {
        let Some(wire) = &mut self.wire else {
            return Err(self.session.lost(Cause::Closed));
        };
        let session = &mut self.session;
        match write_body(wire, session, content, &self.timeouts, self.limit).await {
            Err(stop) => self.end(stop).await.map(drop),
            Ok(()) if self.session.is_expecting() && !self.session.is_pipelining() => {
                self.advance().await.map(drop)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Writes the terminator, and behind it the envelope of the next message, and waits for the
    /// reply to the terminator. Beside what became of the message stands why the envelope stayed
    /// behind.
    pub(crate) async fn dot(
        &mut self,
        content: &Content,
        next: Option<&Outgoing>,
    ) -> (Sent, Option<Trouble>) {
        let Some(wire) = &mut self.wire else {
            return (Sent::Unsent(self.session.lost(Cause::Closed)), None);
        };
        self.limit = Deadline::after(self.timeouts.dot);
        let session = &mut self.session;
        let (written, unsendable) =
            write_terminator(wire, session, content, next, self.limit).await;
        let result = match written {
            Ok(()) => self.advance().await,
            Err(stop) => self.end(stop).await,
        };
        let sent = match result {
            Ok(Event::Accepted(reply)) => Sent::Accepted(reply),
            Ok(event) => unreachable!("{event:?} answers no dot"),
            Err(trouble) => Sent::refused(trouble),
        };
        (sent, unsendable)
    }

    /// Whether the session stands, whatever is under way on it.
    pub(crate) fn is_open(&self) -> bool {
        self.wire.is_some() && !self.session.is_closed()
    }

    /// Closes the stream unless the session is between two messages.
    pub(crate) fn close_unless_idle(&mut self) {
        if !self.session.is_idle() {
            self.wire = None;
        }
    }

    /// Exchanges commands and replies until they come to something. Without a stream, what was read
    /// of it still counts.
    async fn advance(&mut self) -> Result<Event, Trouble> {
        let Some(wire) = &mut self.wire else {
            let event = self.session.step()?;
            return event.ok_or_else(|| self.session.lost(Cause::Closed));
        };
        match converse(wire, &mut self.session, &self.timeouts, self.limit).await {
            Ok(event) => Ok(event),
            Err(stop) => self.end(stop).await,
        }
    }

    /// Closes the stream when it is of no more use, or the session is over.
    async fn end(&mut self, stop: Stop) -> Result<Event, Trouble> {
        match (stop, &mut self.wire) {
            (Stop::Told(trouble), _) => {
                if self.session.is_closed() {
                    self.wire = None;
                }
                Err(trouble)
            }
            (Stop::Stream(cause), Some(wire)) => {
                let patience = self.timeouts.quit;
                let result = last_words(wire, &mut self.session, cause, patience).await;
                self.wire = None;
                result
            }
            (Stop::Stream(cause), None) => Err(self.session.lost(cause)),
        }
    }
}
