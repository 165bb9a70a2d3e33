//! One task for each connection: renders, transmits, and stops at the gate.
//!
//! A courier knows the message that it carries and at most the next, and decides nothing. The
//! terminator is written only when the shell says so, which it does only when the core has seen
//! the begin recorded; with it the shell may hand over the connection's next message. That one is
//! rendered then, so that the terminator and the next envelope are one write.
//!
//! While the begin of a small message is recorded, its body is being written. Whatever becomes of
//! that is told after the answer to the begin, so that the core never hears of the end of a
//! message whose begin is on the way.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use postrider_failpoint::FailPoint;
use postrider_smtp::site::Target;
use postrider_smtp::stream::Stream;
use postrider_smtp::{
    AtGate, Cause, Connection, Extensions, Following, Outgoing, Sent, Transfer, Trouble,
};
use postrider_types::{Phase, Timestamp};
use tokio::sync::mpsc;

use crate::bounds::EARLY_BEGIN_BYTES_MAX;
use crate::clock::{Clock, SystemClock};
use crate::compose::Composer;
use crate::core::{ConnectionId, End, Event, Job, Offer};
use crate::places::Place;
use crate::rehydrate::Body;
use crate::settings::{NextHop, RouteSettings};

/// What the shell tells a courier.
#[derive(Debug)]
pub(crate) enum Command {
    /// Render and transmit up to the gate.
    Transmit(Job, Arc<Body>),
    /// Write the terminator.
    Dot {
        /// The first instant that is too late for it: then another may have the lease.
        until: Timestamp,
        /// Whose envelope goes behind it.
        next: Option<(Job, Arc<Body>)>,
    },
    /// Close without the terminator.
    Abandon,
    /// Say goodbye.
    Quit,
}

/// One connection of the route.
pub(crate) struct Courier {
    /// Its number.
    pub(crate) connection: ConnectionId,
    /// What it may use of what the server offers, as far as the route allows it too.
    pub(crate) allowed: Extensions,
    /// By which route.
    pub(crate) route: Arc<RouteSettings>,
    /// Where it goes; `None` is to the relays of the route.
    pub(crate) target: Option<Arc<Target>>,
    /// Tells whether it is too late for a dot.
    pub(crate) clock: SystemClock,
    /// Makes its messages.
    pub(crate) composer: Composer,
    /// What it is told; at most a few commands wait (`COMMANDS_WAITING_MAX`).
    pub(crate) commands: mpsc::Receiver<Command>,
    /// What it tells.
    pub(crate) events: mpsc::Sender<Event>,
}

/// What is behind a message whose dot is answered.
enum Behind<'a> {
    /// Nothing: the dot went alone.
    Nothing,
    /// An envelope that went along.
    Envelope(Following<'a, Stream>),
    /// A message that the shell handed over, and that ends like this: nothing was written of it.
    Unwritten(End),
}

