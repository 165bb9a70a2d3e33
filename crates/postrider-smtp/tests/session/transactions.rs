//! Transactions: what is asked, what is refused, and what follows a refusal.

use postrider_smtp::{Content, Envelope, Sent};
use postrider_types::{Phase, Scope};

use bytes::Bytes;

use crate::script::{
    self, BODY, DOT, Line, OPENING, UP_TO_BODY, accepted, content, content_of, envelope, opened,
    rest_of, send, table, trouble,
};

const MAIL: Line = UP_TO_BODY[0];
const RCPT: Line = UP_TO_BODY[1];
const RSET: Line = ("RSET", "250 ok");

#[tokio::test(start_paused = true)]
async fn a_session_carries_many_messages_and_never_needs_rset() {
    let one = table(&[&UP_TO_BODY, &[BODY, DOT]]);
    let quit = [("QUIT", "221 bye")];
    let (mut connection, server) = opened(table(&[&OPENING, &one, &one, &one, &quit])).await;
    for _ in 0..3 {
        assert_eq!(
            accepted(send(&mut connection).await),
            "250 2.0.0 queued as 1"
        );
        assert!(connection.is_reusable());
    }
    connection.quit().await;
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn the_terminator_is_written_only_when_the_gate_is_passed() {
    let (mut connection, server) = opened(table(&[&OPENING, &UP_TO_BODY, &[BODY]])).await;
    let gate = script::transmit(&mut connection, &envelope(), &content())
        .await
        .unwrap();
    gate.abandon();
    assert!(!connection.is_reusable());
    assert_eq!(rest_of(server).await, "", "not one octet follows the body");
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_dropped_is_abandoned_and_closed_at_once() {
    let (mut connection, server) = opened(table(&[&OPENING, &UP_TO_BODY, &[BODY]])).await;
    drop(
        script::transmit(&mut connection, &envelope(), &content())
            .await
            .unwrap(),
    );
    assert_eq!(rest_of(server).await, "");
    assert!(trouble(send(&mut connection).await).is_neutral());
}

#[tokio::test(start_paused = true)]
async fn dots_are_doubled_on_the_wire_and_in_no_segment() {
    let body = ("..\r\na\r\n...b\r\n..", "");
    let (mut connection, _server) = opened(table(&[&OPENING, &UP_TO_BODY, &[body, DOT]])).await;
    let segments = ["", ".", "\r\na\r\n", "..b\r", "\n.\r\n"];
    let segments = segments.map(|segment| Bytes::from_static(segment.as_bytes()));
    let content = Content::new(segments.to_vec()).unwrap();
    let gate = script::transmit(&mut connection, &envelope(), &content)
        .await
        .unwrap();
    assert!(matches!(gate.dot().await, Sent::Accepted(_)));
}

#[tokio::test(start_paused = true)]
async fn a_refused_mail_is_followed_by_no_rcpt_and_needs_no_rset() {
    let refused = [(MAIL.0, "451 4.3.0 later")];
    let script = table(&[&OPENING, &refused, &UP_TO_BODY, &[BODY, DOT]]);
    let (mut connection, _server) = opened(script).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Mail, Scope::Message)
    );
    assert!(!trouble.is_permanent() && connection.is_reusable());
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_refused_recipient_leaves_the_session_open_and_the_next_transaction_begins_with_rset() {
    let refused = [MAIL, (RCPT.0, "550 5.1.1 no such user")];
    let script = table(&[&OPENING, &refused, &[RSET], &UP_TO_BODY, &[BODY, DOT]]);
    let (mut connection, _server) = opened(script).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Rcpt, Scope::Recipient)
    );
    assert!(trouble.is_permanent());
    assert_eq!(
        trouble.reply().unwrap().to_string(),
        "550 5.1.1 no such user"
    );
    assert!(connection.is_reusable());
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn one_rset_is_enough_when_the_mail_behind_it_is_refused() {
    let refused = [MAIL, (RCPT.0, "550 no"), RSET, (MAIL.0, "451 later")];
    let script = table(&[&OPENING, &refused, &UP_TO_BODY, &[BODY, DOT]]);
    let (mut connection, _server) = opened(script).await;
    assert_eq!(trouble(send(&mut connection).await).phase(), Phase::Rcpt);
    assert_eq!(trouble(send(&mut connection).await).phase(), Phase::Mail);
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_refused_data_begins_the_next_transaction_with_rset_and_only_that_one() {
    let refused = [MAIL, RCPT, ("DATA", "454 4.7.0 too fast")];
    let one = table(&[&UP_TO_BODY, &[BODY, DOT]]);
    let script = table(&[&OPENING, &refused, &[RSET], &one, &one]);
    let (mut connection, _server) = opened(script).await;
    let trouble = trouble(send(&mut connection).await);
    assert_eq!(
        (trouble.phase(), trouble.scope()),
        (Phase::Data, Scope::Message)
    );
    assert!(!trouble.is_permanent());
    accepted(send(&mut connection).await);
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_refused_dot_is_a_refusal_of_the_message_and_the_session_goes_on_without_rset() {
    for (reply, is_permanent) in [("451 4.7.1 later", false), ("554 5.7.1 spam", true)] {
        let refused = [BODY, (".", reply)];
        let script = table(&[&OPENING, &UP_TO_BODY, &refused, &UP_TO_BODY, &[BODY, DOT]]);
        let (mut connection, _server) = opened(script).await;
        let Ok(Sent::Refused(trouble)) = send(&mut connection).await else {
            panic!("{reply} is a refusal");
        };
        assert_eq!(
            (trouble.phase(), trouble.scope()),
            (Phase::Dot, Scope::Message)
        );
        assert_eq!(trouble.is_permanent(), is_permanent);
        assert!(connection.is_reusable());
        accepted(send(&mut connection).await);
    }
}

#[tokio::test(start_paused = true)]
async fn any_2xx_counts_where_a_2xx_is_hoped_for() {
    let up_to_body = [
        (MAIL.0, "252 ok"),
        (RCPT.0, "251 will forward"),
        UP_TO_BODY[2],
    ];
    let script = table(&[&OPENING, &up_to_body, &[BODY, (".", "200")]]);
    let (mut connection, _server) = opened(script).await;
    assert_eq!(accepted(send(&mut connection).await), "200");
}

#[tokio::test(start_paused = true)]
async fn a_message_above_the_size_limit_is_refused_without_a_word_to_the_server() {
    let ehlo = ("EHLO client.test", "250-mx.test\r\n250 SIZE 10");
    let (mut connection, server) = opened(vec![OPENING[0], ehlo]).await;
    let trouble = trouble(send(&mut connection).await);
    assert!(trouble.is_permanent() && trouble.is_local());
    assert_eq!(trouble.scope(), Scope::Message);
    assert!(connection.is_reusable());
    drop(connection);
    assert_eq!(rest_of(server).await, "");
}

#[tokio::test(start_paused = true)]
async fn the_exact_size_is_told_where_it_is_offered() {
    let opening = [OPENING[0], ("EHLO client.test", "250-mx.test\r\n250 SIZE")];
    let body = [
        ("MAIL FROM:<news@example.test> SIZE=17", "250 ok"),
        RCPT,
        UP_TO_BODY[2],
        BODY,
        DOT,
    ];
    let (mut connection, _server) = opened(table(&[&opening, &body])).await;
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_unicode_address_condemns_only_its_recipient_where_smtputf8_is_missing() {
    let (mut connection, _server) = opened(table(&[&OPENING, &UP_TO_BODY, &[BODY, DOT]])).await;
    let unicode = Envelope {
        forward_path: "jörg@example.test".parse().unwrap(),
        ..envelope()
    };
    let refused = script::transmit(&mut connection, &unicode, &content())
        .await
        .map(drop);
    let trouble = refused.unwrap_err();
    assert_eq!(trouble.scope(), Scope::Recipient);
    assert_eq!(
        trouble.reply().unwrap().enhanced.unwrap().to_string(),
        "5.6.7"
    );
    accepted(send(&mut connection).await);
}

#[tokio::test(start_paused = true)]
async fn eight_bit_content_and_unicode_addresses_are_announced_where_they_are_offered() {
    let ehlo = "250-mx.test\r\n250-8BITMIME\r\n250 SMTPUTF8";
    let opening = [OPENING[0], ("EHLO client.test", ehlo)];
    let transaction = [
        ("MAIL FROM:<> BODY=8BITMIME SMTPUTF8", "250 ok"),
        ("RCPT TO:<jörg@example.test>", "250 ok"),
        UP_TO_BODY[2],
        ("\u{fc}", ""),
        DOT,
    ];
    let (mut connection, _server) = opened(table(&[&opening, &transaction])).await;
    let envelope = Envelope {
        reverse_path: None,
        forward_path: "jörg@example.test".parse().unwrap(),
    };
    let content = content_of("\u{fc}\r\n");
    let gate = script::transmit(&mut connection, &envelope, &content)
        .await
        .unwrap();
    assert!(matches!(gate.dot().await, Sent::Accepted(_)));
}
