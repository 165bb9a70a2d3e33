//! Servers that offer SIZE and refuse a MAIL that tells one.

use postrider_smtp::{Connection, Envelope, Extensions, Outgoing, Trouble};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use crate::courier::LOCK_STEP;
use crate::script::{
    self, BODY, CLOSE, DOT, Line, OPENING, UP_TO_BODY, accepted, content, envelope, opened, send,
    table, trouble,
};

const SIZED_MAIL: &str = "MAIL FROM:<news@example.test> SIZE=17";

const SIZED_GROUP: &str =
    "MAIL FROM:<news@example.test> SIZE=17\r\nRCPT TO:<ada@example.test>\r\nDATA";

const GROUP: &str = "MAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\nDATA";

const RSET_GROUP: &str =
    "RSET\r\nMAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\nDATA";

const REFUSED: &str = "555 5.5.4 parameters\r\n503 need MAIL\r\n503 need RCPT";

const TAKEN: &str = "250 ok\r\n250 ok\r\n354 go ahead";

const TAKEN_AFTER_RSET: &str = "250 ok\r\n250 ok\r\n250 ok\r\n354 go ahead";

/// A session on which SIZE is offered, and more.
async fn offered(
    offers: &'static str,
    lines: &[Line],
) -> (Connection<DuplexStream>, JoinHandle<String>) {
    let opening = [OPENING[0], ("EHLO client.test", offers)];
    opened(table(&[&opening, lines])).await
}

const WITH_GROUPS: &str = "250-mx.test\r\n250-PIPELINING\r\n250 SIZE";

const WITHOUT_GROUPS: &str = "250-mx.test\r\n250 SIZE";

fn tells_size(connection: &Connection<DuplexStream>) -> bool {
    connection.extensions().size
}

#[tokio::test(start_paused = true)]
async fn a_group_is_said_again_without_its_size_and_no_later_one_tells_it() {
    let lines = [
        (SIZED_GROUP, REFUSED),
        (RSET_GROUP, TAKEN_AFTER_RSET),
        BODY,
        DOT,
        (GROUP, TAKEN),
        BODY,
        DOT,
    ];
    let (mut connection, _server) = offered(WITH_GROUPS, &lines).await;
    assert!(tells_size(&connection));
    accepted(send(&mut connection).await);
    assert!(!tells_size(&connection));
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn in_lock_step_mail_alone_is_said_again_whatever_the_code_is() {
    let rest = table(&[&UP_TO_BODY, &[BODY, DOT]]);
    for reply in [
        "555 no",
        "501 syntax",
        "504 5.5.4 parameter not implemented",
    ] {
        let lines = table(&[&[(SIZED_MAIL, reply)], &rest, &rest]);
        let (mut connection, _server) = offered(WITHOUT_GROUPS, &lines).await;
        accepted(send(&mut connection).await);
        accepted(send(&mut connection).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_behind_a_dot_is_said_again_like_any_other() {
    let dot_group: &str = format!(".\r\n{SIZED_GROUP}").leak();
    let both: &str = format!("250 queued\r\n{REFUSED}").leak();
    let lines = [
        (SIZED_GROUP, TAKEN),
        BODY,
        (dot_group, both),
        (RSET_GROUP, TAKEN_AFTER_RSET),
        BODY,
        DOT,
    ];
    let (mut connection, _server) = offered(WITH_GROUPS, &lines).await;
    let gate = script::transmit(&mut connection, &envelope(), &content()).await;
    let next = Outgoing {
        envelope: envelope(),
        content: content(),
    };
    let (sent, following) = gate.unwrap().dot_with(next).await;
    accepted(Ok(sent));
    let gate = following.open().await.unwrap().send_body().await.unwrap();
    accepted(Ok(gate.dot().await));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_without_a_size_too_is_refused() {
    let lines = [(SIZED_MAIL, "555 no"), (UP_TO_BODY[0].0, "555 5.5.4 no!")];
    let (mut connection, _server) = offered(WITHOUT_GROUPS, &lines).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(trouble.reply().unwrap().to_string(), "555 5.5.4 no!");
    assert!(trouble.is_permanent() && connection.is_reusable());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_not_about_parameters_is_no_reason_to_say_it_again() {
    for reply in ["501 5.1.7 bad sender", "550 no", "552 5.3.4 too big"] {
        let (mut connection, _server) = offered(WITHOUT_GROUPS, &[(SIZED_MAIL, reply)]).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!(trouble.reply().unwrap().to_string(), reply);
        assert!(tells_size(&connection) && connection.is_reusable());
    }
    let refused = [(UP_TO_BODY[0].0, "555 5.5.4 no")];
    for offers in ["250 mx.test", "250-mx.test\r\n250 8BITMIME"] {
        let (mut connection, _server) = offered(offers, &refused).await;
        assert!(trouble(send(&mut connection).await).is_permanent());
    }
    let refused = [(SIZED_MAIL, "250 ok"), (UP_TO_BODY[1].0, "555 5.5.4 no")];
    let (mut connection, _server) = offered(WITHOUT_GROUPS, &refused).await;
    assert!(trouble(send(&mut connection).await).is_permanent());
    assert!(tells_size(&connection));
}

#[tokio::test(start_paused = true)]
async fn what_a_message_needs_is_asked_for_again() {
    let lines = [
        ("MAIL FROM:<> SIZE=17 SMTPUTF8", "555 5.5.4 no"),
        ("MAIL FROM:<> SMTPUTF8", "555 5.5.4 no"),
    ];
    let (mut connection, _server) =
        offered("250-mx.test\r\n250-SIZE\r\n250 SMTPUTF8", &lines).await;
    let unicode = Envelope {
        reverse_path: None,
        forward_path: "jörg@example.test".parse().unwrap(),
    };
    let refused = script::transmit(&mut connection, &unicode, &content()).await;
    assert!(refused.map(drop).unwrap_err().is_permanent());
}

/// How a group ends that is refused for its size when the server then goes on like this.
async fn ended(lines: &[Line]) -> (Trouble, bool) {
    let (mut connection, _server) = offered(WITH_GROUPS, lines).await;
    let trouble = trouble(send(&mut connection).await);
    assert!(!connection.is_reusable());
    (trouble, tells_size(&connection))
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_before_mail_is_said_again_has_judged_nobody() {
    for lines in [
        &[(SIZED_GROUP, "555 no\r\n421 bye")][..],
        &[(SIZED_GROUP, "555 no\r\n503 no\r\n503 no\r\n421 bye")],
        &[(SIZED_GROUP, "555 no"), ("", CLOSE)],
        &[(SIZED_GROUP, REFUSED), (RSET_GROUP, CLOSE)],
        // A go-ahead for nobody: only closing is safe.
        &[(SIZED_GROUP, "555 no\r\n503 no\r\n354 go ahead")],
    ] {
        let (trouble, tells_size) = ended(lines).await;
        assert!(!trouble.is_permanent(), "{lines:?}: {trouble}");
        assert!(!tells_size, "other sessions there need not try again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_size_is_not_told_where_that_is_not_allowed() {
    let lines = table(&[&UP_TO_BODY, &[BODY, DOT]]);
    let (connection, _server) = offered(WITHOUT_GROUPS, &lines).await;
    let mut connection = connection.with_extensions(Extensions {
        size: false,
        ..LOCK_STEP
    });
    accepted(send(&mut connection).await);
}
