//! Refusals that are about the order of commands, and not about a message.

use postrider_smtp::{Cause, Sent, Trouble};
use postrider_types::{Phase, Scope};

use crate::groups::{GROUP, OPENING_WITH_GROUPS};
use crate::script::{
    BODY, Line, OPENING, UP_TO_BODY, content, envelope, opened, rest_of, send, table, transmit,
    trouble,
};

const TAKEN: [Line; 1] = [(GROUP, "250 ok\r\n250 ok\r\n354 go ahead")];

/// What a table comes to, whose transaction ends before its gate; nothing may follow it.
async fn closed(lines: &[&[Line]]) -> Trouble {
    let (mut connection, server) = opened(table(lines)).await;
    let trouble = trouble(send(&mut connection).await);
    assert!(!connection.is_reusable(), "{trouble}");
    drop(connection);
    assert_eq!(rest_of(server).await, "", "{trouble}");
    trouble
}

fn check_lost_step(trouble: &Trouble) {
    assert!(trouble.is_out_of_step(), "{trouble}");
    assert!(
        !trouble.is_permanent() && !trouble.is_neutral(),
        "{trouble}"
    );
    assert_eq!(trouble.scope(), Scope::Session, "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_commands_are_not_known_has_lost_step_and_judges_nobody() {
    for (replies, phase) in [
        (
            "500 5.5.1 Invalid command: Pipelining not supported",
            Phase::Mail,
        ),
        ("500 what?", Phase::Mail),
        ("250 ok\r\n502 5.5.2 not implemented", Phase::Rcpt),
        ("250 ok\r\n250 ok\r\n500 5.5.1 unknown command", Phase::Data),
    ] {
        let trouble = closed(&[&OPENING_WITH_GROUPS, &[(GROUP, replies)]]).await;
        check_lost_step(&trouble);
        assert_eq!(trouble.phase(), phase, "{replies}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_by_one_an_unknown_command_is_a_refusal_like_any_other() {
    for index in 0..UP_TO_BODY.len() {
        let mut lines = UP_TO_BODY;
        lines[index].1 = "500 5.5.1 unknown command";
        let (mut connection, _server) = opened(table(&[&OPENING, &lines[..=index]])).await;
        let trouble = trouble(send(&mut connection).await);
        assert!(
            trouble.is_permanent() && !trouble.is_out_of_step(),
            "{index}"
        );
        assert!(connection.is_reusable(), "{index}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_group_a_500_about_the_recipient_judges_him() {
    let replies = "250 ok\r\n500 5.1.1 no such user\r\n554 no valid recipients";
    let (mut connection, _server) =
        opened(table(&[&OPENING_WITH_GROUPS, &[(GROUP, replies)]])).await;
    let trouble = trouble(send(&mut connection).await);
    assert!(trouble.is_permanent() && connection.is_reusable());
    assert_eq!(trouble.scope(), Scope::Recipient);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_that_step_is_lost_has_judged_nobody_whatever_its_code() {
    for words in [
        "554 5.5.0 Error: SMTP protocol synchronization",
        "554 SMTP synchronization error",
        "550 5.5.1 Improper use of SMTP command pipelining",
    ] {
        for before in ["", "250 ok\r\n", "250 ok\r\n250 ok\r\n"] {
            let replies: &str = format!("{before}{words}").leak();
            check_lost_step(&closed(&[&OPENING_WITH_GROUPS, &[(GROUP, replies)]]).await);
        }
        for index in 0..UP_TO_BODY.len() {
            let mut lines = UP_TO_BODY;
            lines[index].1 = words;
            check_lost_step(&closed(&[&OPENING, &lines[..=index]]).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_step_instead_of_an_answer_to_the_dot_is_a_refusal_that_bounces_nobody() {
    let dot = (".", "554 5.5.0 Error: SMTP protocol synchronization");
    let (mut connection, _server) =
        opened(table(&[&OPENING_WITH_GROUPS, &TAKEN, &[BODY, dot]])).await;
    let gate = transmit(&mut connection, &envelope(), &content()).await;
    let Sent::Refused(trouble) = gate.unwrap().dot().await else {
        panic!("the reply to the dot is a refusal");
    };
    check_lost_step(&trouble);
    assert!(!trouble.is_in_doubt() && !connection.is_reusable());
    assert!(matches!(trouble.cause(), Some(Cause::OutOfPlace)));
}
