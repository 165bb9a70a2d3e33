//! Which host is next, and what is said when there is none.

use std::net::SocketAddr;
use std::time::Duration;

use postrider_smtp::Timeouts;
use postrider_smtp::dial::{Dialer, TRIES_MAX};
use postrider_smtp::site::TlsPolicy;
use postrider_types::{Phase, Scope};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::authority::{Kind, show};
use crate::server::{
    CLOSE, GREETING, Line, Server, TIMEOUTS, check_says, dialer, sentence, target,
};

/// A server that takes us.
const WELCOME: [Line; 2] = [GREETING, ("EHLO client.test", "250 mx.test")];

fn plain_dialer() -> Dialer {
    dialer(&show(Kind::Right).client)
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_host_that_refuses_to_talk_is_followed_by_the_next() {
    for refusal in [
        vec![("", "554 5.7.1 go away")],
        vec![("", "421 4.7.0 too many connections")],
        vec![("", CLOSE)],
        vec![GREETING, ("EHLO client.test", "421 4.3.2 going down")],
        vec![GREETING, ("EHLO client.test", "550 bad name")],
        vec![
            GREETING,
            ("EHLO client.test", "501 bad name"),
            ("HELO client.test", "501 bad name"),
        ],
        vec![("", "HTTP/1.1 400 Bad Request")],
    ] {
        let first = Server::start(None, vec![refusal]).await;
        let mut second = Server::start(None, vec![WELCOME.to_vec()]).await;
        let target = target(&[first.address, second.address], TlsPolicy::Off);
        plain_dialer().dial(&target).await.unwrap().quit().await;
        assert_eq!(second.seen().await.rest, "QUIT\r\n");
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_followed_by_the_next_of_the_same_host() {
    let mut server = Server::start(None, vec![WELCOME.to_vec()]).await;
    let mut target = target(&[nobody().await], TlsPolicy::Off);
    target.hosts[0].addresses.push(server.address);
    plain_dialer().dial(&target).await.unwrap().quit().await;
    assert_eq!(server.seen().await.rest, "QUIT\r\n");
}

#[tokio::test]
async fn when_no_host_gives_a_session_the_site_waits_and_all_of_them_are_told() {
    let refusing = Server::start(None, vec![vec![("", "554 5.7.1 go away")]]).await;
    let nobody = nobody().await;
    let target = target(&[refusing.address, nobody], TlsPolicy::Off);
    let trouble = plain_dialer().dial(&target).await.unwrap_err();
    assert_eq!(
        (trouble.scope(), trouble.is_permanent()),
        (Scope::Site, false)
    );
    // What came furthest is what the site is judged by.
    assert_eq!(trouble.phase(), Phase::Greeting);
    assert_eq!(trouble.reply().map(|reply| reply.code), Some(554));
    assert!(trouble.is_lasting());
    let sentence = sentence(&trouble);
    check_says(
        &sentence,
        &[
            "no session could be opened: tried mx.test at",
            &refusing.address.to_string(),
            "554 5.7.1 go away",
            &format!("; then mx.test at {nobody}"),
            "refused",
        ],
    );
}

#[tokio::test]
async fn the_connections_tried_for_one_session_are_bounded() {
    let mut target = target(&[nobody().await], TlsPolicy::Off);
    let address = target.hosts[0].addresses[0];
    target.hosts[0].addresses = vec![address; 3 * TRIES_MAX];
    let trouble = plain_dialer().dial(&target).await.unwrap_err();
    let tried = sentence(&trouble).matches(&address.to_string()).count();
    assert_eq!(tried, TRIES_MAX);
}

#[tokio::test]
async fn a_silent_host_costs_at_most_its_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let server = Server::start(None, vec![WELCOME.to_vec()]).await;
    let dialer = Dialer {
        timeouts: Timeouts {
            greeting: Duration::from_millis(500),
            ..TIMEOUTS
        },
        ..plain_dialer()
    };
    let target = target(&[address, server.address], TlsPolicy::Off);
    let dialled = timeout(Duration::from_secs(10), dialer.dial(&target)).await;
    dialled.expect("the silent host is left").unwrap();
}

#[tokio::test]
async fn all_hosts_together_cost_at_most_the_deadline_of_the_opening() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let dialer = Dialer {
        timeouts: Timeouts {
            opening: Duration::from_millis(100),
            ..TIMEOUTS
        },
        ..plain_dialer()
    };
    for tls in [TlsPolicy::Off, TlsPolicy::Implicit { is_verified: true }] {
        let began = Instant::now();
        let target = target(&[address; 4], tls);
        let dialled = timeout(Duration::from_secs(10), dialer.dial(&target)).await;
        let trouble = dialled.expect("the deadline holds").unwrap_err();
        assert!(began.elapsed() >= Duration::from_millis(100));
        check_says(&sentence(&trouble), &["nothing complete came within"]);
    }
}

#[tokio::test]
async fn no_deadline_is_too_far_away() {
    let server = Server::start(None, vec![WELCOME.to_vec()]).await;
    let dialer = Dialer {
        timeouts: Timeouts {
            opening: Duration::MAX,
            connect: Duration::MAX,
            greeting: Duration::MAX,
            ..TIMEOUTS
        },
        ..plain_dialer()
    };
    let target = target(&[server.address], TlsPolicy::Off);
    dialer.dial(&target).await.unwrap();
}

#[tokio::test]
async fn connections_come_from_the_source_address() {
    let mut server = Server::start(None, vec![WELCOME.to_vec()]).await;
    let source = "127.0.0.9".parse().unwrap();
    let dialer = Dialer {
        source: Some(source),
        ..plain_dialer()
    };
    let target = target(&[server.address], TlsPolicy::Off);
    dialer.dial(&target).await.unwrap().quit().await;
    assert_eq!(server.seen().await.peer, source);
}

#[tokio::test]
async fn a_source_address_that_no_host_fits_is_told() {
    let dialer = Dialer {
        source: Some("::1".parse().unwrap()),
        ..plain_dialer()
    };
    let target = target(&[nobody().await], TlsPolicy::Off);
    let trouble = dialer.dial(&target).await.unwrap_err();
    check_says(
        &sentence(&trouble),
        &["no host has an IPv6 address", "source address ::1"],
    );
}

#[tokio::test]
async fn a_source_address_that_is_not_ours_is_told() {
    let dialer = Dialer {
        source: Some("192.0.2.1".parse().unwrap()),
        ..plain_dialer()
    };
    let target = target(&[nobody().await], TlsPolicy::Off);
    let trouble = dialer.dial(&target).await.unwrap_err();
    check_says(
        &sentence(&trouble),
        &["192.0.2.1 is not one of this machine's"],
    );
}