impl Courier {
    /// Connects, and carries messages until it is told to quit or the connection is lost.
    /// With a `place` to wait for, it connects only when it has one.
    pub(crate) async fn run(mut self, place: Option<BoxFuture<'static, Place>>) {
        let connection = self.connection;
        // Given back when this returns, which is after the session was closed.
        let _place = match place {
            None => None,
            Some(place) => tokio::select! {
                place = place => Some(place),
                _ = self.commands.recv() => return self.tell(Event::Closed(connection)).await,
            },
        };
        let opened = tokio::select! {
            opened = open(&self.route, self.target.as_deref(), self.allowed) => opened,
            // To a connection that is not open yet the only word is goodbye.
            _ = self.commands.recv() => return self.tell(Event::Closed(connection)).await,
        };
        let mut session = match opened {
            Ok(session) => session,
            Err(trouble) => return self.tell(Event::ConnectFailed(connection, trouble)).await,
        };
        let is_pipelining = session.is_pipelining();
        let mail_max = session.capabilities().mail_max;
        let mut in_use = session.extensions();
        self.tell(Event::Connected {
            connection,
            is_pipelining,
            mail_max,
        })
        .await;
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Transmit(job, body) => {
                    let end = self.carry(&mut session, &job, &body).await;
                    // Told before the end, so that a message that goes again finds it known.
                    let before = std::mem::replace(&mut in_use, session.extensions());
                    for offer in broken(before, in_use) {
                        self.tell(Event::OfferBroken(connection, offer)).await;
                    }
                    let is_reusable = session.is_reusable();
                    self.tell_end(end, is_reusable).await;
                    if !is_reusable {
                        return;
                    }
                }
                Command::Quit => {
                    session.quit().await;
                    return self.tell(Event::Closed(connection)).await;
                }
                Command::Dot { .. } | Command::Abandon => {
                    debug_assert!(false, "a dot without a message at the gate");
                }
            }
        }
    }

    /// One message, from its variables to the reply to its dot, and all that go along behind it;
    /// how the last of them ended.
    async fn carry(&mut self, session: &mut Connection<Stream>, job: &Job, body: &Body) -> End {
        let mail = match self.compose(job, body) {
            Ok(mail) => mail,
            Err(end) => return end,
        };
        let mut opened = session.begin(mail).await;
        loop {
            let transfer = match opened {
                Ok(transfer) => transfer,
                Err(trouble) => return End::Refused(trouble),
            };
            FailPoint::AfterRcpt.reached();
            let (end, behind) = self.finish(transfer).await;
            match behind {
                Behind::Nothing => return end,
                Behind::Unwritten(next) => {
                    self.tell_end(end, true).await;
                    return next;
                }
                Behind::Envelope(following) => opened = self.open(end, following).await,
            }
        }
    }

    /// Tells how a message ended, and waits for the replies to the envelope behind it. Mostly they
    /// have come together with the reply to the dot: they are looked at first, so that the core
    /// hears of this end and of the next gate in one turn.
    async fn open<'a>(
        &self,
        end: End,
        following: Following<'a, Stream>,
    ) -> Result<Transfer<'a, Stream>, Trouble> {
        let mut opening = std::pin::pin!(following.open());
        let opened = tokio::select! {
            biased;
            opened = &mut opening => Some(opened),
            () = std::future::ready(()) => None,
        };
        self.tell_end(end, true).await;
        match opened {
            Some(opened) => opened,
            None => opening.await,
        }
    }

    /// The rest of a message whose envelope was accepted.
    async fn finish<'a>(&mut self, transfer: Transfer<'a, Stream>) -> (End, Behind<'a>) {
        let is_small = transfer.content_bytes() <= EARLY_BEGIN_BYTES_MAX;
        let (gate, command) = if is_small {
            self.tell(Event::AtGate(self.connection)).await;
            self.write_while_beginning(transfer).await
        } else {
            match transfer.send_body().await {
                Ok(gate) => {
                    self.tell(Event::AtGate(self.connection)).await;
                    (Ok(gate), self.commands.recv().await)
                }
                Err(trouble) => return (End::Refused(trouble), Behind::Nothing),
            }
        };
        match (gate, command) {
            (Ok(gate), Some(Command::Dot { until, next })) => self.dot(gate, until, next).await,
            (Err(trouble), Some(Command::Dot { next, .. })) => {
                (unsent(trouble), behind_nothing(next.is_some()))
            }
            // The gate is dropped with it, and that closes the connection.
            _ => (End::Abandoned, Behind::Nothing),
        }
    }

    /// Writes a body while its begin is being recorded. A begin that is refused meanwhile ends the
    /// writing.
    async fn write_while_beginning<'a>(
        &mut self,
        transfer: Transfer<'a, Stream>,
    ) -> (Result<AtGate<'a, Stream>, Trouble>, Option<Command>) {
        let mut writing = std::pin::pin!(transfer.send_body());
        tokio::select! {
            biased;
            gate = &mut writing => (gate, self.commands.recv().await),
            command = self.commands.recv() => match command {
                Some(dot @ Command::Dot { .. }) => (writing.await, Some(dot)),
                other => (Err(ended_before()), other),
            },
        }
    }

    /// The terminator, alone or with the envelope of the next message.
    ///
    /// The core has looked at the lease, but a process that was stopped since may be here long
    /// after that. So the clock is looked at once more, right before the write.
    async fn dot<'a>(
        &self,
        gate: AtGate<'a, Stream>,
        until: Timestamp,
        next: Option<(Job, Arc<Body>)>,
    ) -> (End, Behind<'a>) {
        let next = next.map(|(job, body)| self.compose(&job, &body));
        FailPoint::AtDot.reached();
        if self.clock.now() >= until {
            // The gate is dropped with it, and that closes the connection.
            return (End::Abandoned, behind_nothing(next.is_some()));
        }
        match next {
            None => (end_of(gate.dot().await), Behind::Nothing),
            Some(Err(end)) => (end_of(gate.dot().await), Behind::Unwritten(end)),
            Some(Ok(mail)) => {
                let (sent, following) = gate.dot_with(mail).await;
                (end_of(sent), Behind::Envelope(following))
            }
        }
    }

    fn compose(&self, job: &Job, body: &Body) -> Result<Outgoing, End> {
        let composed = self.composer.compose(self.connection, job, body);
        let (envelope, content) = composed.map_err(End::Unbuildable)?;
        Ok(Outgoing { envelope, content })
    }

    async fn tell_end(&self, end: End, is_reusable: bool) {
        let connection = self.connection;
        self.tell(Event::Ended {
            connection,
            end,
            is_reusable,
        })
        .await;
    }

    async fn tell(&self, event: Event) {
        // Nobody listens any more when the pipeline was dropped.
        drop(self.events.send(event).await);
    }
}

