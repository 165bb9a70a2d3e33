//! Groups of commands, and what servers make of them (RFC 2920).

use postrider_smtp::{AtGate, Cause, Connection, Envelope, Outgoing, Sent, Trouble};
use postrider_types::{Phase, Scope};
use tokio::io::DuplexStream;

use crate::courier::LOCK_STEP;
use crate::script::{
    BODY, CLOSE, DOT, LATER, Line, OPENING, UP_TO_BODY, accepted, content, content_of, envelope,
    opened, rest_of, send, table, transmit, trouble,
};

pub(crate) const OPENING_WITH_GROUPS: [Line; 2] = [
    OPENING[0],
    ("EHLO client.test", "250-mx.test\r\n250 PIPELINING"),
];

pub(crate) const GROUP: &str =
    "MAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\nDATA";

const RSET_GROUP: &str =
    "RSET\r\nMAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\nDATA";

const DOT_GROUP: &str = ".\r\nMAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\nDATA";

const TAKEN: &str = "250 ok\r\n250 ok\r\n354 go ahead";

const NO_SUCH_USER: &str = "250 ok\r\n550 5.1.1 no such user\r\n554 5.5.1 no valid recipients";

fn outgoing() -> Outgoing {
    Outgoing {
        envelope: envelope(),
        content: content(),
    }
}

async fn opened_with_groups(
    lines: &[Line],
) -> (Connection<DuplexStream>, tokio::task::JoinHandle<String>) {
    opened(table(&[&OPENING_WITH_GROUPS, lines])).await
}

/// What a group that is answered like this is in for, and what the client says next.
async fn refused(replies: &'static str) -> (Trouble, bool, String) {
    let (mut connection, server) = opened_with_groups(&[(GROUP, replies)]).await;
    let trouble = trouble(send(&mut connection).await);
    let is_reusable = connection.is_reusable();
    drop(connection);
    (trouble, is_reusable, rest_of(server).await)
}

/// A message at its gate, on a session that goes on like this.
async fn at_gate<'a>(connection: &'a mut Connection<DuplexStream>) -> AtGate<'a, DuplexStream> {
    transmit(connection, &envelope(), &content()).await.unwrap()
}

/// The reply to a dot and to the envelope behind it: what becomes of both.
async fn dot_with(replies: &'static str) -> (Sent, Trouble, String) {
    let lines = [(GROUP, TAKEN), BODY, (DOT_GROUP, replies)];
    let (mut connection, server) = opened_with_groups(&lines).await;
    let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
    let trouble = following.open().await.map(drop).unwrap_err();
    drop(connection);
    (sent, trouble, rest_of(server).await)
}

