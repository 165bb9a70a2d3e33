//! What a message costs: flights over the line, connections, RSETs.

use postrider_smtp::{Extensions, Outgoing};

use crate::courier::{CHUNKS, CHUNKS_IN_LOCK_STEP, GROUPS, Known, LOCK_STEP, carry, mail};
use crate::line::Stream;
use crate::receiver::Receiver;

const OFFERS: &[&str] = &["PIPELINING", "CHUNKING"];

/// Flights of an opening and a QUIT: EHLO and QUIT are answered. The greeting comes unasked.
const OPENING_AND_QUIT: usize = 2;

fn mails(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|i| mail(&format!("ada{i}"), "a: b\r\n\r\nc\r\n"))
        .collect()
}

/// Flights over the line, and writes, for this many messages.
async fn cost(extensions: Extensions, count: usize) -> (usize, usize) {
    let stream = Stream::new(Receiver::new(OFFERS));
    let known = carry(stream.clone(), extensions, &mails(count)).await;
    assert!(known.iter().all(|known| matches!(known, Known::Accepted)));
    let line = stream.line();
    assert_eq!(line.receiver.accepted.len(), count);
    (line.flights, line.writes)
}

#[tokio::test(start_paused = true)]
async fn a_message_takes_one_flight_in_groups_and_four_in_lock_step() {
    for count in [1, 2, 100] {
        // The first envelope has a flight of its own.
        let (flights, _) = cost(GROUPS, count).await;
        assert_eq!(flights, OPENING_AND_QUIT + 1 + count);
        let (flights, _) = cost(CHUNKS, count).await;
        assert_eq!(flights, OPENING_AND_QUIT + 1 + count);
        let (flights, _) = cost(LOCK_STEP, count).await;
        assert_eq!(flights, OPENING_AND_QUIT + 4 * count);
        let (flights, _) = cost(CHUNKS_IN_LOCK_STEP, count).await;
        assert_eq!(flights, OPENING_AND_QUIT + 3 * count);
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_message_takes_one_write_and_the_next_envelope_leaves_in_the_same() {
    // EHLO, the first envelope, QUIT.
    assert_eq!(cost(GROUPS, 100).await.1, 3 + 100);
    assert_eq!(cost(CHUNKS, 100).await.1, 3 + 100);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_messages_of_which_25_are_refused_at_rcpt_use_one_connection() {
    let mails: Vec<Outgoing> = (0..100)
        .map(|i| {
            mail(
                &if i % 4 == 1 {
                    format!("bad{i}")
                } else {
                    format!("ada{i}")
                },
                "a: b\r\n",
            )
        })
        .collect();
    for (way, flights) in [(GROUPS, 1 + 100), (CHUNKS, 1 + 100)] {
        let stream = Stream::new(Receiver::new(OFFERS));
        let known = carry(stream.clone(), way, &mails).await;
        for (known, mail) in known.iter().zip(&mails) {
            let is_bad = mail.envelope.forward_path.as_str().starts_with("bad");
            match known {
                Known::Accepted => assert!(!is_bad),
                Known::Not(trouble) => assert!(is_bad && trouble.is_permanent()),
                other => panic!("{other:?}"),
            }
        }
        let line = stream.line();
        assert_eq!(line.receiver.accepted.len(), 75);
        let count = |verb| line.receiver.commands.iter().filter(|c| *c == verb).count();
        assert_eq!((count("EHLO"), count("QUIT"), count("RSET")), (1, 1, 25));
        assert_eq!(count("MAIL"), 100);
        // A refusal is known without a flight of its own; what follows it has one.
        assert_eq!(line.flights, OPENING_AND_QUIT + flights, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_in_pieces_or_in_one_piece_mean_the_same() {
    for pieces in [
        vec![1],
        vec![2],
        vec![3, 1],
        vec![7, 1, 40],
        vec![usize::MAX],
    ] {
        for way in [GROUPS, CHUNKS, LOCK_STEP] {
            let stream = Stream::new(Receiver::new(OFFERS));
            stream.line().pieces.clone_from(&pieces);
            let known = carry(stream.clone(), way, &mails(5)).await;
            assert!(known.iter().all(|known| matches!(known, Known::Accepted)));
            assert_eq!(stream.line().receiver.accepted.len(), 5);
        }
    }
}
