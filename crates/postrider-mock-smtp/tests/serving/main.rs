//! The mock over real sockets, driven by a client that is written here, byte by byte.

mod client;
mod doors;
mod groups;
mod link;
mod tls;

use std::path::Path;
use std::time::Duration;

use postrider_mock_smtp::log::{self, Line};
use postrider_mock_smtp::{
    Behaviour, DropAt, Ledger, MockServer, Profile, Settings, Share, windows,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use client::Client;

const WAIT_MAX: Duration = Duration::from_secs(20);

async fn start(profile: Profile, settings: Settings) -> MockServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    MockServer::start(listener, profile, settings).expect("the mock starts")
}

fn logged_in(folder: &Path) -> Settings {
    Settings::logged(folder.join("accepts.ndjson"))
}

#[tokio::test]
async fn a_250_that_was_read_is_in_the_log_and_in_the_tally() {
    let folder = tempfile::tempdir().unwrap();
    let settings = logged_in(folder.path());
    let path = settings.log.clone().unwrap();
    let mock = start(Profile::sink(), settings).await;
    let mut client = Client::greeted(&mock).await;
    for n in 1..=50 {
        let reply = client.deliver(&format!("r{n}@x.test"), "<1@x>").await;
        assert!(reply.starts_with("250 2.0.0"), "{reply:?}");
        assert_eq!(mock.tally().accepted, n);
        let ledger = Ledger::read_log(&path).unwrap();
        assert_eq!(ledger.accepted_of(&format!("r{n}@x.test")), 1);
    }
    let mut hashes = Vec::new();
    log::read(&path, |line| {
        if let Line::Accept(accept) = line {
            hashes.push(accept.body_hash);
        }
    })
    .unwrap();
    let expected = postrider_mock_smtp::body_hash(b"Message-ID: <1@x>\r\n\r\n.hello\r\n");
    assert_eq!(hashes, vec![expected; 50]);
}

