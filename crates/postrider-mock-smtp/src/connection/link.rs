//! A path of a given round-trip time between a client on loopback and the mock.
//!
//! Bytes are held on their way, half of the round trip in each direction, and are never held
//! back by one another: each piece leaves when its own time has come, so the path has a delay and
//! no bandwidth of its own. What is under way is bounded, as a TCP window is.
//!
//! *Half each way, not all of it on one side*: what a crash makes doubtful depends on it. With all
//! of the delay on the way in, a client that dies would always die before the mock accepts; with
//! all of it on the way out, always after. On a real path both happen.
//!
//! A client on loopback is connected at once. On a real path its SYN, the answer and its ACK need
//! one and a half round trips before the server can greet; so that much passes before anything
//! is served, and the greeting arrives two round trips after the connect.
//!
//! It lies below TLS, so a handshake costs its round trips. Timers have a grain of a millisecond:
//! each way may take up to one longer.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bounds::{LINK_BYTES_MAX, READ_BYTES};
use crate::connection::stream::Stream;

/// The mock's end of a path. Dropping it closes the connection once the last byte has arrived.
pub(crate) struct Link {
    end: DuplexStream,
    is_reset: Arc<AtomicBool>,
    _is_held: oneshot::Sender<()>,
}

/// Serves the stream over a path of this round-trip time.
///
/// The path and the server run in one task: a server that waits does not hold up the path.
pub(crate) async fn serve_delayed<T, F>(
    mut stream: impl Stream,
    rtt: Duration,
    serve: impl FnOnce(Link) -> F,
) -> T
where
    F: Future<Output = T>,
{
    let (end, far_end) = duplex(LINK_BYTES_MAX);
    let is_reset = Arc::new(AtomicBool::new(false));
    let (held, is_dropped) = oneshot::channel();
    let link = Link {
        end,
        is_reset: Arc::clone(&is_reset),
        _is_held: held,
    };
    let served = async {
        sleep(rtt + rtt / 2).await;
        serve(link).await
    };
    let carried = carry(&mut stream, far_end, rtt / 2, is_dropped, &is_reset);
    let (served, ()) = tokio::join!(served, carried);
    if is_reset.load(Ordering::Relaxed) {
        // A connection that is gone cannot be reset.
        drop(stream.end_with_reset());
    }
    served
}

/// Carries bytes both ways until the mock's end is dropped and its last bytes have left.
async fn carry(
    stream: &mut impl Stream,
    far_end: DuplexStream,
    delay: Duration,
    is_dropped: oneshot::Receiver<()>,
    is_reset: &AtomicBool,
) {
    let (from_client, mut to_client) = tokio::io::split(stream);
    let (from_mock, mut to_mock) = tokio::io::split(far_end);
    let inwards = async {
        tokio::select! {
            () = carry_one_way(from_client, &mut to_mock, delay) => {
                // Whoever is gone needs no end.
                drop(to_mock.shutdown().await);
            }
            _ = is_dropped => {}
        }
    };
    let outwards = async {
        carry_one_way(from_mock, &mut to_client, delay).await;
        if !is_reset.load(Ordering::Relaxed) {
            drop(to_client.shutdown().await);
        }
    };
    tokio::join!(inwards, outwards);
}

/// Carries until the end of `from`, or an error on either side.
async fn carry_one_way(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    delay: Duration,
) {
    let mut under_way: VecDeque<(Instant, Bytes)> = VecDeque::new();
    let (mut bytes, mut has_ended) = (0, false);
    let mut input = BytesMut::new();
    loop {
        let due = under_way.front().map(|(due, _)| *due);
        if due.is_none() && has_ended {
            return;
        }
        input.reserve(READ_BYTES);
        tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let piece = under_way.pop_front().map(|(_, piece)| piece).unwrap_or_default();
                bytes -= piece.len();
                if to.write_all(&piece).await.is_err() {
                    return;
                }
            }
            read = from.read_buf(&mut input), if !has_ended && bytes < LINK_BYTES_MAX => {
                has_ended = !matches!(read, Ok(1..));
                if !has_ended {
                    bytes += input.len();
                    under_way.push_back((Instant::now() + delay, input.split().freeze()));
                }
            }
        }
    }
}

impl Stream for Link {
    fn end_with_reset(&self) -> io::Result<()> {
        self.is_reset.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_read(context, buffer)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.end).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    /// Answers every byte with itself until the client ends.
    async fn echo(mut link: Link) {
        let mut input = [0; 1024];
        while let Ok(read @ 1..) = link.read(&mut input).await {
            link.write_all(&input[..read]).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_takes_a_round_trip_and_the_first_byte_two() {
        let (mut client, stream) = duplex(1 << 20);
        tokio::spawn(serve_delayed(stream, RTT, |mut link| async move {
            link.write_all(b"2").await.unwrap();
            echo(link).await;
        }));
        let start = Instant::now();
        assert_eq!(client.read_u8().await.unwrap(), b'2');
        assert_eq!(start.elapsed().as_millis(), 200);
        for n in 1..4 {
            client.write_u8(b'x').await.unwrap();
            client.read_u8().await.unwrap();
            let took = start.elapsed().as_millis() - 200;
            assert!(
                (100 * n..=101 * n).contains(&took),
                "{n} round trips took {took} ms"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_pieces_sent_at_once_take_one_round_trip() {
        let (client, stream) = duplex(1 << 10);
        tokio::spawn(serve_delayed(stream, RTT, echo));
        let (mut reader, mut writer) = tokio::io::split(client);
        let start = Instant::now();
        let writing = tokio::spawn(async move {
            for _ in 0..1000 {
                writer.write_all(&[b'x'; 100]).await.unwrap();
            }
            writer.shutdown().await.unwrap();
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        writing.await.unwrap();
        assert_eq!(all.len(), 100_000);
        let took = start.elapsed().as_millis();
        assert!((200..210).contains(&took), "it took {took} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_a_dead_client_has_sent_still_arrive() {
        let (mut client, stream) = duplex(1 << 20);
        client.write_all(b"last words").await.unwrap();
        drop(client);
        let served = serve_delayed(stream, RTT, |mut link| async move {
            let mut all = Vec::new();
            link.read_to_end(&mut all).await.unwrap();
            all
        });
        assert_eq!(served.await, b"last words");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_bounded() {
        let (mut client, stream) = duplex(1 << 10);
        tokio::spawn(serve_delayed(stream, RTT, |link| async move {
            std::future::pending::<()>().await;
            drop(link);
        }));
        let mut sent = 0;
        let full = async {
            while client.write_all(&[0; 1024]).await.is_ok() {
                sent += 1024;
            }
        };
        assert!(
            tokio::time::timeout(RTT * 50, full).await.is_err(),
            "the path takes no more"
        );
        assert!(
            (LINK_BYTES_MAX..4 * LINK_BYTES_MAX).contains(&sent),
            "{sent} bytes are under way"
        );
    }
}
