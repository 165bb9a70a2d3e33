//! A session of two messages, cut at every octet in both directions.
//!
//! What must hold wherever the cut is: a message is accepted only when its whole reply was read, it
//! is in doubt if and only if its terminator was handed to the stream and that reply was not read,
//! and everything else is known not to have been sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use postrider_smtp::{Connection, Sent, Timeouts};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::script::{BODY, DOT, Line, OPENING, UP_TO_BODY, content, envelope, name, serve, table};

/// What the client learns of a connection that is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Reads end, writes fail: the peer is known to be gone.
    Loud,
    /// Reads end, writes go nowhere: a close whose reset has not come yet.
    Half,
    /// Reads never end, writes fail.
    Mute,
}

/// A stream that is cut after so many octets in one direction.
struct CutStream {
    inner: DuplexStream,
    manner: Manner,
    read_left: usize,
    write_left: usize,
    /// Where the last octet that was handed over for writing lies in the client's stream.
    handed: Arc<AtomicUsize>,
    /// Octets read.
    read: Arc<AtomicUsize>,
    written: usize,
}

impl CutStream {
    fn is_cut(&self) -> bool {
        self.read_left == 0 || self.write_left == 0
    }
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut() {
            return match self.manner {
                Manner::Mute => Poll::Pending,
                Manner::Loud | Manner::Half => Poll::Ready(Ok(())),
            };
        }
        let mut part = buffer.take(self.read_left);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut part))?;
        let bytes = part.filled().len();
        buffer.advance(bytes);
        self.read_left -= bytes;
        self.read.fetch_add(bytes, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.handed
            .store(self.written + bytes.len(), Ordering::Relaxed);
        if self.is_cut() {
            return Poll::Ready(match self.manner {
                Manner::Half => Ok(bytes.len()),
                Manner::Loud | Manner::Mute => Err(io::ErrorKind::ConnectionReset.into()),
            });
        }
        let bytes = &bytes[..bytes.len().min(self.write_left)];
        let taken = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.write_left -= taken;
        self.written += taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What is known about one message at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Accepted,
    InDoubt,
    NotSent,
}

/// The octets of a whole session, and where its two messages have their borders.
struct Borders {
    lines: Vec<Line>,
    /// Octets of the client up to the first of each terminator.
    bodies: [usize; 2],
    /// Octets of the server up to the last of each reply to a terminator.
    replies: [usize; 2],
    sent: usize,
    received: usize,
}

impl Borders {
    fn of_two_messages() -> Self {
        let one = table(&[&UP_TO_BODY, &[BODY, DOT]]);
        let lines = table(&[&OPENING, &one, &one]);
        let octets = |text: &str| if text.is_empty() { 0 } else { text.len() + 2 };
        let (mut sent, mut received) = (0, 0);
        let (mut bodies, mut replies) = (Vec::new(), Vec::new());
        for (command, reply) in &lines {
            if *command == DOT.0 {
                bodies.push(sent);
            }
            sent += octets(command);
            received += octets(reply);
            if *command == DOT.0 {
                replies.push(received);
            }
        }
        Self {
            lines,
            bodies: bodies.try_into().unwrap(),
            replies: replies.try_into().unwrap(),
            sent,
            received,
        }
    }

    /// Runs the session with a cut and checks what the client believes about each message.
    async fn check(&self, manner: Manner, read_left: usize, write_left: usize) -> [Knowledge; 2] {
        let (inner, server) = serve(self.lines.clone());
        let (handed, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let stream = CutStream {
            inner,
            manner,
            read_left,
            write_left,
            handed: Arc::clone(&handed),
            read: Arc::clone(&read),
            written: 0,
        };
        let mut known = [Knowledge::NotSent; 2];
        if let Ok(mut connection) = Connection::open(stream, name(), Timeouts::STANDARD).await {
            for (message, known) in known.iter_mut().enumerate() {
                *known = transmit(&mut connection).await;
                let is_handed = handed.load(Ordering::Relaxed) > self.bodies[message];
                let is_answered = read.load(Ordering::Relaxed) >= self.replies[message];
                let expect = match (is_handed, is_answered) {
                    (_, true) => Knowledge::Accepted,
                    (true, false) => Knowledge::InDoubt,
                    (false, false) => Knowledge::NotSent,
                };
                assert_eq!(
                    *known, expect,
                    "{manner:?} {read_left} {write_left} {message}"
                );
            }
        }
        server.abort();
        known
    }
}

async fn transmit(connection: &mut Connection<CutStream>) -> Knowledge {
    let (envelope, content) = (envelope(), content());
    let gate = match connection.transmit(&envelope, &content).await {
        Ok(gate) => gate,
        Err(trouble) => {
            assert!(
                !trouble.is_permanent() && !trouble.is_in_doubt(),
                "{trouble:?}"
            );
            return Knowledge::NotSent;
        }
    };
    match gate.dot().await {
        Sent::Accepted(_) => Knowledge::Accepted,
        Sent::InDoubt(_) => Knowledge::InDoubt,
        Sent::Unsent(_) => Knowledge::NotSent,
        Sent::Refused(trouble) => panic!("the server refuses nothing: {trouble:?}"),
    }
}

const MANNERS: [Manner; 3] = [Manner::Loud, Manner::Half, Manner::Mute];

#[tokio::test(start_paused = true)]
async fn a_cut_at_any_octet_from_the_server_never_makes_an_unread_reply_an_acceptance() {
    let borders = Borders::of_two_messages();
    for manner in MANNERS {
        for octets in 0..borders.received {
            let known = borders.check(manner, octets, usize::MAX).await;
            let accepted = borders.replies.map(|reply| octets >= reply);
            assert_eq!(known.map(|known| known == Knowledge::Accepted), accepted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_any_octet_to_the_server_is_in_doubt_exactly_from_the_terminator_on() {
    let borders = Borders::of_two_messages();
    for manner in MANNERS {
        for octets in 0..borders.sent {
            let known = borders.check(manner, usize::MAX, octets).await;
            for (message, body) in borders.bodies.into_iter().enumerate() {
                if octets < body {
                    assert_eq!(known[message], Knowledge::NotSent, "{manner:?} {octets}");
                }
                if (body + 1..body + 3).contains(&octets) {
                    assert_eq!(known[message], Knowledge::InDoubt, "{manner:?} {octets}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_cut_both_messages_are_accepted() {
    let borders = Borders::of_two_messages();
    let known = borders.check(Manner::Loud, usize::MAX, usize::MAX).await;
    assert_eq!(known, [Knowledge::Accepted; 2]);
}
