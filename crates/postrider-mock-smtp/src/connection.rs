//! The shell of one connection: reads, lets the dialogue decide, and carries its effects out.
//!
//! The order of carrying out is the invariant of the mock: records into the log and the ledger
//! first, then one write with all replies. A connection is recorded as closed before its last
//! reply leaves, so that whoever has read that reply and comes back is not counted twice.

pub(crate) mod link;
pub(crate) mod stream;
pub(crate) mod tls;

mod after;
mod arrival;
mod odd;
mod waiting;

use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::bounds::{HANDSHAKE_MAX, HOLD_MAX, IDLE_MAX, LINGER_BYTES_MAX, LINGER_MAX, READ_BYTES};
use crate::clock::micros;
use crate::connection::stream::{Stream, Transport};
use crate::dialogue::reply;
use crate::dialogue::{Dialogue, Effects, Handshake, Next, Times};
use crate::log::{Fault, FaultKind};
use crate::server::shared::Shared;
use crate::tally::Record;

use after::After421;
pub(crate) use arrival::{Caller, turn_away};
use arrival::{come_in, open};

/// What a wait for input ended with.
enum Input {
    Some,
    End,
    Idle,
    Stop,
}

/// Serves one client until one of both ends it.
pub(crate) async fn serve<S: Stream>(
    stream: S,
    caller: Caller,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let number = caller.number;
    let (entry, greeting) = come_in(&shared, caller.door.clone(), number).await;
    let now_us = shared.clock.now_us();
    let in_flight = shared.in_flight();
    let mut connection = Connection {
        number,
        stream: Transport::Plain(stream),
        shared,
        dialogue: Dialogue::new(entry, greeting, in_flight),
        input: BytesMut::with_capacity(READ_BYTES),
        arrived_at_us: now_us,
        ahead: (BytesMut::new(), now_us),
        effects: Effects::default(),
        stop,
        turns: 0,
        owes_turn: false,
        has_left: false,
    };
    let open = open(&caller, now_us);
    connection.effects.records.push(Record::Open(open));
    let served = connection.run(caller.is_secure).await;
    connection.leave();
    let shared = Arc::clone(&connection.shared);
    let recorded = shared.commit(&mut connection.effects.records).await;
    served.and(recorded)
}

struct Connection<S> {
    number: u64,
    stream: Transport<S>,
    shared: Arc<Shared>,
    dialogue: Dialogue,
    input: BytesMut,
    /// When the newest input was read.
    arrived_at_us: i64,
    /// What was read while a reply waited, and when; it is input when the rest is used up.
    ahead: (BytesMut, i64),
    effects: Effects,
    stop: watch::Receiver<bool>,
    /// Reads that followed a written reply: how often the client waited.
    turns: u64,
    /// Whether a reply was written since the last read.
    owes_turn: bool,
    /// Whether the end is recorded.
    has_left: bool,
}

impl<S: Stream> Connection<S> {
    async fn run(&mut self, is_secure: bool) -> io::Result<()> {
        if is_secure {
            self.secure().await?;
        }
        loop {
            if self.take_turns().await?.is_break() {
                return Ok(());
            }
            let last = match self.wait().await {
                Ok(Input::Some) => continue,
                Ok(Input::Idle) => reply::IDLE_TOO_LONG,
                Ok(Input::Stop) if self.dialogue.is_in_body() => return Ok(()),
                Ok(Input::Stop) => reply::SHUTTING_DOWN,
                Ok(Input::End) => {
                    self.record_fault(FaultKind::NoQuit, "the client left without QUIT");
                    return Ok(());
                }
                Err(error) => {
                    self.record_fault(FaultKind::NoQuit, "the connection broke");
                    return Err(error);
                }
            };
            self.effects.replies = self.shared.line(&last);
            return self.part().await;
        }
    }

    /// Lets the dialogue use up the input; a break means that the connection is over.
    async fn take_turns(&mut self) -> io::Result<ControlFlow<()>> {
        loop {
            let times = Times {
                arrived_at_us: self.arrived_at_us,
                now_us: self.shared.clock.now_us(),
            };
            match self
                .dialogue
                .advance(&mut self.input, times, &mut self.effects)
            {
                Next::Read => {
                    self.flush_all().await?;
                    return Ok(Continue(()));
                }
                Next::Wait { delay, held_from } => {
                    self.flush(held_from).await?;
                    self.wait_out(delay).await?;
                }
                Next::StartTls => {
                    self.flush_all().await?;
                    self.secure().await?;
                }
                Next::Odd { odd, from } => {
                    self.flush(from).await?;
                    self.owes_turn = true;
                    let normal = std::mem::take(&mut self.effects.replies);
                    let write =
                        odd::write(&mut self.stream, odd, &normal, self.dialogue.drip_rest());
                    if within(HOLD_MAX, write).await?.is_break() {
                        return self.hold().await;
                    }
                }
                Next::Hold => {
                    self.flush_all().await?;
                    return self.hold().await;
                }
                Next::Close | Next::Drop => {
                    self.part().await?;
                    return Ok(Break(()));
                }
                Next::Reset => {
                    self.leave();
                    self.flush_all().await?;
                    self.stream.end_with_reset()?;
                    return Ok(Break(()));
                }
            }
        }
    }

