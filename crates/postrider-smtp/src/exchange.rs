//! The shell of a session: it writes what is due, listens all the while, and keeps the deadlines.
//!
//! Whatever is written, the server is listened to at the same time. One that talks while we write
//! must not wait for us to listen, or both wait for ever (RFC 2920 §3.1); and one that gives up on a
//! message says why before it closes. A deadline is for a whole exchange: it begins anew with every
//! reply that is complete, and never with a single read.

use std::io::{self, IoSlice};
use std::time::Duration;

use postrider_failpoint::FailPoint;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::deadline::Deadline;
use crate::session::{Event, Session};
use crate::timeouts::Timeouts;
use crate::trouble::{Cause, Trouble};
use crate::wire::{Turn, Wire};

/// Slices given to one vectored write.
const SLICES_MAX: usize = 64;

/// Writes the commands that are due and reads, until the replies come to something. `limit` is the
/// deadline of all of it, whatever the phases allow.
pub(crate) async fn converse<S>(
    wire: &mut Wire<S>,
    session: &mut Session,
    timeouts: &Timeouts,
    limit: Deadline,
) -> Result<Event, Stop>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut replies = session.replies();
    let mut deadline = limit.min(Deadline::after(timeouts.of(session.phase())));
    loop {
        if !session.has_output()
            && let Some(event) = session.step().map_err(Stop::Told)?
        {
            return Ok(event);
        }
        if session.replies() != replies {
            replies = session.replies();
            deadline = limit.min(Deadline::after(timeouts.of(session.phase())));
        }
        if session.has_output() {
            let output = session.take_output();
            let slices = std::iter::once(output.as_slice());
            let mut writing = Writing::of_commands(deadline);
            writing.write(wire, session, slices).await?;
            session.recycle(output);
        } else {
            let heard = deadline.bound(wire.read()).await.map_err(Stop::Stream)?;
            take(session, heard)?;
        }
    }
}

/// Why an exchange does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The stream is of no more use.
    Stream(Cause),
    /// The server has said what is the matter.
    Told(Trouble),
}

/// Takes what was read.
///
/// # Errors
/// The stream is at its end, or failed.
fn take(session: &mut Session, heard: io::Result<&[u8]>) -> Result<(), Stop> {
    match heard {
        Ok([]) => Err(Stop::Stream(Cause::Closed)),
        Ok(bytes) => {
            session.receive(bytes);
            Ok(())
        }
        Err(error) => Err(Stop::Stream(Cause::from(error))),
    }
}

/// The stream is of no more use. What the server has said still counts; and where the stream
/// failed, so does what it may have said before that: it is worth more than a broken pipe.
/// Replies behind the one that decides stay for the next envelope.
pub(crate) async fn last_words<S>(
    wire: &mut Wire<S>,
    session: &mut Session,
    cause: Cause,
    patience: Duration,
) -> Result<Event, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // What was not written is not asked.
    drop(session.take_output());
    let is_worth_waiting = matches!(cause, Cause::Io(_));
    let listen = async {
        loop {
            if let Some(event) = session.step()? {
                return Ok(Some(event));
            }
            if !is_worth_waiting {
                return Ok(None);
            }
            match wire.read().await {
                Ok([]) | Err(_) => return Ok(None),
                Ok(bytes) => session.receive(bytes),
            }
        }
    };
    match timeout(patience, listen).await.unwrap_or(Ok(None)) {
        Ok(Some(event @ Event::Accepted(_))) => Ok(event),
        // Nothing else can be made use of without a stream.
        Ok(_) => Err(session.lost(cause)),
        Err(trouble) => Err(trouble),
    }
}

/// A write under way.
pub(crate) struct Writing {
    deadline: Deadline,
    /// Every octet that is taken moves the deadline by this much, up to the limit.
    block: Option<(Duration, Deadline)>,
    /// The terminator is out when so many octets are taken.
    terminator: Option<Terminator>,
    taken: usize,
}

