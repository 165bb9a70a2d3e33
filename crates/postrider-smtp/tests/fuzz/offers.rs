//! What EHLO offers, in any order, spelling and splitting.

use postrider_smtp::{Capabilities, Connection, Timeouts};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::client::paused;

/// Opens a session on a server that answers EHLO with these lines, in these pieces.
fn opened(lines: &[String], pieces: &[usize]) -> Option<Capabilities> {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let separator = if number + 1 == lines.len() { ' ' } else { '-' };
        text += &format!("250{separator}{line}\r\n");
    }
    paused().block_on(async {
        let (ours, mut theirs) = duplex(64 * 1_024);
        let pieces = pieces.to_vec();
        tokio::spawn(async move {
            theirs.write_all(b"220 hi\r\n").await.unwrap();
            let mut heard = [0; 64];
            let octets = theirs.read(&mut heard).await.unwrap();
            assert!(heard[..octets].starts_with(b"EHLO "));
            let mut rest = text.as_bytes();
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at((*piece).min(rest.len()));
                // The client may have had enough.
                if now.is_empty() || theirs.write_all(now).await.is_err() {
                    break;
                }
                rest = later;
                tokio::task::yield_now().await;
            }
            drop(theirs.read(&mut heard).await);
        });
        let name = "client.test".parse().unwrap();
        let connection = Connection::open(ours, name, Timeouts::STANDARD).await;
        connection
            .ok()
            .map(|connection| connection.capabilities().clone())
    })
}

fn any_case(keyword: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<bool>(), keyword.len()).prop_map(move |upper| {
        let letters = keyword.chars().zip(upper);
        let cased = letters.map(|(letter, is_upper)| match is_upper {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        });
        cased.collect()
    })
}

proptest! {
    #[test]
    fn keywords_are_found_among_anything_else(
        has_pipelining: bool,
        has_chunking: bool,
        has_starttls: bool,
        keywords in (any_case("PIPELINING"), any_case("CHUNKING"), any_case("STARTTLS")),
        others in prop::collection::vec("X[!-<>-~]{0,20}( [ -~]{0,20})?", 0..20),
        turn in 0_usize..20,
        pieces in prop::collection::vec(1_usize..60, 1..5),
    ) {
        let offered = [
            (has_pipelining, keywords.0),
            (has_chunking, keywords.1),
            (has_starttls, keywords.2),
        ];
        let offered = offered.into_iter().filter_map(|(is_there, word)| is_there.then_some(word));
        let mut lines: Vec<String> = others.into_iter().chain(offered).collect();
        let turn = turn % lines.len().max(1);
        lines.rotate_left(turn);
        lines.insert(0, "PIPELINING is my name".to_owned());
        let found = opened(&lines, &pieces).expect("an honest offer is read");
        prop_assert_eq!(found.pipelining, has_pipelining);
        prop_assert_eq!(found.chunking, has_chunking);
        prop_assert_eq!(found.starttls, has_starttls);
    }

    #[test]
    fn no_offer_is_too_strange_to_end(
        lines in prop::collection::vec("\\PC{0,80}", 1..140),
        pieces in prop::collection::vec(1_usize..2_000, 1..5),
    ) {
        if let Some(found) = opened(&lines, &pieces) {
            prop_assert!(found.auth.len() <= 16);
            prop_assert!(found.size_max != Some(0) && found.mail_max != Some(0));
        }
    }
}
