//! How sessions end: 421, replies that do not fit, silent closes, QUIT.

use postrider_smtp::{Cause, Connection, Outgoing, Sent, Timeouts, Trouble};
use postrider_types::{Phase, Scope};

use crate::groups::{GROUP, OPENING_WITH_GROUPS};
use crate::script::{
    BODY, CLOSE, DOT, LATER, Line, OPENING, UP_TO_BODY, accepted, content, envelope, name, opened,
    rest_of, send, serve_in_pieces, table, transmit, trouble,
};

/// The transaction with another reply to its command number `index`, and nothing after it.
fn cut_at(index: usize, reply: &'static str) -> Vec<Line> {
    let mut lines = table(&[&OPENING, &UP_TO_BODY[..=index]]);
    lines[OPENING.len() + index].1 = reply;
    lines
}

const PHASES: [Phase; 3] = [Phase::Mail, Phase::Rcpt, Phase::Data];

#[tokio::test(start_paused = true)]
async fn a_421_at_any_moment_ends_the_session_and_is_transient() {
    for (index, phase) in PHASES.into_iter().enumerate() {
        let (mut connection, server) = opened(cut_at(index, "421 4.3.2 closing")).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!((trouble.phase(), trouble.scope()), (phase, Scope::Session));
        assert!(!trouble.is_permanent() && !trouble.is_neutral());
        assert_eq!(trouble.reply().unwrap().code, 421);
        let rest = rest_of(server).await;
        assert_eq!(
            rest, "",
            "nothing follows a 421, and the stream is closed at once"
        );
        assert!(!connection.is_reusable());
    }
}

/// A session on which one message was accepted, or refused, and the next MAIL answered like this.
async fn at_next_mail(dot: &'static str, reply: &'static str) -> Trouble {
    let lines = [BODY, (".", dot), (UP_TO_BODY[0].0, reply)];
    let (mut connection, _server) = opened(table(&[&OPENING, &UP_TO_BODY, &lines])).await;
    drop(send(&mut connection).await);
    trouble(send(&mut connection).await)
}

#[tokio::test(start_paused = true)]
async fn a_421_at_mail_behind_an_accepted_message_is_the_leave_of_the_session() {
    let is_leave = |trouble: Trouble| matches!(trouble.cause(), Some(Cause::Leave));
    assert!(is_leave(at_next_mail("250 ok", "421 4.3.2 bye").await));
    assert!(!is_leave(at_next_mail("550 no", "421 4.3.2 bye").await));
    assert!(!is_leave(at_next_mail("250 ok", "451 4.3.2 later").await));
}

#[tokio::test(start_paused = true)]
async fn a_421_right_behind_an_acceptance_is_the_leave_of_the_session() {
    let taken = (GROUP, "250 ok\r\n250 ok\r\n354 go ahead");
    let dot_group: &str = format!(".\r\n{GROUP}").leak();
    let both = (dot_group, "250 ok\r\n421 4.3.2 closing");
    let (mut connection, _server) =
        opened(table(&[&OPENING_WITH_GROUPS, &[taken, BODY, both]])).await;
    let gate = transmit(&mut connection, &envelope(), &content()).await;
    let next = Outgoing {
        envelope: envelope(),
        content: content(),
    };
    let (sent, following) = gate.unwrap().dot_with(next).await;
    accepted(Ok(sent));
    let trouble = following.open().await.unwrap_err();
    assert!(matches!(trouble.cause(), Some(Cause::Leave)), "{trouble}");
    assert_eq!(trouble.scope(), Scope::Session);
    assert!(!trouble.is_neutral() && !connection.is_reusable());
}