/// Where in a write the terminator lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminator {
    /// So many octets make the message one that may have been accepted.
    pub(crate) octets: usize,
    /// An envelope follows it.
    pub(crate) has_envelope: bool,
}

impl Writing {
    /// Commands, which share the deadline of their replies.
    pub(crate) const fn of_commands(deadline: Deadline) -> Self {
        Self {
            deadline,
            block: None,
            terminator: None,
            taken: 0,
        }
    }

    /// A body: each block must make progress, and all of it must be over at the limit.
    pub(crate) fn of_body(block: Duration, limit: Deadline) -> Self {
        Self {
            deadline: Deadline::after(block).min(limit),
            block: Some((block, limit)),
            terminator: None,
            taken: 0,
        }
    }

    /// The terminator, and what leaves with it.
    pub(crate) const fn of_terminator(deadline: Deadline, terminator: Terminator) -> Self {
        Self {
            deadline,
            block: None,
            terminator: Some(terminator),
            taken: 0,
        }
    }

    /// Writes and flushes all of these slices.
    ///
    /// # Errors
    /// See [`Stop`].
    pub(crate) async fn write<'a, S>(
        &mut self,
        wire: &mut Wire<S>,
        session: &mut Session,
        slices: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Stop>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.hear(session)?;
        let mut slices = slices.filter(|slice| !slice.is_empty());
        loop {
            let mut batch = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (place, slice) in batch.iter_mut().zip(&mut slices) {
                *place = IoSlice::new(slice);
                count += 1;
            }
            // Without slices it is the flush.
            self.write_batch(wire, session, &mut batch[..count]).await?;
            if count == 0 {
                return Ok(());
            }
        }
    }

    async fn write_batch<S>(
        &mut self,
        wire: &mut Wire<S>,
        session: &mut Session,
        mut slices: &mut [IoSlice<'_>],
    ) -> Result<(), Stop>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let turn = self.deadline.bound(wire.write_or_read(slices)).await;
            match turn.map_err(Stop::Stream)? {
                Turn::Wrote(Ok(bytes)) if bytes > 0 || slices.is_empty() => {
                    self.progress(session, bytes);
                    IoSlice::advance_slices(&mut slices, bytes);
                    if slices.is_empty() {
                        return Ok(());
                    }
                }
                Turn::Wrote(result) => {
                    // Nobody knows how much of it left.
                    let offered: usize = slices.iter().map(|slice| slice.len()).sum();
                    self.progress(session, offered);
                    let error = result.err();
                    let error = error.unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                    return Err(Stop::Stream(Cause::from(error)));
                }
                // Talking is not taking: the deadline stays.
                Turn::Heard(heard) => {
                    take(session, heard)?;
                    self.hear(session)?;
                }
            }
        }
    }

    /// So many more octets were taken.
    fn progress(&mut self, session: &mut Session, octets: usize) {
        self.taken += octets;
        if let Some((block, limit)) = self.block {
            self.deadline = limit.min(Deadline::after(block));
            FailPoint::MidBody.reached();
        }
        let is_out = |terminator: &mut Terminator| self.taken >= terminator.octets;
        if let Some(terminator) = self.terminator.take_if(is_out) {
            session.dot_is_out(terminator.has_envelope);
            FailPoint::AfterDot.reached();
        }
    }

    /// Looks at what the server says before it was given the whole message. Of commands, the
    /// replies wait until all are written.
    fn hear(&self, session: &mut Session) -> Result<(), Stop> {
        if !session.is_in_body() {
            return Ok(());
        }
        while session.step().map_err(Stop::Told)?.is_some() {}
        // Half a reply in mid-body may become a reason; at the gate it is reason enough.
        if self.terminator.is_some() && session.has_unread() && !session.is_expecting() {
            return Err(Stop::Told(session.lost(Cause::OutOfPlace)));
        }
        Ok(())
    }
}
