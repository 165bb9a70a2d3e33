//! Who is trusted, and what is said when nobody should be.

use postrider_smtp::site::TlsPolicy;
use postrider_types::{Phase, Scope};
use rustls::HandshakeKind;

use crate::authority::{Kind, client_of, show};
use crate::server::{GREETING, Line, STARTTLS, Server, TLS, check_says, dial, dialer, sentence};

const VERIFIED: TlsPolicy = TlsPolicy::Starttls { is_verified: true };
const IMPLICIT: TlsPolicy = TlsPolicy::Implicit { is_verified: true };

/// What follows the handshake of STARTTLS.
const AFTER: Line = ("EHLO client.test", "250 mx.test");

async fn check_refused(kind: Kind, parts: &[&str]) {
    for (policy, table) in [
        (VERIFIED, STARTTLS.to_vec()),
        (IMPLICIT, vec![("", TLS), GREETING]),
    ] {
        let shown = show(kind);
        let mut server = Server::start(Some(shown.acceptor), vec![table]).await;
        let trouble = dial(&dialer(&shown.client), &server, policy)
            .await
            .unwrap_err();
        assert_eq!(trouble.phase(), Phase::Tls, "{kind:?}");
        assert_eq!(
            (trouble.scope(), trouble.is_permanent()),
            (Scope::Site, false)
        );
        check_says(&sentence(&trouble), &["mx.test"]);
        check_says(&sentence(&trouble), parts);
        let rest = server.seen().await.rest;
        assert!(!rest.contains("EHLO"), "{kind:?}: {rest}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_its_names_are_told() {
    check_refused(
        Kind::WrongName,
        &["it is for other.test", "by a name of its"],
    )
    .await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    check_refused(
        Kind::Expired,
        &["expired at 2000-01-01T00:00:00", "needs a new one"],
    )
    .await;
}

#[tokio::test]
async fn a_certificate_of_the_future_points_at_the_clock() {
    check_refused(Kind::NotYetValid, &["only from 4000-01-01", "clock"]).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_and_told_from_an_unknown_authority() {
    check_refused(Kind::SelfSigned, &["signed by itself", "CA file"]).await;
    check_refused(
        Kind::UnknownAuthority,
        &["no authority that is trusted", "CA file"],
    )
    .await;
}

#[tokio::test]
async fn an_authoritys_own_certificate_is_refused_for_a_server() {
    check_refused(Kind::IsAuthority, &["CA:TRUE", "CA:FALSE"]).await;
}

#[tokio::test]
async fn a_self_signed_certificate_in_the_ca_file_is_trusted() {
    let shown = show(Kind::SelfSigned);
    let table = [&STARTTLS[..], &[AFTER]].concat();
    let server = Server::start(Some(shown.acceptor), vec![table]).await;
    let client = client_of(&shown.pem);
    dial(&dialer(&client), &server, VERIFIED).await.unwrap();
}

#[tokio::test]
async fn a_right_certificate_is_trusted_and_its_session_resumed() {
    for (policy, table) in [
        (VERIFIED, [&STARTTLS[..], &[AFTER]].concat()),
        (IMPLICIT, vec![("", TLS), GREETING, AFTER]),
    ] {
        let shown = show(Kind::Right);
        let tables = vec![table.clone(), table];
        let mut server = Server::start(Some(shown.acceptor), tables).await;
        let dialer = dialer(&shown.client);
        for expect in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut connection = dial(&dialer, &server, policy).await.unwrap();
            assert!(
                connection.is_reusable(),
                "tickets are not words of the server"
            );
            connection.quit().await;
            let seen = server.seen().await;
            assert_eq!(
                (seen.handshake, seen.rest.as_str()),
                (Some(expect), "QUIT\r\n")
            );
        }
    }
}

#[tokio::test]
async fn what_began_unverified_is_never_resumed_as_verified() {
    let shown = show(Kind::SelfSigned);
    let table = [&STARTTLS[..], &[AFTER]].concat();
    let server = Server::start(Some(shown.acceptor), vec![table; 2]).await;
    let dialer = dialer(&shown.client);
    let unverified = TlsPolicy::Starttls { is_verified: false };
    dial(&dialer, &server, unverified)
        .await
        .unwrap()
        .quit()
        .await;
    let trouble = dial(&dialer, &server, VERIFIED).await.unwrap_err();
    check_says(&sentence(&trouble), &["signed by itself"]);
}
