//! What a connection reads from and writes to: a socket or a delayed path, with TLS on it or not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A stream whose connection can be cut.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// From now on the end of the stream is a reset: no FIN, nothing that waits is still sent.
    fn end_with_reset(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn end_with_reset(&self) -> io::Result<()> {
        SockRef::from(self).set_linger(Some(Duration::ZERO))
    }
}

/// A stream that can put on TLS.
pub(crate) enum Transport<S> {
    Plain(S),
    Secure(Box<TlsStream<S>>),
    /// A handshake has failed, or is under way.
    Gone,
}

impl<S: Stream> Transport<S> {
    /// The server's side of a handshake.
    pub(crate) async fn secure(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        match std::mem::replace(self, Self::Gone) {
            Self::Plain(stream) => {
                *self = Self::Secure(Box::new(acceptor.accept(stream).await?));
                Ok(())
            }
            Self::Secure(_) | Self::Gone => Err(gone()),
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S: Stream> Stream for Transport<S> {
    fn end_with_reset(&self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.end_with_reset(),
            Self::Secure(stream) => stream.get_ref().0.end_with_reset(),
            Self::Gone => Err(gone()),
        }
    }
}

impl<S: Stream> AsyncRead for Transport<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }
}

impl<S: Stream> AsyncWrite for Transport<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Secure(stream) => Pin::new(stream).poll_flush(context),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }
}

/// A pipe in memory has no resets.
#[cfg(test)]
impl Stream for tokio::io::DuplexStream {
    fn end_with_reset(&self) -> io::Result<()> {
        Ok(())
    }
}
