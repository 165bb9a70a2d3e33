//! Deadlines: for the whole exchange, in every phase, whatever the server does with its time.

use std::time::Duration;

use bytes::Bytes;
use postrider_smtp::{Cause, Connection, Content, Sent, Timeouts, Trouble};
use postrider_types::{Phase, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, interval};

use crate::groups::OPENING_WITH_GROUPS;
use crate::script::{
    self, BODY, Line, OPENING, UP_TO_BODY, content, envelope, name, open, opened, send, table,
    trouble,
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

#[tokio::test(start_paused = true)]
async fn no_allowance_is_too_long() {
    let endless = Timeouts {
        opening: Duration::MAX,
        greeting: Duration::MAX,
        mail: Duration::MAX,
        message: Duration::MAX,
        dot: Duration::MAX,
        ..Timeouts::STANDARD
    };
    let (stream, _server) = script::serve(table(&[&OPENING, &UP_TO_BODY, &[BODY, script::DOT]]));
    let mut connection = Connection::open(stream, name(), endless).await.unwrap();
    script::accepted(send(&mut connection).await);
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
    let gate = script::transmit(&mut connection, &envelope(), &content)
        .await
        .map(drop);
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
    let gate = script::transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(gate.dot().await, Sent::Unsent(_)));
}

/// Answers each command with the next of these replies, each after so many seconds.
async fn drawl(mut stream: DuplexStream, replies: &'static [&'static str], seconds: u64) {
    let mut pause = interval(SECOND * u32::try_from(seconds).unwrap());
    for reply in replies {
        pause.reset();
        pause.tick().await;
        stream.write_all(reply.as_bytes()).await.unwrap();
        let mut command = [0; 256];
        if stream.read(&mut command).await.unwrap() == 0 {
            return;
        }
    }
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest).await);
}

#[tokio::test(start_paused = true)]
async fn a_message_has_a_deadline_whatever_its_phases_allow() {
    let (client, server) = duplex(1_024);
    let replies = &["220 mx\r\n", "250 mx\r\n", "250 ok\r\n", "250 ok\r\n"];
    tokio::spawn(drawl(server, replies, 290));
    let opened = Connection::open(client, name(), Timeouts::STANDARD).await;
    let mut connection = opened.unwrap();
    let start = Instant::now();
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(trouble.phase(), Phase::Data);
    assert!(matches!(trouble.cause(), Some(Cause::Deadline(_))));
    assert_eq!((Instant::now() - start).as_secs(), 600 + 1);
}

#[tokio::test(start_paused = true)]
async fn each_reply_of_a_group_has_the_allowance_of_its_phase() {
    let group = "MAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\nDATA";
    for (replies, phase, seconds) in [
        ("250-incomplete", Phase::Mail, 300),
        ("250 ok\r\n250-incomplete", Phase::Rcpt, 300),
        ("250 ok\r\n250 ok", Phase::Data, 120),
    ] {
        let lines = [
            OPENING_WITH_GROUPS[0],
            OPENING_WITH_GROUPS[1],
            (group, replies),
        ];
        let (mut connection, _server) = opened(lines.to_vec()).await;
        let start = Instant::now();
        let trouble = trouble(send(&mut connection).await);
        assert_eq!((trouble.phase(), trouble.is_permanent()), (phase, false));
        assert_eq!((Instant::now() - start).as_secs(), seconds, "{replies}");
    }
}

/// Reads commands octet by octet, and says far more than the line holds before it reads on.
async fn gossip(mut stream: DuplexStream) {
    let ok = format!(
        "{}250 ok\r\n",
        format!("250-{}\r\n", "a".repeat(500)).repeat(60)
    );
    stream.write_all(b"220 mx\r\n").await.unwrap();
    for (end, reply) in [
        ("\r\n", "250-mx\r\n250 PIPELINING\r\n"),
        ("\r\n", &ok),
        ("\r\n", &ok),
        ("\r\n", "354 go\r\n"),
        ("\r\n.\r\n", &ok),
    ] {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            heard.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(reply.as_bytes()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_talks_while_we_write_is_listened_to() {
    let (client, server) = duplex(16);
    let server = tokio::spawn(gossip(server));
    let opened = Connection::open(client, name(), Timeouts::STANDARD).await;
    let mut connection = opened.unwrap();
    assert!(matches!(send(&mut connection).await, Ok(Sent::Accepted(_))));
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_talks_for_ever_holds_neither_task_nor_memory() {
    for line in ["250-and\r\n", "2", "250 ok\r\n"] {
        let flood: &'static str = Box::leak(line.repeat(100_000).into_boxed_str());
        let script = table(&[
            &OPENING_WITH_GROUPS,
            &[("MAIL FROM:<news@example.test>", flood)],
        ]);
        let (mut connection, _server) = opened(script).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!(trouble.scope(), Scope::Session, "{trouble:?}");
        assert!(!trouble.is_permanent() && !connection.is_reusable());
    }
}
