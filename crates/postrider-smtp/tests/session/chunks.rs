//! Messages in chunks (RFC 3030): the gate stands before the last one.

use postrider_smtp::{Cause, Connection, Outgoing, Sent, Timeouts, Trouble};
use postrider_types::{Phase, Scope};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use crate::courier::{CHUNKS, CHUNKS_IN_LOCK_STEP, Known, carry, mail};
use crate::line::Stream;
use crate::receiver::Receiver;
use crate::script::{
    CLOSE, Line, OPENING, UP_TO_BODY, accepted, content, content_of, envelope, name, opened,
    rest_of, send, table, transmit,
};

const OPENING_WITH_CHUNKS: [Line; 2] = [
    OPENING[0],
    (
        "EHLO client.test",
        "250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING",
    ),
];

const OFFERS: &[&str] = &["PIPELINING", "CHUNKING"];

const GROUP: &str = "MAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>";

const TAKEN: &str = "250 ok\r\n250 ok";

const LAST: &str = "BDAT 17 LAST\r\nSubject: a\r\n\r\nb";

const LAST_AND_GROUP: &str = "BDAT 17 LAST\r\nSubject: a\r\n\r\nb\r\n\
    MAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>";

async fn opened_with_chunks(lines: &[Line]) -> (Connection<DuplexStream>, JoinHandle<String>) {
    let (connection, server) = opened(table(&[&OPENING_WITH_CHUNKS, lines])).await;
    (connection.with_extensions(CHUNKS), server)
}

