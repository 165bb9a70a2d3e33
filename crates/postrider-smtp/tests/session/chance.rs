//! Servers that say anything at any time: nothing may panic, hang or grow, and nothing may be
//! accepted without a complete 2xx behind the terminator.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use postrider_smtp::{Connection, Extensions, Outgoing, Timeouts};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::courier::{CHUNKS, CHUNKS_IN_LOCK_STEP, GROUPS, Known, LOCK_STEP, carry_over, mail};
use crate::script::name;

/// A server that says these pieces, one for each read, once so many octets were written; then it
/// closes.
struct Babbler {
    pieces: std::vec::IntoIter<(usize, Vec<u8>)>,
    next: Option<(usize, Vec<u8>)>,
    written: Vec<u8>,
}

impl Babbler {
    fn new(pieces: Vec<(usize, Vec<u8>)>) -> Self {
        let mut pieces = pieces.into_iter();
        Self {
            next: pieces.next(),
            pieces,
            written: Vec::new(),
        }
    }
}

impl AsyncRead for Babbler {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.next.take() {
            Some((after, piece)) if after <= self.written.len() => {
                buffer.put_slice(&piece);
                self.next = self.pieces.next();
                Poll::Ready(Ok(()))
            }
            Some(next) => {
                self.next = Some(next);
                Poll::Pending
            }
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Babbler {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn mails() -> Vec<Outgoing> {
    vec![
        mail("ada", "a\r\n"),
        mail("bert", "b\r\n"),
        mail("cleo", "c\r\n"),
    ]
}

/// Most often what fits, sometimes what does not.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => Just("250 ok\r\n".to_owned()),
        6 => Just("354 go\r\n".to_owned()),
        2 => Just("250-a\r\n250 b\n".to_owned()),
        1 => Just("421 bye\r\n".to_owned()),
        1 => Just("503 what\r\n".to_owned()),
        1 => Just("550 5.1.1 no\r\n".to_owned()),
        1 => Just("250 incomplete".to_owned()),
        1 => "[2-5][0-9]{2}[ -][a-z]{0,3}\r\n",
        1 => "\\PC{0,6}\n?",
    ]
    .prop_map(String::into_bytes)
}

/// Runs a session of three messages, and gives what is known and what was written.
fn run(way: Extensions, pieces: Vec<(usize, Vec<u8>)>) -> Vec<Known> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let opening = b"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n".to_vec();
        let (greeting, ehlo) = opening.split_at(8);
        let mut all = vec![(0, greeting.to_vec()), (1, ehlo.to_vec())];
        all.extend(pieces);
        let stream = Babbler::new(all);
        let connection = Connection::open(stream, name(), Timeouts::STANDARD).await;
        carry_over(connection.unwrap().with_extensions(way), &mails()).await
    })
}

const WAYS: [Extensions; 4] = [LOCK_STEP, GROUPS, CHUNKS, CHUNKS_IN_LOCK_STEP];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_a_server_says_there_are_no_more_acceptances_than_complete_2xx_replies(
        pieces in prop::collection::vec((0_usize..40, reply()), 0..24),
        way in 0_usize..4,
    ) {
        let mut at = 20;
        let pieces = pieces.into_iter().map(|(octets, piece)| {
            at += octets;
            (at, piece)
        });
        let pieces: Vec<_> = pieces.collect();
        let said = pieces.iter().map(|(_, piece)| piece.as_slice()).collect::<Vec<_>>().concat();
        let positive = said.split(|octet| *octet == b'\n').filter(|line| {
            line.starts_with(b"2") && line.get(3) != Some(&b'-')
        });
        // An envelope takes two replies of 2xx at least, and its message the third.
        let bound = positive.count() / 3;
        let known = run(WAYS[way], pieces);
        let accepted = known.iter().filter(|known| matches!(known, Known::Accepted));
        prop_assert!(accepted.count() <= bound, "{known:?}");
    }

    #[test]
    fn octets_that_mean_nothing_accept_nothing(
        pieces in prop::collection::vec(
            (0_usize..400, prop::collection::vec(any::<u8>(), 1..4_000)),
            0..24,
        ),
        way in 0_usize..4,
    ) {
        let known = run(WAYS[way], pieces);
        let is_unsent = |known: &Known| matches!(known, Known::Not(_) | Known::Untried);
        prop_assert!(known.iter().all(is_unsent), "{known:?}");
    }
}
