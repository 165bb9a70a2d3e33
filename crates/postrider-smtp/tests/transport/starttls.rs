//! What a policy does with what a server offers.

use postrider_smtp::site::TlsPolicy;
use postrider_smtp::{Capabilities, Content, Envelope, Outgoing, Sent};
use postrider_types::Phase;

use crate::authority::{Kind, show};
use crate::server::{
    ANYTHING, CLOSE, GREETING, Line, STARTTLS, Server, check_says, dial, dialer, sentence,
};

const REQUIRED: TlsPolicy = TlsPolicy::Starttls { is_verified: true };
const UNVERIFIED: TlsPolicy = TlsPolicy::Starttls { is_verified: false };

/// A session in the clear on a server without TLS.
const CLEAR: [Line; 2] = [GREETING, ("EHLO client.test", "250 mx.test")];

/// Up to the answer to STARTTLS.
const OFFER: [Line; 2] = [
    GREETING,
    ("EHLO client.test", "250-mx.test\r\n250 STARTTLS"),
];

fn after_offer(lines: &[Line]) -> Vec<Line> {
    [&OFFER[..], lines].concat()
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail_when_tls_is_required() {
    for policy in [REQUIRED, UNVERIFIED] {
        let shown = show(Kind::Right);
        let mut server = Server::start(None, vec![CLEAR.to_vec()]).await;
        let trouble = dial(&dialer(&shown.client), &server, policy)
            .await
            .unwrap_err();
        assert_eq!(trouble.phase(), Phase::Tls);
        check_says(
            &sentence(&trouble),
            &["offers no STARTTLS", "allow mail in the clear"],
        );
        assert_eq!(server.seen().await.rest, "");
    }
}

#[tokio::test]
async fn a_server_that_refuses_starttls_gets_no_mail_when_tls_is_required() {
    let shown = show(Kind::Right);
    let table = after_offer(&[("STARTTLS", "454 4.7.0 not now")]);
    let mut server = Server::start(None, vec![table]).await;
    let trouble = dial(&dialer(&shown.client), &server, REQUIRED)
        .await
        .unwrap_err();
    assert_eq!(trouble.reply().map(|reply| reply.code), Some(454));
    assert_eq!(server.seen().await.rest, "");
}

#[tokio::test]
async fn opportunistic_tls_takes_any_certificate() {
    for kind in [
        Kind::Right,
        Kind::SelfSigned,
        Kind::WrongName,
        Kind::Expired,
    ] {
        let shown = show(kind);
        let table = [&STARTTLS[..], &[("EHLO client.test", "250 mx.test")]].concat();
        let mut server = Server::start(Some(shown.acceptor), vec![table]).await;
        let policy = TlsPolicy::Opportunistic;
        let connection = dial(&dialer(&shown.client), &server, policy).await.unwrap();
        connection.quit().await;
        let seen = server.seen().await;
        assert!(seen.handshake.is_some(), "{kind:?}");
        assert_eq!(seen.rest, "QUIT\r\n", "{kind:?}");
    }
}

#[tokio::test]
async fn opportunistic_tls_goes_on_in_the_clear_when_starttls_is_missing_or_refused() {
    let shown = show(Kind::Right);
    for table in [
        CLEAR.to_vec(),
        after_offer(&[("STARTTLS", "454 4.7.0 not now")]),
        after_offer(&[("STARTTLS", "502 no")]),
    ] {
        let mut server = Server::start(None, vec![table]).await;
        let policy = TlsPolicy::Opportunistic;
        let connection = dial(&dialer(&shown.client), &server, policy).await.unwrap();
        connection.quit().await;
        assert_eq!(server.seen().await.rest, "QUIT\r\n");
    }
}

#[tokio::test]
async fn a_failed_handshake_is_followed_by_a_new_connection_in_the_clear_when_opportunistic() {
    for failing in [
        after_offer(&[("STARTTLS", "220 go"), (ANYTHING, "250 no TLS here")]),
        after_offer(&[("STARTTLS", "220 go"), (ANYTHING, CLOSE)]),
        after_offer(&[("STARTTLS", CLOSE)]),
    ] {
        let shown = show(Kind::Right);
        // The second time, STARTTLS is offered again and not taken.
        let tables = vec![failing, OFFER.to_vec()];
        let mut server = Server::start(None, tables).await;
        let policy = TlsPolicy::Opportunistic;
        let connection = dial(&dialer(&shown.client), &server, policy).await.unwrap();
        connection.quit().await;
        let first = server.seen().await;
        assert!(
            !first.rest.contains("EHLO"),
            "the failed connection is not used: {first:?}"
        );
        assert_eq!(server.seen().await.rest, "QUIT\r\n");
    }
}

#[tokio::test]
async fn a_failed_handshake_is_the_end_when_tls_is_required() {
    for policy in [REQUIRED, UNVERIFIED] {
        let shown = show(Kind::Right);
        let failing = after_offer(&[("STARTTLS", "220 go"), (ANYTHING, "250 no TLS here")]);
        let server = Server::start(None, vec![failing, OFFER.to_vec()]).await;
        let trouble = dial(&dialer(&shown.client), &server, policy)
            .await
            .unwrap_err();
        let sentence = sentence(&trouble);
        check_says(&sentence, &["the handshake of TLS failed"]);
        assert!(!sentence.contains("; then"), "{sentence}");
    }
}

#[tokio::test]
async fn words_in_the_clear_behind_the_answer_to_starttls_are_an_attack_under_every_policy() {
    for policy in [REQUIRED, UNVERIFIED, TlsPolicy::Opportunistic] {
        for injected in ["220 go\r\n250 injected", "220 go\r\n2"] {
            let shown = show(Kind::Right);
            let table = after_offer(&[("STARTTLS", injected)]);
            let mut server = Server::start(None, vec![table, OFFER.to_vec()]).await;
            let trouble = dial(&dialer(&shown.client), &server, policy)
                .await
                .unwrap_err();
            let sentence = sentence(&trouble);
            check_says(&sentence, &["as in an attack", "do not turn TLS off"]);
            assert!(!sentence.contains("; then"), "{sentence}");
            assert_eq!(server.seen().await.rest, "", "not even a handshake");
        }
    }
}

#[tokio::test]
async fn what_was_offered_before_the_handshake_is_forgotten() {
    let shown = show(Kind::Right);
    let table = [
        GREETING,
        (
            "EHLO client.test",
            "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 9\r\n250 STARTTLS",
        ),
        STARTTLS[2],
        STARTTLS[3],
        ("EHLO client.test", "250-mx.test\r\n250 8BITMIME"),
    ];
    let server = Server::start(Some(shown.acceptor), vec![table.to_vec()]).await;
    let connection = dial(&dialer(&shown.client), &server, REQUIRED)
        .await
        .unwrap();
    let offered = connection.capabilities();
    assert!(!offered.pipelining && !offered.size && !offered.starttls);
    assert!(offered.eight_bit_mime && !connection.is_pipelining());
}

#[tokio::test]
async fn what_was_offered_before_the_handshake_is_forgotten_also_when_nothing_is_offered_after() {
    let shown = show(Kind::Right);
    let table = [
        &STARTTLS[..],
        &[
            ("EHLO client.test", "502 what"),
            ("HELO client.test", "250 mx.test"),
        ],
    ];
    let server = Server::start(Some(shown.acceptor), vec![table.concat()]).await;
    let connection = dial(&dialer(&shown.client), &server, REQUIRED)
        .await
        .unwrap();
    assert_eq!(*connection.capabilities(), Capabilities::default());
}

#[tokio::test]
async fn a_large_message_goes_over_tls_unchanged() {
    let line: &'static str = "0123456789".repeat(6).leak();
    let body: &'static str = format!("Subject: a\r\n\r\n{}", [line; 20_000].join("\r\n")).leak();
    let shown = show(Kind::Right);
    let table = [
        &STARTTLS[..],
        &[
            ("EHLO client.test", "250 mx.test"),
            ("MAIL FROM:<news@example.test>", "250 ok"),
            ("RCPT TO:<ada@example.test>", "250 ok"),
            ("DATA", "354 go ahead"),
            (body, ""),
            (".", "250 2.0.0 queued"),
        ],
    ];
    let mut server = Server::start(Some(shown.acceptor), vec![table.concat()]).await;
    let mut connection = dial(&dialer(&shown.client), &server, REQUIRED)
        .await
        .unwrap();
    let mail = Outgoing {
        envelope: Envelope {
            reverse_path: Some("news@example.test".parse().unwrap()),
            forward_path: "ada@example.test".parse().unwrap(),
        },
        content: Content::new(vec![body.into(), "\r\n".into()]).unwrap(),
    };
    let gate = connection
        .begin(mail)
        .await
        .unwrap()
        .send_body()
        .await
        .unwrap();
    assert!(matches!(gate.dot().await, Sent::Accepted(_)));
    connection.quit().await;
    assert_eq!(server.seen().await.rest, "QUIT\r\n");
}

#[tokio::test]
async fn a_server_too_old_for_ehlo_has_no_starttls() {
    let shown = show(Kind::Right);
    let table = [
        GREETING,
        ("EHLO client.test", "500 what"),
        ("HELO client.test", "250 mx.test"),
    ];
    let tables = vec![table.to_vec(); 2];
    let server = Server::start(None, tables).await;
    let dialer = dialer(&shown.client);
    dial(&dialer, &server, TlsPolicy::Opportunistic)
        .await
        .unwrap()
        .quit()
        .await;
    let trouble = dial(&dialer, &server, REQUIRED).await.unwrap_err();
    check_says(&sentence(&trouble), &["offers no STARTTLS"]);
}
