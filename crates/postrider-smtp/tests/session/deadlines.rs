//! Deadlines: for the whole exchange, in every phase, whatever the server does with its time.

use std::time::Duration;

use bytes::Bytes;
use postrider_smtp::{Cause, Connection, Content, Sent, Timeouts, Trouble};
use postrider_types::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, interval};

use crate::script::{
    BODY, Line, OPENING, UP_TO_BODY, content, envelope, name, open, opened, send, table, trouble,
};

const SECOND: Duration = Duration::from_secs(1);

/// A server that falls silent after these lines, and what the client makes of it.
async fn fall_silent(lines: Vec<Line>) -> Trouble {
    let (connection, _server) = open(lines).await;
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(trouble) => return trouble,
    };
    match send(&mut connection).await {
        Ok(Sent::InDoubt(trouble)) | Err(trouble) => trouble,
        other => panic!("a silent server sent an answer: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline_of_its_phase() {
    let session = table(&[&OPENING, &UP_TO_BODY, &[BODY]]);
    let phases = [
        (Phase::Greeting, 0, 300),
        (Phase::Ehlo, 1, 300),
        (Phase::Mail, 2, 300),
        (Phase::Rcpt, 3, 300),
        (Phase::Data, 4, 120),
        (Phase::Dot, 6, 600),
    ];
    for (phase, lines, seconds) in phases {
        let start = Instant::now();
        let trouble = fall_silent(session[..lines].to_vec()).await;
        assert_eq!(trouble.phase(), phase);
        assert_eq!(trouble.is_in_doubt(), phase == Phase::Dot);
        assert!(
            matches!(trouble.cause(), Some(Cause::Deadline(_))),
            "{trouble:?}"
        );
        let waited = Instant::now() - start;
        assert_eq!(waited.as_secs(), seconds, "{phase}");
    }
}

#[tokio::test(start_paused = true)]
async fn rset_and_quit_have_short_deadlines() {
    let refused = [UP_TO_BODY[0], (UP_TO_BODY[1].0, "550 no")];
    let (mut connection, _server) = opened(table(&[&OPENING, &refused])).await;
    trouble(send(&mut connection).await);
    let start = Instant::now();
    assert_eq!(trouble(send(&mut connection).await).phase(), Phase::Rset);
    assert_eq!((Instant::now() - start).as_secs(), 20);

    let (connection, _server) = opened(OPENING.to_vec()).await;
    let start = Instant::now();
    connection.quit().await;
    assert_eq!((Instant::now() - start).as_secs(), 5);
}

/// Says one octet a second, for ever.
async fn drip(mut stream: DuplexStream, octets: &'static str) {
    let mut second = interval(SECOND);
    for octet in octets.bytes().cycle() {
        second.tick().await;
        if stream.write_all(&[octet]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_one_octet_a_second_holds_nothing() {
    let (client, server) = duplex(1_024);
    tokio::spawn(drip(server, "220-patience\r\n"));
    let start = Instant::now();
    let opened = Connection::open(client, name(), Timeouts::STANDARD).await;
    let trouble = opened.map(drop).unwrap_err();
    assert_eq!(trouble.phase(), Phase::Greeting);
    assert_eq!((Instant::now() - start).as_secs(), 300);
}

/// Plays a session up to the body and then takes so many octets a second, or none.
async fn gulp(mut stream: DuplexStream, octets: usize) {
    for line in ["220 mx", "250 mx", "250 ok", "250 ok", "354 go"] {
        stream
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .unwrap();
        if !line.starts_with("354") {
            let mut command = [0; 64];
            let heard = stream.read(&mut command).await.unwrap();
            assert!(command[..heard].ends_with(b"\r\n"));
        }
    }
    let mut second = interval(SECOND);
    let mut taken = vec![0; octets];
    while octets == 0 || stream.read_exact(&mut taken).await.is_ok() {
        second.tick().await;
    }
}

async fn transmit_to_gulper(octets: usize) -> (Result<(), Trouble>, u64) {
    let (client, server) = duplex(64);
    tokio::spawn(gulp(server, octets));
    let mut connection = Connection::open(client, name(), Timeouts::STANDARD)
        .await
        .unwrap();
    let content = Content::new(vec![Bytes::from("a\r\n".repeat(100_000))]).unwrap();
    let start = Instant::now();
    let gate = connection.transmit(&envelope(), &content).await.map(drop);
    (gate, (Instant::now() - start).as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_left_after_one_block() {
    let (gate, seconds) = transmit_to_gulper(0).await;
    assert_eq!(gate.unwrap_err().phase(), Phase::Body);
    assert_eq!(seconds, 180);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_less_than_the_minimum_rate_is_left() {
    let (gate, seconds) = transmit_to_gulper(50).await;
    let trouble = gate.unwrap_err();
    assert_eq!(trouble.phase(), Phase::Body);
    assert!(matches!(trouble.cause(), Some(Cause::Deadline(_))));
    assert_eq!(seconds, 180 + 300_000 / 500);
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_above_the_minimum_rate_gets_the_whole_body() {
    let (gate, seconds) = transmit_to_gulper(600).await;
    gate.unwrap();
    assert!((490..=510).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_talks_in_mid_body_and_never_listens_holds_nothing() {
    let script = table(&[
        &OPENING,
        &UP_TO_BODY,
        &[BODY, ("", "250-and\r\n250-another\r\n250-thing")],
    ]);
    let (mut connection, _server) = opened(script).await;
    let gate = connection.transmit(&envelope(), &content()).await.unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(gate.dot().await, Sent::Unsent(_)));
}
