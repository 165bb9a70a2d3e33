//! A server that has stopped listening: writes fail, and its last words are still on their way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use postrider_smtp::{Cause, Connection, Timeouts, Trouble};
use postrider_types::{Phase, Scope};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::script::{self, content, envelope, name};

/// Answers each write with the next of these lines, until there are no more: the write after the
/// last line fails, and only then the last words can be read.
struct DeafStream {
    unread: Vec<u8>,
    lines: std::slice::Iter<'static, &'static str>,
    last_words: &'static str,
    is_deaf: bool,
}

impl AsyncRead for DeafStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() && !self.is_deaf {
            return Poll::Pending;
        }
        let taken = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..taken]);
        self.unread.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for DeafStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.lines.next().copied();
        self.is_deaf = line.is_none();
        let said = line.unwrap_or(self.last_words);
        self.unread.extend_from_slice(said.as_bytes());
        Poll::Ready(match line {
            Some(_) => Ok(bytes.len()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn transmit(last_words: &'static str) -> Trouble {
    let stream = DeafStream {
        unread: b"220 mx\r\n".to_vec(),
        lines: ["250 mx\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"].iter(),
        last_words,
        is_deaf: false,
    };
    let opened = Connection::open(stream, name(), Timeouts::STANDARD).await;
    let mut connection = opened.unwrap();
    let gate = script::transmit(&mut connection, &envelope(), &content()).await;
    gate.map(drop).unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn the_last_words_of_a_server_that_stopped_listening_are_the_reason() {
    let trouble = transmit("552 5.3.4 too big\r\n").await;
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Body, Scope::Message)
    );
    assert!(trouble.is_permanent() && trouble.closes_session());
}

#[tokio::test(start_paused = true)]
async fn the_last_words_of_a_server_that_does_not_listen_to_ehlo_are_the_reason() {
    for (last_words, code) in [("421 4.3.2 full\r\n", Some(421)), ("421", None), ("", None)] {
        let stream = DeafStream {
            unread: b"220 mx\r\n".to_vec(),
            lines: [].iter(),
            last_words,
            is_deaf: false,
        };
        let opened = Connection::open(stream, name(), Timeouts::STANDARD).await;
        let trouble = opened.map(drop).unwrap_err();
        assert_eq!(trouble.phase(), Phase::Ehlo);
        assert_eq!(trouble.reply().map(|reply| reply.code), code);
        let is_broken_pipe = matches!(trouble.cause(), Some(Cause::Io(_)));
        assert_eq!(is_broken_pipe, code.is_none(), "{last_words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stopped_listening_without_a_word_is_a_lost_session() {
    for last_words in ["", "55", "552-5.3.4 too\r\n"] {
        let trouble = transmit(last_words).await;
        assert_eq!(
            (trouble.phase(), trouble.scope()),
            (Phase::Body, Scope::Session)
        );
        assert!(
            !trouble.is_permanent() && !trouble.is_in_doubt(),
            "{last_words:?}"
        );
        let cause = trouble.cause();
        assert!(
            matches!(cause, Some(Cause::Io(_) | Cause::Closed)),
            "{cause:?}"
        );
    }
}