#[tokio::test]
async fn many_connections_share_one_log_and_nothing_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = logged_in(folder.path());
    let path = settings.log.clone().unwrap();
    let mock = start(Profile::sink(), settings).await;
    let mut clients = JoinSet::new();
    for number in 0..10 {
        let mut client = Client::greeted(&mock).await;
        clients.spawn(async move {
            for n in 0..40 {
                let reply = client
                    .deliver(&format!("r{n}@d{number}.test"), "<1@x>")
                    .await;
                assert!(reply.starts_with("250"), "{reply:?}");
            }
            client.say("QUIT\r\n").await;
            client.reply_to_be("221").await;
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let tally = mock.stop().await;
    assert_eq!(
        (tally.accepted, tally.recipients, tally.duplicates),
        (400, 400, 0)
    );
    let read = Ledger::read_log(&path).unwrap().tally();
    assert_eq!((read.accepted, read.mails), (400, 400));
    assert_eq!(read.domains, tally.domains);
}

#[tokio::test]
async fn a_message_that_comes_twice_is_a_duplicate() {
    let mock = start(Profile::sink(), Settings::in_memory()).await;
    let mut client = Client::greeted(&mock).await;
    for (recipient, message_id) in [
        ("a@x.test", "<1>"),
        ("a@x.test", "<1>"),
        ("b@x.test", "<1>"),
    ] {
        client.deliver(recipient, message_id).await;
    }
    assert_eq!(mock.tally().duplicates, 1);
    assert_eq!(mock.accepted_of("a@x.test"), 2);
    assert_eq!(mock.duplicates()[0].recipient, "a@x.test");
}

#[tokio::test]
async fn a_drop_after_the_dot_is_in_the_log_and_one_before_it_is_not() {
    for (drop_at, accepted) in [
        (DropAt::Data, 0),
        (DropAt::Body, 0),
        (DropAt::BeforeAccept, 0),
        (DropAt::AfterAccept, 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let settings = logged_in(folder.path());
        let path = settings.log.clone().unwrap();
        let drops = Behaviour {
            drop_share: Share::ALL,
            drop_at,
            drop_times_max: Some(1),
            ..Behaviour::accept()
        };
        let mock = start(Profile::sink().with_domain("flaky.test", drops), settings).await;
        let mut client = Client::greeted(&mock).await;
        assert_eq!(
            client.deliver("a@flaky.test", "<1>").await,
            "",
            "{drop_at:?}"
        );
        assert_eq!(
            Ledger::read_log(&path).unwrap().accepted_of("a@flaky.test"),
            accepted
        );
        assert_eq!(
            (mock.tally().dropped, mock.tally().accepted),
            (1, u64::from(accepted))
        );

        let mut again = Client::greeted(&mock).await;
        assert!(
            again
                .deliver("a@flaky.test", "<1>")
                .await
                .starts_with("250"),
            "{drop_at:?}"
        );
        assert_eq!(mock.tally().duplicates, u64::from(accepted), "{drop_at:?}");
    }
}

#[tokio::test]
async fn above_the_rate_the_421_arrives_although_more_was_sent() {
    let rate = Some("1/h".parse().unwrap());
    let busy = Behaviour {
        rate,
        burst: Some(2),
        ..Behaviour::accept()
    };
    let mock = start(
        Profile::sink().with_domain("busy.test", busy),
        Settings::in_memory(),
    )
    .await;
    let mut client = Client::greeted(&mock).await;
    for _ in 0..2 {
        assert!(
            client
                .deliver("a@busy.test", "<1>")
                .await
                .starts_with("250")
        );
    }
    client
        .say(&format!(
            "MAIL FROM:<>\r\nRCPT TO:<a@busy.test>\r\n{}",
            "NOOP\r\n".repeat(5000)
        ))
        .await;
    client.reply_to_be("250").await;
    client.reply_to_be("421 4.7.28").await;
    assert_eq!(client.line().await, "");
    let times_us = mock.mail_times_of("busy.test");
    assert_eq!(
        windows::most_in_window(&times_us, Duration::from_secs(3600)),
        3
    );
    assert_eq!(mock.tally().over_rate, 1);
}

#[tokio::test]
async fn one_connection_too_many_is_421_at_the_greeting() {
    let profile = Profile {
        connections_max: 2,
        ..Profile::sink()
    };
    let mock = start(profile, Settings::in_memory()).await;
    let first = Client::greeted(&mock).await;
    let mut second = Client::greeted(&mock).await;
    let mut third = Client::connect(&mock).await;
    third.reply_to_be("421 4.7.0").await;
    second.say("QUIT\r\n").await;
    second.reply_to_be("221").await;
    assert_eq!(
        (mock.tally().connections_max, mock.tally().over_connections),
        (2, 1)
    );
    drop(first);
}

#[tokio::test]
async fn a_slow_domain_does_not_hold_up_another_connection() {
    let slow = Behaviour {
        reply_delay: "1h".parse().unwrap(),
        ..Behaviour::accept()
    };
    let mock = start(
        Profile::sink().with_domain("slow.test", slow),
        Settings::in_memory(),
    )
    .await;
    let mut stuck = Client::greeted(&mock).await;
    stuck.say("MAIL FROM:<>\r\nRCPT TO:<a@slow.test>\r\n").await;
    stuck.reply_to_be("250 2.1.0").await;
    let mut quick = Client::greeted(&mock).await;
    assert!(quick.deliver("a@fast.test", "<1>").await.starts_with("250"));
}

#[tokio::test]
async fn a_dropped_mock_closes_its_connections_and_frees_its_port() {
    let mock = start(Profile::sink(), Settings::in_memory()).await;
    let address = mock.local_addr();
    let mut client = Client::greeted(&mock).await;
    drop(mock);
    assert_eq!(client.rest().await, b"");
    TcpListener::bind(address).await.expect("the port is free");
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_is_an_error_with_its_path() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings::logged("/nowhere/accepts.ndjson");
    let error = MockServer::start(listener, Profile::sink(), settings).unwrap_err();
    assert!(
        error.to_string().contains("/nowhere/accepts.ndjson"),
        "{error}"
    );
}

/// The audience of the sample as the mock sees it: what the service must be able to bring to an end.
#[tokio::test]
async fn the_sample_refuses_exactly_sixty_and_drops_only_what_a_retry_brings() {
    let mock = start(Profile::sample(), Settings::in_memory()).await;
    let mut client = Client::greeted(&mock).await;
    for n in 0..200 {
        let prefix = if n < 60 { "gone-" } else { "reader-" };
        let reply = client
            .deliver(&format!("{prefix}{n}@bounce.test"), &format!("<{n}>"))
            .await;
        assert!(
            reply.starts_with(if n < 60 { "550 5.1.1" } else { "250 2.0.0" }),
            "{reply:?}"
        );
        client.say("RSET\r\n").await;
        client.reply_to_be(if n < 60 { "554" } else { "250" }).await;
        if n < 60 {
            client.reply_to_be("250").await;
        }
    }
    for n in 0..500 {
        let to = format!("reader-{n}@flaky.test");
        while !client
            .deliver(&to, &format!("<{n}>"))
            .await
            .starts_with("250")
        {
            client = Client::greeted(&mock).await;
        }
    }
    let tally = mock.stop().await;
    assert_eq!(
        (tally.refused, tally.accepted, tally.duplicates),
        (60, 640, 0)
    );
    assert!(
        (5..30).contains(&tally.dropped),
        "{} of 500 were dropped",
        tally.dropped
    );
}
