//! Greeting and EHLO.

use postrider_smtp::{Cause, Trouble};
use postrider_types::{Phase, Scope};

use crate::script::{
    BODY, CLOSE, DOT, Line, UP_TO_BODY, accepted, open, opened, rest_of, send, table,
};

const GREETING: Line = ("", "220 mx.test");

async fn check_refused(table: Vec<Line>, phase: Phase) -> Trouble {
    let (connection, server) = open(table).await;
    let trouble = connection.map(drop).unwrap_err();
    assert_eq!(trouble.scope(), Scope::Site);
    assert_eq!(trouble.phase(), phase);
    assert!(!trouble.is_permanent() && trouble.closes_session());
    assert_eq!(
        rest_of(server).await,
        "",
        "nothing may follow a refused opening"
    );
    trouble
}

#[tokio::test(start_paused = true)]
async fn capabilities_are_those_of_the_ehlo_reply() {
    let ehlo = "250-mx.test hello\r\n250-size 1000\r\n250-X-UNKNOWN\r\n250 PIPELINING";
    let (connection, _server) = opened(vec![GREETING, ("EHLO client.test", ehlo)]).await;
    assert!(connection.capabilities().pipelining);
    assert_eq!(connection.capabilities().size_max, Some(1_000));
    assert!(!connection.capabilities().eight_bit_mime);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_ehlo_is_followed_by_helo_once_and_mail_goes_without_extensions() {
    for reply in ["500 what", "501 what", "502 5.5.1 what", "504 what"] {
        let opening = [
            GREETING,
            ("EHLO client.test", reply),
            ("HELO client.test", "250-mx.test\r\n250 SIZE 1"),
        ];
        let (mut connection, _server) = opened(table(&[&opening, &UP_TO_BODY, &[BODY, DOT]])).await;
        let accepted = accepted(send(&mut connection).await);
        assert_eq!(accepted, "250 2.0.0 queued as 1", "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_us_at_ehlo_is_no_old_server_and_lasts() {
    for reply in ["503 no", "521 no mail", "550 5.7.1 blocked", "554 go away"] {
        let opening = vec![GREETING, ("EHLO client.test", reply)];
        let trouble = check_refused(opening, Phase::Ehlo).await;
        assert_eq!(trouble.reply().unwrap().to_string(), reply);
        assert!(trouble.is_lasting());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_helo_is_transient_trouble_with_the_site() {
    let opening = vec![
        GREETING,
        ("EHLO client.test", "502 what"),
        ("HELO client.test", "550 go away"),
    ];
    check_refused(opening, Phase::Ehlo).await;
}

#[tokio::test(start_paused = true)]
async fn no_greeting_code_is_permanent() {
    for greeting in [
        "421 later",
        "450 later",
        "521 no mail",
        "554 5.7.1 blocked",
        "354 what",
    ] {
        check_refused(vec![("", greeting)], Phase::Greeting).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_ehlo_is_transient_trouble_with_the_site() {
    for reply in ["421 bye", "451 later"] {
        let trouble = check_refused(vec![GREETING, ("EHLO client.test", reply)], Phase::Ehlo).await;
        assert!(!trouble.is_lasting());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_no_smtp_is_trouble_with_the_site() {
    let trouble = check_refused(vec![("", "HTTP/1.1 400 Bad Request")], Phase::Greeting).await;
    assert!(matches!(trouble.cause(), Some(Cause::Garbage(_))));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_greets_twice_is_left() {
    let trouble = check_refused(vec![("", "220 mx.test\r\n220 again")], Phase::Ehlo).await;
    assert!(matches!(trouble.cause(), Some(Cause::OutOfPlace)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_before_its_greeting_is_trouble_with_the_site() {
    let trouble = check_refused(vec![("", CLOSE)], Phase::Greeting).await;
    assert!(matches!(trouble.cause(), Some(Cause::Closed)));
}

#[tokio::test(start_paused = true)]
async fn an_endless_ehlo_reply_is_cut_short() {
    let ehlo: &'static str = Box::leak("250-X\r\n".repeat(10_000).into_boxed_str());
    let (connection, server) = open(vec![GREETING, ("EHLO client.test", ehlo)]).await;
    let trouble = connection.map(drop).unwrap_err();
    assert!(
        matches!(trouble.cause(), Some(Cause::Garbage(_))),
        "{trouble:?}"
    );
    drop(server);
}