fn outgoing() -> Outgoing {
    Outgoing {
        envelope: envelope(),
        content: content(),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_small_message_leaves_before_the_gate() {
    let (mut connection, server) = opened_with_chunks(&[(GROUP, TAKEN)]).await;
    let gate = transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap();
    gate.abandon();
    assert!(!connection.is_reusable());
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn the_last_chunk_and_the_next_envelope_leave_together_and_no_dot_is_doubled() {
    let both = "250-17 octets\r\n250 queued\r\n250 ok\r\n250 ok";
    let last = ("BDAT 7 LAST\r\n..\r\n.", "250 queued");
    let lines = [(GROUP, TAKEN), (LAST_AND_GROUP, both), last];
    let (mut connection, server) = opened_with_chunks(&lines).await;
    let gate = transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap();
    let next = Outgoing {
        envelope: envelope(),
        content: content_of("..\r\n.\r\n"),
    };
    let (sent, following) = gate.dot_with(next).await;
    assert_eq!(accepted(Ok(sent)), "250 17 octets queued");
    let gate = following.open().await.unwrap().send_body().await.unwrap();
    accepted(Ok(gate.dot().await));
    drop(connection);
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_a_refused_message_open_is_reset_and_never_given_the_next_one() {
    let both = "554 5.6.0 no\r\n503 sender already given\r\n250 ok";
    let again = "RSET\r\nMAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>";
    let lines = [
        (GROUP, TAKEN),
        (LAST_AND_GROUP, both),
        (again, "250 ok\r\n250 ok\r\n250 ok"),
        (LAST, "250 queued"),
    ];
    let (mut connection, _server) = opened_with_chunks(&lines).await;
    let gate = transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap();
    let (sent, following) = gate.dot_with(outgoing()).await;
    assert!(matches!(sent, Sent::Refused(_)), "{sent:?}");
    let gate = following.open().await.unwrap().send_body().await.unwrap();
    accepted(Ok(gate.dot().await));
}

#[tokio::test(start_paused = true)]
async fn a_refused_chunk_without_a_following_envelope_makes_the_next_group_begin_with_rset() {
    let again = "RSET\r\nMAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>";
    let lines = [
        (GROUP, TAKEN),
        (LAST, "451 later"),
        (again, "250 ok\r\n250 ok\r\n250 ok"),
        (LAST, "250 queued"),
        (GROUP, TAKEN),
        (LAST, "250 queued"),
    ];
    let (mut connection, _server) = opened_with_chunks(&lines).await;
    assert!(matches!(send(&mut connection).await, Ok(Sent::Refused(_))));
    accepted(send(&mut connection).await);
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_recipient_that_was_taken_without_mail_is_undone_by_rset() {
    let again = "RSET\r\nMAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>";
    let lines = [
        (GROUP, "451 later\r\n250 ok"),
        (again, "250 ok\r\n250 ok\r\n250 ok"),
        (LAST, "250 queued"),
    ];
    let (mut connection, _server) = opened_with_chunks(&lines).await;
    send(&mut connection).await.map(drop).unwrap_err();
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_message_gets_its_own_envelope_however_stubborn_the_server_is() {
    for is_stubborn in [false, true] {
        for way in [CHUNKS, CHUNKS_IN_LOCK_STEP] {
            let mut receiver = Receiver::new(OFFERS);
            receiver.is_stubborn = is_stubborn;
            let stream = Stream::new(receiver);
            let bodies = ["a\r\n", "spam\r\n", "b\r\n", "spam\r\n", "c\r\n", "d\r\n"];
            let locals = ["ada", "bert", "bad", "cleo", "dora", "emil"];
            let mails = locals
                .iter()
                .zip(bodies)
                .map(|(local, body)| mail(local, body));
            let mails: Vec<Outgoing> = mails.collect();
            let known = carry(stream.clone(), way, &mails).await;
            let known: Vec<bool> = known.iter().map(|k| matches!(k, Known::Accepted)).collect();
            assert_eq!(known, [true, false, false, false, true, true]);
            let line = stream.line();
            let arrived = line.receiver.accepted.iter();
            let arrived = arrived.map(|m| (m.from.as_str(), m.to.as_str(), m.body.as_str()));
            let expect = [
                ("bounce-ada@example.test", "ada@example.test", "a\r\n"),
                ("bounce-dora@example.test", "dora@example.test", "c\r\n"),
                ("bounce-emil@example.test", "emil@example.test", "d\r\n"),
            ];
            assert_eq!(arrived.collect::<Vec<_>>(), expect, "{is_stubborn} {way:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_takes_two_chunks() {
    let body = "0123456789abcde\r\n".repeat(10_000);
    for way in [CHUNKS, CHUNKS_IN_LOCK_STEP] {
        let stream = Stream::new(Receiver::new(OFFERS));
        let mails = [mail("ada", &body), mail("bert", &body)];
        let known = carry(stream.clone(), way, &mails).await;
        assert!(known.iter().all(|known| matches!(known, Known::Accepted)));
        let line = stream.line();
        let bdats = line.receiver.commands.iter().filter(|c| *c == "BDAT");
        assert_eq!(bdats.count(), 4);
        let mut bodies = line.receiver.accepted.iter().map(|message| &message.body);
        assert!(bodies.all(|arrived| *arrived == body));
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_waits_at_the_gate_with_its_last_chunk() {
    let body = "0123456789abcde\r\n".repeat(10_000);
    for way in [CHUNKS, CHUNKS_IN_LOCK_STEP] {
        let stream = Stream::new(Receiver::new(OFFERS));
        let opened = Connection::open(stream.clone(), name(), Timeouts::STANDARD).await;
        let mut connection = opened.unwrap().with_extensions(way);
        let transfer = connection.begin(mail("ada", &body)).await.unwrap();
        transfer.send_body().await.unwrap().abandon();
        let line = stream.line();
        assert!(line.receiver.accepted.is_empty());
        assert!((body.len() - 64 * 1024..body.len()).contains(&line.handed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_refused_before_the_gate_keeps_the_last_one_back() {
    let large = "0123456789abcde\r\n".repeat(10_000);
    let mut receiver = Receiver::new(OFFERS);
    receiver.has_no_room = true;
    let stream = Stream::new(receiver);
    let known = carry(stream.clone(), CHUNKS, &[mail("ada", &large)]).await;
    let Known::Not(trouble) = &known[0] else {
        panic!("{known:?}");
    };
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Body, Scope::Message)
    );
    assert_eq!(trouble.reply().unwrap().to_string(), "452 4.3.1 no room");
    let line = stream.line();
    let commands = line.receiver.commands.iter();
    assert_eq!(commands.filter(|command| *command == "BDAT").count(), 1);
}

/// Sends a message of two chunks that are answered together like this.
async fn send_two_chunks(replies: &'static str) -> (Sent, bool) {
    let body = "0123456789abcde\r\n".repeat(5_000);
    let (early, last) = body.split_at(body.len() - 64 * 1024);
    let chunks = format!("BDAT {}\r\n{early}BDAT 65536 LAST\r\n{last}", early.len());
    let chunks = Box::leak(chunks.into_boxed_str()).trim_end();
    let lines = [(GROUP, TAKEN), (chunks, replies)];
    let (mut connection, _server) = opened_with_chunks(&lines).await;
    let gate = transmit(&mut connection, &envelope(), &content_of(&body)).await;
    let sent = gate.unwrap().dot().await;
    (sent, connection.is_reusable())
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_refused_behind_the_gate_refuses_the_message() {
    let (sent, is_reusable) = send_two_chunks("552 5.3.4 too big\r\n503 5.5.1 RSET first").await;
    let Sent::Refused(trouble) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Dot, Scope::Message)
    );
    assert_eq!(trouble.reply().unwrap().to_string(), "552 5.3.4 too big");
    assert!(trouble.is_permanent() && is_reusable);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_at_which_the_server_leaves_says_nothing_of_a_last_one_that_is_out() {
    for chunk in ["421 4.3.2 closing", "503 5.5.1 what", "530 5.7.0 log in"] {
        let unanswered = Box::leak(chunk.to_owned().into_boxed_str());
        let (sent, is_reusable) = send_two_chunks(unanswered).await;
        assert!(matches!(sent, Sent::InDoubt(_)), "{chunk}: {sent:?}");
        assert!(!is_reusable);

        let answered = Box::leak(format!("{chunk}\r\n554 no").into_boxed_str());
        let (sent, is_reusable) = send_two_chunks(answered).await;
        let Sent::Refused(trouble) = sent else {
            panic!("{chunk}: {sent:?}");
        };
        assert_eq!(trouble.reply().unwrap().to_string(), chunk);
        assert!(!trouble.is_permanent() && !is_reusable);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_last_chunk_is_out_is_in_doubt_until_all_its_replies_agree() {
    for replies in ["452 no room\r\n250 queued", "250 ok\r\n354 what"] {
        let (sent, is_reusable) = send_two_chunks(replies).await;
        assert!(matches!(sent, Sent::InDoubt(_)), "{replies}: {sent:?}");
        assert!(!is_reusable, "{replies}");
    }
    for replies in [CLOSE, "", "250 ok"] {
        let (sent, _) = send_two_chunks(replies).await;
        assert!(matches!(sent, Sent::InDoubt(_)), "{replies}: {sent:?}");
    }
    let (sent, is_reusable) = send_two_chunks("250 ok\r\n250 queued").await;
    assert_eq!(accepted(Ok(sent)), "250 queued");
    assert!(is_reusable);
}

/// A server that offers chunks and knows none has judged nobody.
fn check_unknown(trouble: &Trouble, phase: Phase) {
    assert_eq!((trouble.phase(), trouble.scope()), (phase, Scope::Session));
    assert!(matches!(trouble.cause(), Some(Cause::NoChunks)));
    assert!(!trouble.is_permanent() && !trouble.is_in_doubt());
    // Groups are not what it broke.
    assert!(!trouble.is_out_of_step());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_its_chunks_has_refused_nobody_and_gets_no_more() {
    for reply in ["500 5.5.1 unknown command", "502 what?"] {
        // The octets of the chunk are the next commands to it.
        let replies: &str = format!("{reply}\r\n{reply}\r\n221 bye").leak();
        let lines = [(GROUP, TAKEN), (LAST, replies)];
        let (mut connection, _server) = opened_with_chunks(&lines).await;
        let Ok(Sent::Refused(trouble)) = send(&mut connection).await else {
            panic!("{reply} is a refusal");
        };
        check_unknown(&trouble, Phase::Dot);
        assert!(!connection.is_reusable() && !connection.extensions().chunking);
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_behind_an_unknown_chunk_is_not_touched_by_it() {
    let lines = [(GROUP, TAKEN), (LAST_AND_GROUP, "500 what?\r\n500 what?")];
    let (mut connection, _server) = opened_with_chunks(&lines).await;
    let gate = transmit(&mut connection, &envelope(), &content()).await;
    let (sent, following) = gate.unwrap().dot_with(outgoing()).await;
    assert!(matches!(sent, Sent::Refused(_)), "{sent:?}");
    assert!(following.open().await.unwrap_err().is_neutral());
}

#[tokio::test(start_paused = true)]
async fn an_early_chunk_that_is_not_known_keeps_the_last_one_back_or_speaks_for_it() {
    let body = "0123456789abcd\r\n".repeat(5_000);
    let early = &body[..body.len() - 64 * 1024];
    let chunk: &str = format!("BDAT {}\r\n{}", early.len(), early.trim_end()).leak();
    let lines = [UP_TO_BODY[0], UP_TO_BODY[1], (chunk, "500 what?")];
    let (connection, _server) = opened_with_chunks(&lines).await;
    let mut connection = connection.with_extensions(CHUNKS_IN_LOCK_STEP);
    let gate = transmit(&mut connection, &envelope(), &content_of(&body)).await;
    check_unknown(&gate.unwrap_err(), Phase::Body);
    assert!(!connection.is_reusable() && !connection.extensions().chunking);

    let (sent, is_reusable) = send_two_chunks("500 what?\r\n500 what?").await;
    let Sent::Refused(trouble) = sent else {
        panic!("{sent:?}");
    };
    check_unknown(&trouble, Phase::Dot);
    assert!(!is_reusable);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_refused_for_what_it_says_is_refused() {
    for reply in ["500 5.6.0 bad content", "550 5.7.1 spam"] {
        let (mut connection, _server) = opened_with_chunks(&[(GROUP, TAKEN), (LAST, reply)]).await;
        let Ok(Sent::Refused(trouble)) = send(&mut connection).await else {
            panic!("{reply} is a refusal");
        };
        assert!(trouble.is_permanent(), "{reply}");
        assert!(connection.is_reusable() && connection.extensions().chunking);
    }
}