    /// A handshake, or the end of the connection.
    async fn secure(&mut self) -> io::Result<()> {
        let Handshake {
            certificate,
            is_broken,
        } = self.dialogue.handshake();
        let shared = Arc::clone(&self.shared);
        if is_broken {
            within(HANDSHAKE_MAX, self.stream.read_buf(&mut self.input)).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let handshake = self.stream.secure(shared.authority.acceptor(certificate));
        within(HANDSHAKE_MAX, handshake).await?;
        self.dialogue.secured();
        Ok(())
    }

    /// Records the end, once.
    fn leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true) {
            self.effects.records.append(&mut self.dialogue.unheard());
            let close = self.dialogue.leave(self.turns, self.shared.clock.now_us());
            self.effects.records.push(Record::Close(close));
        }
    }

    fn record_fault(&mut self, kind: FaultKind, detail: &str) {
        self.effects.records.push(Record::Fault(Fault {
            at_us: self.arrived_at_us,
            connection: self.number,
            kind,
            detail: detail.to_owned(),
        }));
    }

    async fn flush_all(&mut self) -> io::Result<()> {
        self.flush(self.effects.replies.len()).await
    }

    /// Commits all records, then writes the replies up to `end` in one call.
    async fn flush(&mut self, end: usize) -> io::Result<()> {
        self.shared.commit(&mut self.effects.records).await?;
        if end > 0 {
            let write = async {
                self.stream.write_all(&self.effects.replies[..end]).await?;
                self.stream.flush().await
            };
            within(IDLE_MAX, write).await?;
            self.effects.replies.drain(..end);
            self.owes_turn = true;
        }
        Ok(())
    }

    async fn wait(&mut self) -> io::Result<Input> {
        if !self.ahead.0.is_empty() {
            self.input.unsplit(std::mem::take(&mut self.ahead.0));
            self.arrived_at_us = self.ahead.1;
            return Ok(Input::Some);
        }
        self.input.reserve(READ_BYTES);
        let read = tokio::select! {
            read = timeout(IDLE_MAX, self.stream.read_buf(&mut self.input)) => read,
            // A sender that is gone means the same as a stop.
            _ = self.stop.wait_for(|is_stopped| *is_stopped) => return Ok(Input::Stop),
        };
        self.arrived_at_us = self.shared.clock.now_us();
        match read {
            Err(_) => Ok(Input::Idle),
            Ok(Ok(0)) => Ok(Input::End),
            Ok(Ok(_)) => {
                self.count_turn();
                Ok(Input::Some)
            }
            Ok(Err(error)) => Err(error),
        }
    }

    /// The last words, then the end of our side; then reads on for a while: closing with unread
    /// input would make the system send a reset, which can overtake the last reply. After a 421
    /// nothing but QUIT may come that was sent after it was read.
    async fn part(&mut self) -> io::Result<()> {
        let is_421 = after::ends_with_421(&self.effects.replies) && !self.dialogue.is_in_body();
        self.leave();
        self.flush_all().await?;
        self.stream.shutdown().await?;
        let in_flight = self.shared.in_flight();
        let known_at_us = self.shared.clock.now_us() + micros(in_flight);
        let mut watch = is_421.then(|| After421::new(known_at_us));
        let (until, mut bytes) = (Instant::now() + LINGER_MAX + in_flight, 0);
        loop {
            bytes += self.input.len();
            let is_fault = (watch.as_mut())
                .is_some_and(|watch| watch.is_told_on(&self.input, self.arrived_at_us));
            if is_fault {
                watch = None;
                self.record_fault(FaultKind::CommandAfter421, "a command after a 421");
                self.flush(0).await?;
            }
            self.input.clear();
            self.input.reserve(READ_BYTES);
            let read = timeout_at(until, self.stream.read_buf(&mut self.input)).await;
            self.arrived_at_us = self.shared.clock.now_us();
            if bytes > LINGER_BYTES_MAX || !matches!(read, Ok(Ok(1..))) {
                return Ok(());
            }
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(limit, work).await.map_err(late)?
}

#[cfg(test)]
mod tests;
