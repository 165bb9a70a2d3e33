//! A session over a stream: the shell that carries out what the dialogue asks for.
//!
//! Every wait has the deadline of its phase. When trouble ends the session, the stream is closed at
//! once; a connection that was dropped half way through a future is not idle, and never used again.

use std::time::Duration;

use postrider_types::Phase;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::body::{hear_early, write_body};
use crate::content::Content;
use crate::dialogue::{Dialogue, Step};
use crate::ehlo::Capabilities;
use crate::envelope::{ClientName, Envelope};
use crate::gate::{AtGate, Sent};
use crate::timeouts::Timeouts;
use crate::trouble::{Cause, Trouble};
use crate::wire::Wire;

/// One session, open or already over.
#[derive(Debug)]
pub struct Connection<S> {
    /// `None` once the session is over.
    wire: Option<Wire<S>>,
    dialogue: Dialogue,
    timeouts: Timeouts,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Waits for the greeting and introduces us: EHLO, or HELO when EHLO is refused.
    ///
    /// # Errors
    /// Transient trouble with the site.
    pub async fn open(stream: S, name: ClientName, timeouts: Timeouts) -> Result<Self, Trouble> {
        let mut connection = Self {
            wire: Some(Wire::new(stream)),
            dialogue: Dialogue::new(name),
            timeouts,
        };
        connection.advance().await?;
        Ok(connection)
    }

    /// What the server offered at EHLO.
    pub const fn capabilities(&self) -> &Capabilities {
        self.dialogue.capabilities()
    }

    /// Whether another message may be sent: the session is idle, and the server has neither
    /// closed it nor said anything unasked. Looks at the stream without waiting.
    pub fn is_reusable(&mut self) -> bool {
        let is_silent = self
            .wire
            .as_mut()
            .is_some_and(|wire| wire.glimpse().is_none());
        let is_reusable = is_silent && self.dialogue.is_idle();
        if !is_reusable {
            self.wire = None;
        }
        is_reusable
    }

    /// Sends a message up to the gate: everything but its terminator. Nothing is accepted before
    /// [`AtGate::dot`], and whatever fails here is known not to have been sent.
    ///
    /// # Errors
    /// A refusal by the server or by us, or a lost session; [`is_reusable`](Self::is_reusable)
    /// tells whether the next message may use this connection.
    pub async fn transmit(
        &mut self,
        envelope: &Envelope,
        content: &Content,
    ) -> Result<AtGate<'_, S>, Trouble> {
        if !self.is_reusable() {
            // Whatever was left undone here was another message's.
            return Err(Trouble::lost(Phase::Mail, Cause::ClosedIdle));
        }
        self.dialogue.begin(envelope, content)?;
        self.advance().await?;
        self.send_body(content).await?;
        Ok(AtGate::new(self))
    }

    /// Says QUIT when the session is idle, waits for the answer at most [`Timeouts::quit`], and
    /// closes.
    pub async fn quit(mut self) {
        if self.is_reusable() && self.dialogue.quit().is_ok() {
            // Nothing depends on the answer.
            drop(self.advance().await);
        }
    }

    /// The terminator and its reply.
    pub(crate) async fn dot(&mut self) -> Sent {
        if let Err(trouble) = self.look_at_gate() {
            return match trouble.reply() {
                Some(reply) if reply.code >= 400 => Sent::Refused(trouble),
                _ => Sent::Unsent(trouble),
            };
        }
        self.dialogue.end_message();
        match self.advance().await {
            Ok(Step::Accepted(reply)) => Sent::Accepted(reply),
            Ok(step) => unreachable!("{step:?} does not follow a dot"),
            Err(trouble) if trouble.is_in_doubt() => Sent::InDoubt(trouble),
            Err(trouble) => Sent::Refused(trouble),
        }
    }

    /// Closes the stream unless the session is between two messages.
    pub(crate) fn close_unless_idle(&mut self) {
        if !self.dialogue.is_idle() {
            self.wire = None;
        }
    }

    /// Exchanges commands and replies until the dialogue stands or the body is due.
    async fn advance(&mut self) -> Result<Step, Trouble> {
        loop {
            let allowance = self.timeouts.of(self.dialogue.phase());
            let Some(wire) = &mut self.wire else {
                return Err(self.dialogue.lost(Cause::Closed));
            };
            let result = timeout(allowance, exchange(wire, &mut self.dialogue)).await;
            let step = self.settle_within(allowance, result)?;
            if !matches!(step, Step::Command) {
                return Ok(step);
            }
        }
    }

    async fn send_body(&mut self, content: &Content) -> Result<(), Trouble> {
        let allowance = self.timeouts.body(content.bytes());
        let Some(wire) = &mut self.wire else {
            return Err(self.dialogue.lost(Cause::Closed));
        };
        let body = write_body(wire, &mut self.dialogue, content, &self.timeouts);
        let result = timeout(allowance, body).await;
        self.settle_within(allowance, result)
    }

    /// What the server has said since the body was written, without waiting. Silence is the only
    /// thing that lets a terminator through.
    fn look_at_gate(&mut self) -> Result<(), Trouble> {
        let Some(wire) = &mut self.wire else {
            return Err(self.dialogue.lost(Cause::Closed));
        };
        let mut result = Ok(());
        while let (Ok(()), Some(heard)) = (&result, wire.glimpse()) {
            result = hear_early(&mut self.dialogue, heard);
        }
        if result.is_ok() && self.dialogue.has_unread() {
            result = Err(self.dialogue.lost(Cause::OutOfPlace));
        }
        self.settle(result)
    }

    /// Makes a missed deadline trouble.
    fn settle_within<T>(
        &mut self,
        allowance: Duration,
        result: Result<Result<T, Trouble>, Elapsed>,
    ) -> Result<T, Trouble> {
        let result = result.unwrap_or_else(|_| Err(self.dialogue.lost(Cause::Deadline(allowance))));
        self.settle(result)
    }

    /// Closes the stream when trouble ends the session.
    fn settle<T>(&mut self, result: Result<T, Trouble>) -> Result<T, Trouble> {
        result.inspect_err(|trouble| {
            if trouble.closes_session() {
                self.wire = None;
            }
        })
    }
}

/// Writes the command that is due and reads until its reply is complete.
async fn exchange<S>(wire: &mut Wire<S>, dialogue: &mut Dialogue) -> Result<Step, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let command = dialogue.take_command();
    if let Err(error) = wire.write(&command).await {
        return Err(dialogue.lost(Cause::from(error)));
    }
    loop {
        if let Some(step) = dialogue.step()? {
            return Ok(step);
        }
        match wire.read().await {
            Ok([]) => return Err(dialogue.lost(Cause::Closed)),
            Ok(bytes) => dialogue.receive(bytes),
            Err(error) => return Err(dialogue.lost(Cause::from(error))),
        }
    }
}
