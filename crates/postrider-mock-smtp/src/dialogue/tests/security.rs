//! STARTTLS and AUTH, without a handshake.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::profile::{Auth, Certificate, Mechanism, Synchronisation, Tls};

fn ada(is_only_after_tls: bool) -> Profile {
    Profile {
        tls: Tls {
            is_offered: true,
            ..Tls::default()
        },
        auth: Some(Auth {
            is_required: true,
            is_only_after_tls,
            mechanisms: vec![Mechanism::Plain, Mechanism::Login],
            user: "ada".to_owned(),
            password: Some("pa55".to_owned()),
            token: None,
        }),
        ..Profile::sink()
    }
}

fn plain(password: &str) -> String {
    format!(
        "AUTH PLAIN {}",
        STANDARD.encode(format!("\0ada\0{password}"))
    )
}

#[test]
fn auth_is_offered_inside_tls_and_starttls_outside() {
    let mut client = Client::new(ada(true));
    let outside = client.replies("EHLO me\r\n");
    assert!(
        outside.contains("STARTTLS") && !outside.contains("AUTH"),
        "{outside}"
    );
    assert_eq!(client.send("STARTTLS\r\n"), Next::StartTls);
    assert_eq!(client.said(), [220]);
    client.dialogue.secured();
    assert_eq!(
        client.codes_in_turn(&["MAIL FROM:<>"]),
        [503],
        "EHLO is forgotten"
    );
    let inside = client.replies("EHLO me\r\n");
    assert!(
        !inside.contains("STARTTLS") && inside.contains("AUTH PLAIN LOGIN\r\n"),
        "{inside}"
    );
    assert_eq!(client.codes_in_turn(&["STARTTLS"]), [503]);
}

#[test]
fn mail_needs_a_login_where_the_profile_says_so() {
    let mut client = Client::new(ada(true));
    assert_eq!(
        client.codes_in_turn(&["MAIL FROM:<>", &plain("pa55")]),
        [530, 538]
    );
    client.dialogue.secured();
    let lines = [
        "EHLO me",
        &plain("wrong"),
        &plain("pa55"),
        &plain("pa55"),
        "MAIL FROM:<>",
    ];
    assert_eq!(
        client.codes_in_turn(&lines[1..]),
        [503, 503, 503, 503],
        "EHLO comes first"
    );
    assert_eq!(client.codes_in_turn(&lines), [250, 535, 235, 503, 250]);
}

#[test]
fn a_login_is_an_exchange_of_lines_that_are_no_commands() {
    let mut client = Client::new(ada(false));
    let user = STANDARD.encode("ada");
    let password = STANDARD.encode("pa55");
    assert_eq!(
        client.codes_in_turn(&["AUTH LOGIN", &user, &password]),
        [334, 334, 235]
    );
    assert_eq!(client.codes_in_turn(&["MAIL FROM:<>"]), [250]);
    let mut client = Client::new(ada(false));
    assert_eq!(
        client.codes_in_turn(&["AUTH LOGIN", "QUIT!", "NOOP"]),
        [334, 501, 250]
    );
    assert_eq!(
        client.codes_in_turn(&["AUTH LOGIN", "*", "AUTH CRAM-MD5"]),
        [334, 501, 504]
    );
    assert_eq!(client.faults(), []);
}

#[test]
fn a_line_of_a_login_is_the_last_of_its_group() {
    let mut client = Client::new(ada(false));
    let user = STANDARD.encode("ada");
    assert_eq!(client.codes_in_turn(&["AUTH LOGIN"]), [334]);
    assert_eq!(client.send(format!("{user}\r\n{user}\r\n")), Next::Close);
    assert_eq!(client.said(), [554]);
    assert_eq!(client.faults(), [FaultKind::Synchronisation]);
}

#[test]
fn no_record_holds_a_secret() {
    let mut client = Client::new(ada(false));
    client.codes_in_turn(&[
        &plain("wrong"),
        &plain("pa55"),
        "AUTH PLAIN a b c",
        "AUTH LOGIN",
    ]);
    client.codes(format!("{}\n", STANDARD.encode("pa55")));
    let records = format!("{:?}", client.effects.records);
    for secret in [&plain("pa55")[11..], &plain("wrong")[11..], "pa55"] {
        assert!(!records.contains(secret), "{records}");
    }
}

#[test]
fn bytes_between_starttls_and_its_handshake_are_a_fault_and_no_commands() {
    let injected = format!("STARTTLS\r\n{NEWS}RCPT TO:<a@x.test>\r\n");
    let mut client = Client::new(ada(false));
    assert_eq!(client.send(&injected), Next::Close);
    assert_eq!(client.said(), [554]);
    let mut client = Client::new(Profile {
        synchronisation: Synchronisation::Lenient,
        ..ada(false)
    });
    assert_eq!(client.send(&injected), Next::StartTls);
    assert_eq!(client.said(), [220]);
    assert!(client.input.is_empty(), "they are thrown away");
    assert_eq!(client.faults(), [FaultKind::Synchronisation]);
}

#[test]
fn what_is_not_offered_is_refused() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(
        client.codes_in_turn(&["STARTTLS", "AUTH PLAIN"]),
        [502, 503]
    );
    assert_eq!(client.faults(), [FaultKind::Order; 2]);
}

#[test]
fn broken_handshakes_are_a_share_of_the_connections_and_always_the_same() {
    let tls = Tls {
        is_offered: true,
        certificate: Certificate::Expired,
        handshake_failure_share: Share::new(0.25).unwrap(),
    };
    let world = World::new(Profile {
        tls,
        ..Profile::sink()
    });
    let broken = || {
        let connections = (0..1000).filter(|number| {
            let (entry, greeting) = world.enter(Door::Common, *number, 0);
            let handshake = Dialogue::new(entry, greeting, IN_FLIGHT_MAX).handshake();
            assert_eq!(handshake.certificate, Certificate::Expired);
            handshake.is_broken
        });
        connections.collect::<Vec<_>>()
    };
    assert!((200..300).contains(&broken().len()));
    assert_eq!(broken(), broken());
}
