//! The line between a client and a [`Receiver`]: it counts flights, hands replies over in pieces,
//! and can be cut after any octet in either direction.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::receiver::Receiver;

/// What the client learns of a line that is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads end, writes fail: the peer is known to be gone.
    Loud,
    /// Reads end, writes go nowhere: a close whose reset has not come yet.
    Half,
    /// Reads never end, writes fail.
    Mute,
    /// What the server had said before arrives, then reads end; writes fail.
    Late,
}

pub(crate) const MANNERS: [Manner; 4] = [Manner::Loud, Manner::Half, Manner::Mute, Manner::Late];

/// Both ends and what lies between them.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) receiver: Receiver,
    pub(crate) manner: Manner,
    /// Octets that may still be read and written.
    pub(crate) read_left: usize,
    pub(crate) write_left: usize,
    /// Octets that one read gives; the first of them, over and over.
    pub(crate) pieces: Vec<usize>,
    /// How often the client has waited for the server to say something.
    pub(crate) flights: usize,
    /// How often the client has written.
    pub(crate) writes: usize,
    /// Octets read.
    pub(crate) read: usize,
    /// Octets written.
    written: usize,
    /// Octets of which the client cannot know that they were not written.
    pub(crate) handed: usize,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

/// The client's end.
#[derive(Debug, Clone)]
pub(crate) struct Stream(Arc<Mutex<Line>>);

impl Stream {
    /// A line to this server that is never cut.
    pub(crate) fn new(mut receiver: Receiver) -> Self {
        Self(Arc::new(Mutex::new(Line {
            to_client: receiver.greeting(),
            receiver,
            manner: Manner::Loud,
            read_left: usize::MAX,
            write_left: usize::MAX,
            pieces: vec![usize::MAX],
            flights: 0,
            writes: 0,
            read: 0,
            written: 0,
            handed: 0,
            to_server: Vec::new(),
        })))
    }

    /// The line, with everything that was written delivered.
    pub(crate) fn line(&self) -> MutexGuard<'_, Line> {
        let mut line = self.0.lock().unwrap();
        line.deliver();
        line
    }
}

impl Line {
    fn is_cut(&self) -> bool {
        self.read_left == 0 || self.write_left == 0
    }

    fn deliver(&mut self) {
        let replies = self.receiver.hear(&std::mem::take(&mut self.to_server));
        self.to_client.extend_from_slice(&replies);
    }

    fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.write_left);
        self.to_server.extend_from_slice(&bytes[..taken]);
        self.write_left -= taken;
        self.written += taken;
        taken
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut line = self.0.lock().unwrap();
        let is_late = line.manner == Manner::Late && line.read_left > 0;
        if line.is_cut() && !is_late {
            return match line.manner {
                Manner::Mute => Poll::Pending,
                _ => Poll::Ready(Ok(())),
            };
        }
        if line.to_client.is_empty() {
            line.deliver();
            line.flights += usize::from(!line.to_client.is_empty());
        }
        if line.to_client.is_empty() {
            return if is_late && line.is_cut() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            };
        }
        line.pieces.rotate_left(1);
        let piece = line.pieces.last().copied().unwrap_or(usize::MAX).max(1);
        let octets = piece.min(line.to_client.len()).min(line.read_left);
        let octets = octets.min(buffer.remaining());
        buffer.put_slice(&line.to_client[..octets]);
        line.to_client.drain(..octets);
        line.read += octets;
        line.read_left -= octets;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut line = self.0.lock().unwrap();
        let octets: usize = slices.iter().map(|slice| slice.len()).sum();
        line.writes += 1;
        if !line.is_cut() {
            let taken = slices.iter().map(|slice| line.take(slice)).sum();
            line.handed = line.handed.max(line.written);
            return Poll::Ready(Ok(taken));
        }
        line.handed = line.handed.max(line.written + octets);
        Poll::Ready(match line.manner {
            Manner::Half => {
                line.written += octets;
                Ok(octets)
            }
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
