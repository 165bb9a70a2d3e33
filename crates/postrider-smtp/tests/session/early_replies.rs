//! Servers that speak while the body is being written, or stop listening.

use std::time::Duration;

use bytes::Bytes;
use postrider_smtp::{Cause, Content, Sent, Trouble};
use postrider_types::{Phase, Scope};

use crate::script::{
    self, BODY, CLOSE, Line, OPENING, UP_TO_BODY, content, envelope, opened, rest_of, send, table,
    trouble,
};

/// Far more than the stream holds, so that writing it needs a server that listens.
fn large() -> Content {
    let line = format!("{}\r\n", "a".repeat(76));
    Content::new(vec![Bytes::from(line.repeat(20_000))]).unwrap()
}

async fn transmit_large(end: &[Line]) -> Trouble {
    let (mut connection, _server) = opened(table(&[&OPENING, &UP_TO_BODY, end])).await;
    let gate = script::transmit(&mut connection, &envelope(), &large())
        .await
        .map(drop);
    assert!(!connection.is_reusable());
    gate.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_mid_body_is_the_reason_and_nothing_hangs() {
    for (reply, is_permanent) in [("552 5.3.4 too big", true), ("452 4.3.1 disk full", false)] {
        let trouble = transmit_large(&[("", reply)]).await;
        assert_eq!(
            (trouble.phase(), trouble.scope()),
            (Phase::Body, Scope::Message)
        );
        assert_eq!(trouble.is_permanent(), is_permanent);
        assert_eq!(trouble.reply().unwrap().to_string(), reply);
        assert!(!trouble.is_in_doubt());
    }
}

#[tokio::test(start_paused = true)]
async fn last_words_before_a_close_are_the_reason() {
    let trouble = transmit_large(&[("", "554 5.6.0 I give up"), ("", CLOSE)]).await;
    assert_eq!(trouble.reply().unwrap().to_string(), "554 5.6.0 I give up");
}

#[tokio::test(start_paused = true)]
async fn a_close_in_mid_body_is_transient_and_not_in_doubt() {
    let trouble = transmit_large(&[("", CLOSE)]).await;
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Body, Scope::Session)
    );
    assert!(!trouble.is_permanent() && !trouble.is_in_doubt() && !trouble.is_neutral());
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_in_mid_body_is_not_believed() {
    let trouble = transmit_large(&[("", "250 ok")]).await;
    assert_eq!(trouble.scope(), Scope::Session);
    assert!(matches!(trouble.cause(), Some(Cause::OutOfPlace)));
}

#[tokio::test(start_paused = true)]
async fn a_reply_together_with_the_go_ahead_is_heard_before_the_body() {
    let mut lines = table(&[&OPENING, &UP_TO_BODY]);
    lines[4].1 = "354 go\r\n554 no";
    let (mut connection, server) = opened(lines).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(trouble.reply().unwrap().code, 554);
    assert_eq!(rest_of(server).await, "", "the body is not written");
}

/// What a server that does this after the body makes of a message that waits at its gate.
async fn wait_at_gate(reply: &'static str) -> (Sent, String) {
    let script = table(&[&OPENING, &UP_TO_BODY, &[BODY, ("", reply)]]);
    let (mut connection, server) = opened(script).await;
    let gate = script::transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap();
    // The begin record takes its time; the server does not wait for it.
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::task::yield_now().await;
    let sent = gate.dot().await;
    assert!(!connection.is_reusable());
    (sent, rest_of(server).await)
}

#[tokio::test(start_paused = true)]
async fn a_refusal_at_the_gate_keeps_the_terminator_back() {
    for reply in ["421 4.4.2 too slow", "554 5.5.0 no"] {
        let (sent, rest) = wait_at_gate(reply).await;
        assert!(matches!(sent, Sent::Refused(_)), "{sent:?}");
        assert_eq!(rest, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_at_the_gate_is_unsent_and_not_in_doubt() {
    let (sent, _) = wait_at_gate(CLOSE).await;
    assert!(matches!(sent, Sent::Unsent(_)), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_at_the_gate_keeps_the_terminator_back() {
    for reply in ["250 ok", "nonsense", "250-goes on"] {
        let (sent, rest) = wait_at_gate(reply).await;
        assert!(matches!(sent, Sent::Unsent(_)), "{reply}: {sent:?}");
        assert_eq!(rest, "");
    }
}