#[tokio::test(start_paused = true)]
async fn a_421_to_the_dot_is_a_refusal_and_ends_the_session() {
    let dot = [BODY, (".", "421 4.7.28 too much")];
    let (mut connection, _server) = opened(table(&[&OPENING, &UP_TO_BODY, &dot])).await;
    let Ok(Sent::Refused(trouble)) = send(&mut connection).await else {
        panic!("a 421 to the dot is a refusal");
    };
    assert_eq!(trouble.scope(), Scope::Session);
    assert!(!trouble.is_permanent() && !connection.is_reusable());
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_does_not_fit_ends_the_session_and_is_never_permanent() {
    let replies = [
        "503 5.5.1 nested MAIL",
        "354 what",
        "nonsense",
        "250-a\r\n550 b",
    ];
    for (index, phase) in PHASES.into_iter().enumerate() {
        // 354 is what DATA hopes for; what does not fit there is a 250.
        for reply in replies.map(|reply| match (phase, reply) {
            (Phase::Data, "354 what") => "250 ok",
            _ => reply,
        }) {
            let (mut connection, server) = opened(cut_at(index, reply)).await;
            let trouble = trouble(send(&mut connection).await);
            assert_eq!(
                (trouble.phase(), trouble.scope()),
                (phase, Scope::Session),
                "{reply}"
            );
            assert!(
                !trouble.is_permanent() && !connection.is_reusable(),
                "{reply}"
            );
            assert_eq!(rest_of(server).await, "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_the_dot_that_is_none_leaves_the_message_in_doubt() {
    for reply in ["354 what", "nonsense", "250-a\r\n550 b", "25", CLOSE] {
        let script = table(&[&OPENING, &UP_TO_BODY, &[BODY, (".", reply)]]);
        let (mut connection, _server) = opened(script).await;
        let Ok(Sent::InDoubt(trouble)) = send(&mut connection).await else {
            panic!("{reply} answers nothing");
        };
        assert_eq!(trouble.phase(), Phase::Dot);
        assert!(!connection.is_reusable());
    }
}

#[tokio::test(start_paused = true)]
async fn two_replies_to_one_command_end_the_session() {
    for (index, _) in PHASES.into_iter().enumerate().take(2) {
        let (mut connection, server) = opened(cut_at(index, "250 ok\r\n250 ok")).await;
        let trouble = trouble(send(&mut connection).await);
        assert_eq!(trouble.scope(), Scope::Session);
        assert!(matches!(trouble.cause(), Some(Cause::OutOfPlace)));
        assert_eq!(rest_of(server).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unasked_421_behind_a_reply_is_told_as_the_reason() {
    let (mut connection, _server) = opened(cut_at(0, "250 ok\r\n421 shutting down")).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(trouble.reply().unwrap().to_string(), "421 shutting down");
}

/// The trouble of a session whose last reply comes together with the first of these pieces; its code
/// is this, if it has one, and only 550 is for good.
async fn check_heard_out(lines: &[&[Line]], pieces: &[&str], code: Option<u16>) {
    let mut lines = table(lines);
    let (expect, reply) = lines.pop().unwrap();
    lines.push((expect, ""));
    let mut said = vec![format!("{reply}\r\n{}", pieces[0])];
    said.extend(pieces[1..].iter().map(|piece| (*piece).to_owned()));
    let stream = serve_in_pieces(lines, said);
    let opened = Connection::open(stream, name(), Timeouts::STANDARD).await;
    let mut connection = opened.unwrap();
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(trouble.reply().map(|reply| reply.code), code, "{pieces:?}");
    assert_eq!(trouble.is_permanent(), code == Some(550), "{pieces:?}");
    assert!(!connection.is_reusable());
}

#[tokio::test(start_paused = true)]
async fn an_unasked_reply_is_heard_out_before_it_is_judged() {
    let refused = [UP_TO_BODY[0], (UP_TO_BODY[1].0, "550 no")];
    let lock_step: &[&[Line]] = &[&OPENING, &refused];
    check_heard_out(lock_step, &["42", "1 bye\r\n"], Some(550)).await;
    check_heard_out(lock_step, &["42"], Some(550)).await;
    check_heard_out(lock_step, &["25", "0 what\r\n"], None).await;

    let refused = [(GROUP, "250 ok\r\n550 no\r\n554 no")];
    let group: &[&[Line]] = &[&OPENING_WITH_GROUPS, &refused];
    check_heard_out(group, &["421-", "b\r\n421 bye\r\n"], Some(550)).await;
    check_heard_out(group, &["4", "?\r\n"], None).await;

    let taken: &[&[Line]] = &[&OPENING, &UP_TO_BODY[..1]];
    check_heard_out(taken, &["4", "21 bye\r\n"], Some(421)).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_unasked_behind_an_acceptance_ends_the_session_and_not_the_acceptance() {
    let dot = [BODY, (".", "250 ok\r\n421 bye")];
    let (mut connection, _server) = opened(table(&[&OPENING, &UP_TO_BODY, &dot])).await;
    assert_eq!(accepted(send(&mut connection).await), "250 ok");
    assert!(!connection.is_reusable());
    assert!(trouble(send(&mut connection).await).is_neutral());
}

#[tokio::test(start_paused = true)]
async fn what_comes_unasked_while_idle_ends_the_session() {
    let idle = [BODY, DOT, ("", LATER), ("", "421 4.4.2 idle too long")];
    let (mut connection, server) = opened(table(&[&OPENING, &UP_TO_BODY, &idle])).await;
    accepted(send(&mut connection).await);
    tokio::task::yield_now().await;
    assert!(!connection.is_reusable());
    assert!(trouble(send(&mut connection).await).is_neutral());
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_close_between_two_messages_is_neutral() {
    let script = table(&[&OPENING, &UP_TO_BODY, &[BODY, DOT, ("", CLOSE)]]);
    let (mut connection, server) = opened(script).await;
    accepted(send(&mut connection).await);
    rest_of(server).await;
    assert!(!connection.is_reusable());
    let trouble = trouble(send(&mut connection).await);
    assert!(trouble.is_neutral() && !trouble.is_permanent());
    assert_eq!(trouble.scope(), Scope::Session);
}

#[tokio::test(start_paused = true)]
async fn a_close_before_the_first_message_is_neutral_and_its_words_are_kept() {
    for (end, code) in [("421 4.3.2 too many connections", Some(421)), (CLOSE, None)] {
        let (mut connection, _server) = opened(table(&[&OPENING, &[("", LATER), ("", end)]])).await;
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let trouble = trouble(send(&mut connection).await);
        assert!(trouble.is_neutral() && !trouble.is_permanent(), "{end}");
        assert_eq!(trouble.reply().map(|reply| reply.code), code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_instead_of_the_reply_to_the_next_mail_is_neutral() {
    let script = table(&[
        &OPENING,
        &UP_TO_BODY,
        &[BODY, DOT, (UP_TO_BODY[0].0, CLOSE)],
    ]);
    let (mut connection, _server) = opened(script).await;
    accepted(send(&mut connection).await);
    assert!(trouble(send(&mut connection).await).is_neutral());
}

#[tokio::test(start_paused = true)]
async fn a_close_instead_of_the_reply_to_the_first_mail_is_not_neutral() {
    let (mut connection, _server) = opened(cut_at(0, CLOSE)).await;
    let trouble = trouble(send(&mut connection).await);
    assert!(!trouble.is_neutral());
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Mail, Scope::Session)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_rset_ends_the_session_and_no_message() {
    for reply in ["421 bye", "500 what", CLOSE] {
        let refused = [UP_TO_BODY[0], (UP_TO_BODY[1].0, "550 no"), ("RSET", reply)];
        let (mut connection, _server) = opened(table(&[&OPENING, &refused])).await;
        assert!(trouble(send(&mut connection).await).is_permanent());
        let trouble = trouble(send(&mut connection).await);
        assert!(trouble.is_neutral() && !trouble.is_permanent(), "{reply}");
        assert!(!connection.is_reusable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_half_way_spoils_the_connection() {
    let (mut connection, _server) = opened(cut_at(0, "")).await;
    let patience = std::time::Duration::from_secs(1);
    let sent = tokio::time::timeout(patience, send(&mut connection)).await;
    assert!(sent.is_err(), "the server never answers");
    assert!(!connection.is_reusable());
    assert!(trouble(send(&mut connection).await).is_neutral());
}

#[tokio::test(start_paused = true)]
async fn quit_is_said_only_on_an_idle_session() {
    let (connection, server) = opened(table(&[&OPENING, &[("QUIT", CLOSE)]])).await;
    connection.quit().await;
    assert_eq!(rest_of(server).await, "");
    let (mut connection, server) = opened(cut_at(1, "421 bye")).await;
    trouble(send(&mut connection).await);
    connection.quit().await;
    assert_eq!(rest_of(server).await, "");
}