/// What a session stopped to use, because the server refused what it offers.
fn broken(before: Extensions, after: Extensions) -> impl Iterator<Item = Offer> {
    let size = (before.size && !after.size).then_some(Offer::Size);
    let chunks = (before.chunking && !after.chunking).then_some(Offer::Chunks);
    size.into_iter().chain(chunks)
}

fn end_of(sent: Sent) -> End {
    match sent {
        Sent::Accepted(reply) => End::Accepted(reply),
        Sent::Refused(trouble) => End::Refused(trouble),
        Sent::Unsent(trouble) => unsent(trouble),
        Sent::InDoubt(trouble) => End::InDoubt(trouble),
    }
}

/// A begun message whose terminator was not written: the server refused it, or said what means
/// nothing here, which is no better; or it was lost.
fn unsent(trouble: Trouble) -> End {
    let is_refused = trouble.reply().is_some_and(|reply| reply.code >= 400);
    if is_refused || trouble.is_out_of_step() {
        End::Refused(trouble)
    } else {
        End::Unsent(trouble)
    }
}

/// Behind a message whose dot was never written: the next one, if there is any, was not either.
fn behind_nothing<'a>(is_next: bool) -> Behind<'a> {
    match is_next {
        true => Behind::Unwritten(End::Refused(ended_before())),
        false => Behind::Nothing,
    }
}

/// The session ended before this message had anything to do with it.
fn ended_before() -> Trouble {
    Trouble::lost(Phase::Mail, Cause::ClosedIdle)
}

/// Opens a session by a route; without a target, to its relays.
async fn open(
    route: &RouteSettings,
    target: Option<&Target>,
    allowed: Extensions,
) -> Result<Connection<Stream>, Trouble> {
    let session = match (target, &route.next_hop) {
        (Some(target), _) => route.dialer.dial(target).await?,
        (None, NextHop::Relays(relays)) => route.dialer.dial(&relays.target().await?).await?,
        (None, NextHop::Mx(_)) => unreachable!("the core knows the hosts of whom it dials"),
    };
    Ok(session.with_extensions(route.extensions.and(allowed)))
}

#[cfg(test)]
mod tests;