#[tokio::test(start_paused = true)]
async fn an_envelope_leaves_as_one_group_and_the_next_one_with_the_dot() {
    let both = "250 2.0.0 queued as 1\r\n250 ok\r\n250 ok\r\n354 go ahead";
    let lines = [
        (GROUP, TAKEN),
        BODY,
        (DOT_GROUP, both),
        BODY,
        DOT,
        ("QUIT", "221 bye"),
    ];
    let (mut connection, server) = opened_with_groups(&lines).await;
    assert!(connection.is_pipelining());
    let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
    assert_eq!(accepted(Ok(sent)), "250 2.0.0 queued as 1");
    assert!(following.is_open());
    let gate = following.open().await.unwrap().send_body().await.unwrap();
    assert_eq!(accepted(Ok(gate.dot().await)), "250 2.0.0 queued as 1");
    connection.quit().await;
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn commands_leave_one_by_one_where_groups_are_not_offered_or_not_allowed() {
    let one = table(&[&UP_TO_BODY, &[BODY, DOT]]);
    for opening in [OPENING, OPENING_WITH_GROUPS] {
        let (connection, server) = opened(table(&[&opening, &one, &one])).await;
        let mut connection = connection.with_extensions(LOCK_STEP);
        assert!(!connection.is_pipelining());
        let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
        accepted(Ok(sent));
        let gate = following.open().await.unwrap().send_body().await.unwrap();
        accepted(Ok(gate.dot().await));
        drop(connection);
        assert_eq!(rest_of(server).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_recipient_is_judged_by_its_own_reply_and_the_next_group_begins_with_rset() {
    let next = [
        (RSET_GROUP, "250 ok\r\n250 ok\r\n250 ok\r\n354 go"),
        BODY,
        DOT,
        (GROUP, TAKEN),
    ];
    let lines = table(&[&[(GROUP, NO_SUCH_USER)], &next]);
    let (mut connection, _server) = opened_with_groups(&lines).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Rcpt, Scope::Recipient)
    );
    assert_eq!(
        trouble.reply().unwrap().to_string(),
        "550 5.1.1 no such user"
    );
    assert!(connection.is_reusable());
    accepted(send(&mut connection).await);
    transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap()
        .abandon();
}

#[tokio::test(start_paused = true)]
async fn what_follows_from_a_refused_mail_says_nothing_new_and_the_next_group_begins_with_rset() {
    for rest in [
        "503 need MAIL\r\n503 need RCPT",
        "550 no\r\n503-need\r\n503 more",
    ] {
        let replies = Box::leak(format!("451 4.3.0 later\r\n{rest}").into_boxed_str());
        let next = (RSET_GROUP, "250 ok\r\n250 ok\r\n250 ok\r\n354 go");
        let lines = [(GROUP, &*replies), next, BODY, DOT];
        let (mut connection, _server) = opened_with_groups(&lines).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!(
            (trouble.phase(), trouble.scope()),
            (Phase::Mail, Scope::Message)
        );
        assert!(!trouble.is_permanent(), "{rest}");
        accepted(send(&mut connection).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_go_ahead_for_a_refused_mail_is_closed_without_a_dot() {
    for replies in [
        "451 later\r\n250 ok\r\n354 go ahead",
        "550 no\r\n550 no\r\n354 go ahead",
        "451 later\r\n503 need MAIL\r\n354 go ahead",
    ] {
        let (trouble, is_reusable, rest) = refused(replies).await;
        assert_eq!(trouble.phase(), Phase::Mail, "{replies}");
        assert!(!is_reusable);
        assert_eq!(rest, "", "not one octet may follow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_go_ahead_without_a_recipient_gets_a_lone_dot_whose_reply_accepts_nothing() {
    for reply in ["250 queued", "554 no valid recipients", "354 what"] {
        let lines = [
            (GROUP, "250 ok\r\n550 5.1.1 no such user\r\n354 go ahead"),
            (".", reply),
            (RSET_GROUP, "250 ok\r\n250 ok\r\n250 ok\r\n354 go"),
            BODY,
            DOT,
        ];
        let (mut connection, _server) = opened_with_groups(&lines).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!(trouble.phase(), Phase::Rcpt);
        assert_eq!(
            trouble.reply().unwrap().to_string(),
            "550 5.1.1 no such user"
        );
        accepted(send(&mut connection).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_instead_of_answering_a_lone_dot_has_refused_all_the_same() {
    for reply in [CLOSE, "421 bye", "nonsense", ""] {
        let lines = [(GROUP, "250 ok\r\n550 no\r\n354 go ahead"), (".", reply)];
        let (mut connection, _server) = opened_with_groups(&lines).await;
        let trouble = trouble(send(&mut connection).await);
        assert!(!trouble.is_in_doubt(), "{reply}");
        assert_eq!(trouble.is_permanent(), reply != "nonsense", "{reply}");
        assert!(!connection.is_reusable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_421_anywhere_in_a_group_ends_the_session() {
    for (replies, phase) in [
        ("421 4.7.0 bye", Phase::Mail),
        ("250 ok\r\n421 bye", Phase::Rcpt),
        ("250 ok\r\n250 ok\r\n421 bye", Phase::Data),
        ("250 ok\r\n250 ok\r\n354 go\r\n421 bye", Phase::Body),
    ] {
        let (trouble, is_reusable, rest) = refused(replies).await;
        assert_eq!((trouble.phase(), trouble.scope()), (phase, Scope::Session));
        assert_eq!(trouble.reply().unwrap().code, 421);
        assert!(!trouble.is_permanent() && !is_reusable);
        assert_eq!(rest, "");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_stays_refused_however_the_session_ends() {
    for end in ["421 bye", "554 no\r\n421 bye", CLOSE, ""] {
        let group = Box::leak(format!("250 ok\r\n550 no\r\n{end}").into_boxed_str());
        let lines: &[Line] = match end {
            CLOSE => &[(GROUP, "250 ok\r\n550 no"), ("", CLOSE)],
            "" => &[(GROUP, "250 ok\r\n550 no")],
            _ => &[(GROUP, group)],
        };
        let (mut connection, _server) = opened_with_groups(lines).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!(trouble.phase(), Phase::Rcpt, "{end}");
        assert!(trouble.is_permanent() && !connection.is_reusable(), "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_that_cannot_be_matched_condemn_only_the_session() {
    for replies in [
        "250 ok\r\n550 no\r\n250 what",
        "250 ok\r\n550 no\r\n554 no\r\n250 one too many",
        "250 ok\r\n550 no\r\nnonsense",
        "250 ok\r\n550 no\r\n554-a\r\n250 b",
        "354 go ahead",
        "250 ok\r\n354 go ahead",
        "503 5.5.1 nested MAIL",
        "250 ok\r\n503 what",
        "250 ok\r\n250 ok\r\n250 ok",
    ] {
        let (trouble, is_reusable, rest) = refused(replies).await;
        assert_eq!(trouble.scope(), Scope::Session, "{replies}");
        assert!(
            !trouble.is_permanent() && !trouble.is_neutral(),
            "{replies}"
        );
        assert!(!is_reusable, "{replies}");
        assert_eq!(rest, "", "{replies}");
    }
}

#[tokio::test(start_paused = true)]
async fn odd_but_legal_replies_are_matched_by_their_place() {
    let taken = "250-2.1.0 ok\r\n250-\r\n250 really\r\n251\r\n354";
    let both = "200\r\n250\n252 ok\r\n354-go\r\n354 ahead";
    let lines = [(GROUP, taken), BODY, (DOT_GROUP, both), BODY, DOT];
    let (mut connection, _server) = opened_with_groups(&lines).await;
    let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
    assert_eq!(accepted(Ok(sent)), "200");
    let gate = following.open().await.unwrap().send_body().await.unwrap();
    accepted(Ok(gate.dot().await));
}

#[tokio::test(start_paused = true)]
async fn a_refused_dot_judges_its_message_and_the_next_one_goes_on() {
    for (reply, is_permanent) in [("451 4.7.1 later", false), ("554 5.7.1 spam", true)] {
        let both = Box::leak(format!("{reply}\r\n{TAKEN}").into_boxed_str());
        let lines = [(GROUP, TAKEN), BODY, (DOT_GROUP, both), BODY, DOT];
        let (mut connection, _server) = opened_with_groups(&lines).await;
        let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
        let Sent::Refused(trouble) = sent else {
            panic!("{reply} is a refusal, not {sent:?}");
        };
        assert_eq!(
            (trouble.phase(), trouble.is_permanent()),
            (Phase::Dot, is_permanent)
        );
        let gate = following.open().await.unwrap().send_body().await.unwrap();
        accepted(Ok(gate.dot().await));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_recipient_behind_an_acceptance_is_its_own_and_not_the_other_message_s() {
    let both = "250 queued\r\n250 ok\r\n550 5.1.1 no such user\r\n554 no valid recipients";
    let (sent, trouble, rest) = dot_with(both).await;
    accepted(Ok(sent));
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Rcpt, Scope::Recipient)
    );
    assert!(trouble.is_permanent());
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn an_envelope_behind_a_lost_dot_is_neutral() {
    for replies in ["354 what", "nonsense", "25", CLOSE, ""] {
        let (sent, trouble, rest) = dot_with(replies).await;
        assert!(matches!(sent, Sent::InDoubt(_)), "{replies}: {sent:?}");
        assert!(trouble.is_neutral() && !trouble.is_permanent(), "{replies}");
        assert_eq!(rest, "");
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_behind_a_dot_that_ends_the_session_is_neutral() {
    for replies in [
        "421 4.7.28 too much",
        "503 what\r\n250 ok\r\n250 ok\r\n354 go",
    ] {
        let (sent, trouble, rest) = dot_with(replies).await;
        assert!(matches!(sent, Sent::Refused(_)), "{sent:?}");
        assert!(trouble.is_neutral());
        assert_eq!(rest, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_close_between_an_acceptance_and_the_next_envelope_is_neutral() {
    let lines = [(GROUP, TAKEN), BODY, (DOT_GROUP, "250 queued"), ("", CLOSE)];
    let (mut connection, _server) = opened_with_groups(&lines).await;
    let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
    accepted(Ok(sent));
    assert!(following.open().await.map(drop).unwrap_err().is_neutral());
    assert!(!connection.is_reusable());
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_at_the_gate_keeps_dot_and_envelope_back() {
    for (said, is_refused) in [("421 too slow", true), ("250 ok", false), (CLOSE, false)] {
        let lines = [(GROUP, TAKEN), ("", LATER), ("", said)];
        let (mut connection, server) = opened_with_groups(&lines).await;
        let gate = at_gate(&mut connection).await;
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let (sent, following) = gate.dot_with(outgoing()).await;
        match sent {
            Sent::Refused(_) => assert!(is_refused, "{said}"),
            Sent::Unsent(_) => assert!(!is_refused, "{said}"),
            other => panic!("{said}: {other:?}"),
        }
        assert!(!following.is_open());
        assert!(following.open().await.map(drop).unwrap_err().is_neutral());
        assert_eq!(rest_of(server).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_body_waits_for_the_gate_and_a_large_one_only_its_dot() {
    let line = format!("{}\r\n", "a".repeat(76));
    for (lines, arrives) in [(1, false), (1_000, true)] {
        let body = line.repeat(lines);
        let body: &'static str = Box::leak(body.into_boxed_str());
        let script = match arrives {
            true => vec![(GROUP, TAKEN), (body.trim_end(), "")],
            false => vec![(GROUP, TAKEN)],
        };
        let (mut connection, server) = opened_with_groups(&script).await;
        let gate = transmit(&mut connection, &envelope(), &content_of(body)).await;
        gate.unwrap().abandon();
        assert_eq!(rest_of(server).await, "", "not one octet more");
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_that_the_server_cannot_take_stays_behind_and_the_dot_leaves_alone() {
    let lines = [(GROUP, TAKEN), BODY, DOT, (GROUP, TAKEN), BODY, DOT];
    let (mut connection, _server) = opened_with_groups(&lines).await;
    let unicode = Envelope {
        forward_path: "jörg@example.test".parse().unwrap(),
        ..envelope()
    };
    let next = Outgoing {
        envelope: unicode,
        content: content(),
    };
    let (sent, following) = at_gate(&mut connection).await.dot_with(next).await;
    accepted(Ok(sent));
    let trouble = following.open().await.map(drop).unwrap_err();
    assert!(trouble.is_permanent() && trouble.is_local());
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn whoever_lets_go_of_an_envelope_that_is_out_closes_the_session() {
    let both = "250 queued\r\n250 ok\r\n250 ok\r\n354 go ahead";
    let lines = [(GROUP, TAKEN), BODY, (DOT_GROUP, both)];
    let (mut connection, server) = opened_with_groups(&lines).await;
    let (sent, following) = at_gate(&mut connection).await.dot_with(outgoing()).await;
    accepted(Ok(sent));
    drop(following);
    assert!(!connection.is_reusable());
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_go_ahead_that_nobody_uses_closes_the_session() {
    let (mut connection, server) = opened_with_groups(&[(GROUP, TAKEN)]).await;
    let transfer = connection.begin(outgoing()).await.unwrap();
    assert_eq!(transfer.content_bytes(), content().bytes());
    drop(transfer);
    assert!(!connection.is_reusable());
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_refused_rset_in_a_group_concerns_no_message() {
    let lines = [
        (GROUP, NO_SUCH_USER),
        (RSET_GROUP, "500 what\r\n503 no\r\n503 no\r\n503 no"),
    ];
    let (mut connection, _server) = opened_with_groups(&lines).await;
    trouble(send(&mut connection).await);
    let trouble = trouble(send(&mut connection).await);
    assert!(trouble.is_neutral() && !connection.is_reusable());
    assert!(!matches!(trouble.cause(), Some(Cause::Guard)));
}
