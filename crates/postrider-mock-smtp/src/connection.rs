//! The shell of one connection: reads, lets the dialogue decide, and carries its effects out.
//!
//! The order of carrying out is the invariant of the mock: records into the log and the ledger
//! first, then one write with all replies.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::bounds::{IDLE_MAX, LINGER_BYTES_MAX, LINGER_MAX, READ_BYTES};
use crate::clock::Clock;
use crate::dialogue::{Dialogue, Effects, Next, Times};
use crate::log::{self, Log};
use crate::profile::Keyword;
use crate::reply::{self, Reply};
use crate::tally::{Ledger, Record};
use crate::world::{World, locked};

/// What every connection of a server has in hand.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: Arc<World>,
    pub(crate) clock: Clock,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) log: Option<Log>,
    /// Whether the times of MAIL commands are kept, and logged.
    pub(crate) is_recording_mails: bool,
}

impl Shared {
    /// Returns when the records are in the log and in the ledger.
    async fn commit(&self, records: &mut Vec<Record>) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(log) = &self.log {
            let lines = log::lines(records, self.is_recording_mails);
            if !lines.is_empty() {
                let closed = |_| io::Error::other("the accept log is closed");
                log.append(lines).await.map_err(closed)?;
            }
        }
        let mut ledger = locked(&self.ledger);
        records
            .drain(..)
            .for_each(|record| ledger.count(&record, self.is_recording_mails));
        Ok(())
    }

    fn line(&self, reply: &Reply) -> Vec<u8> {
        let mut out = Vec::new();
        reply.write(
            &mut out,
            self.world.profile.offers(Keyword::EnhancedStatusCodes),
        );
        out
    }
}

/// What a wait for input ended with.
enum Input {
    Some,
    End,
    Idle,
    Stop,
}

/// Serves one client until one of both ends it.
pub(crate) async fn serve<S>(
    stream: S,
    number: u64,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let dialogue = Dialogue::new(Arc::clone(&shared.world), number);
    let mut connection = Connection {
        stream,
        shared,
        dialogue,
        input: BytesMut::with_capacity(READ_BYTES),
        arrived_at_us: 0,
        effects: Effects::default(),
    };
    connection.greet().await?;
    loop {
        if connection.take_turns().await?.is_break() {
            return Ok(());
        }
        let last = match connection.wait(&mut stop).await? {
            Input::Some => continue,
            Input::End => return Ok(()),
            Input::Idle => reply::IDLE_TOO_LONG,
            Input::Stop if connection.dialogue.is_in_body() => return Ok(()),
            Input::Stop => reply::SHUTTING_DOWN,
        };
        connection.effects.replies = connection.shared.line(&last);
        connection.flush_all().await?;
        return connection.stream.shutdown().await;
    }
}

/// Tells a client that there is no room, and closes.
pub(crate) async fn turn_away<S>(mut stream: S, shared: &Shared) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream
        .write_all(&shared.line(&reply::OVER_CONNECTIONS))
        .await?;
    linger(&mut stream).await
}

struct Connection<S> {
    stream: S,
    shared: Arc<Shared>,
    dialogue: Dialogue,
    input: BytesMut,
    /// When the newest input was read.
    arrived_at_us: i64,
    effects: Effects,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn greet(&mut self) -> io::Result<()> {
        let hostname = &self.shared.world.profile.hostname;
        self.effects.replies = format!("220 {hostname} ESMTP\r\n").into_bytes();
        self.flush_all().await
    }

    /// Lets the dialogue use up the input; a break means that the connection is over.
    async fn take_turns(&mut self) -> io::Result<std::ops::ControlFlow<()>> {
        use std::ops::ControlFlow::{Break, Continue};
        loop {
            let now_us = self.shared.clock.now_us();
            let times = Times {
                arrived_at_us: self.arrived_at_us,
                now_us,
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
                    tokio::time::sleep(delay).await;
                }
                Next::Close => {
                    self.flush_all().await?;
                    self.linger().await?;
                    return Ok(Break(()));
                }
                Next::Drop => {
                    self.flush_all().await?;
                    return Ok(Break(()));
                }
            }
        }
    }

    async fn flush_all(&mut self) -> io::Result<()> {
        self.flush(self.effects.replies.len()).await
    }

    /// Commits all records, then writes the replies up to `end` in one call.
    async fn flush(&mut self, end: usize) -> io::Result<()> {
        self.shared.commit(&mut self.effects.records).await?;
        if end > 0 {
            let write = self.stream.write_all(&self.effects.replies[..end]);
            within(IDLE_MAX, write).await?;
            self.effects.replies.drain(..end);
        }
        Ok(())
    }

    async fn wait(&mut self, stop: &mut watch::Receiver<bool>) -> io::Result<Input> {
        self.input.reserve(READ_BYTES);
        let read = tokio::select! {
            read = timeout(IDLE_MAX, self.stream.read_buf(&mut self.input)) => read,
            // A sender that is gone means the same as a stop.
            _ = stop.wait_for(|is_stopped| *is_stopped) => return Ok(Input::Stop),
        };
        self.arrived_at_us = self.shared.clock.now_us();
        match read {
            Err(_) => Ok(Input::Idle),
            Ok(Ok(0)) => Ok(Input::End),
            Ok(Ok(_)) => Ok(Input::Some),
            Ok(Err(error)) => Err(error),
        }
    }

    async fn linger(&mut self) -> io::Result<()> {
        linger(&mut self.stream).await
    }
}

/// Closes our side and reads on for a while: closing with unread input would make the system send
/// a reset, which can overtake the last reply.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES_MAX as u64);
    within(
        LINGER_MAX,
        tokio::io::copy(&mut rest, &mut tokio::io::sink()),
    )
    .await?;
    Ok(())
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(limit, work).await.map_err(late)?
}

#[cfg(test)]
mod tests;
