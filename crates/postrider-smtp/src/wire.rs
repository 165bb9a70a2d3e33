//! A stream and its read buffer: whole writes, single reads, and both at once.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::unconstrained;

/// Bytes read at once; most replies are far smaller.
const READ_BYTES: usize = 4 * 1024;

/// What came first while something was being written.
pub(crate) enum Turn<'a> {
    /// So many bytes were taken.
    Wrote(io::Result<usize>),
    /// The server spoke; nothing when it closed its side.
    Heard(io::Result<&'a [u8]>),
}

/// The only owner of a session's stream. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    buffer: Box<[u8]>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
        }
    }

    /// The stream alone; what was read of it and not used is forgotten.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Writes and flushes a command; a short one leaves in one call.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// What the server says next; nothing when it closed its side.
    pub(crate) async fn read(&mut self) -> io::Result<&[u8]> {
        let bytes = self.stream.read(&mut self.buffer).await?;
        Ok(&self.buffer[..bytes])
    }

    /// What the server has said already, without waiting; `None` when it is silent.
    pub(crate) fn glimpse(&mut self) -> Option<io::Result<&[u8]>> {
        let mut context = Context::from_waker(Waker::noop());
        // A task that has used up its turn would find every stream silent.
        let read = pin!(unconstrained(poll_fn(|context| self.poll_read(context))));
        match read.poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(result) => Some(result.map(|bytes| &self.buffer[..bytes])),
        }
    }

    /// Writes what the stream takes at once, or flushes when there are no slices, unless the server
    /// speaks first. A server that stops listening says why, and one that talks while we write
    /// must not wait for us to listen.
    pub(crate) async fn write_or_read(&mut self, slices: &[IoSlice<'_>]) -> Turn<'_> {
        let turn = poll_fn(|context| {
            if let Poll::Ready(result) = self.poll_read(context) {
                return Poll::Ready(Err(result));
            }
            let stream = Pin::new(&mut self.stream);
            if slices.is_empty() {
                return stream.poll_flush(context).map_ok(|()| 0).map(Ok);
            }
            stream.poll_write_vectored(context, slices).map(Ok)
        });
        match turn.await {
            Ok(wrote) => Turn::Wrote(wrote),
            Err(heard) => Turn::Heard(heard.map(|bytes| &self.buffer[..bytes])),
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        let result = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
        result.map_ok(|()| buffer.filled().len())
    }
}
