//! What goes wrong on purpose, as a client sees it on a real socket.

mod client;

use std::time::Duration;

use postrider_mock_smtp::{MockServer, Profile, Settings};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use client::{Client, End};

const WAIT_MAX: Duration = Duration::from_secs(20);

/// A mock whose `x.test` has this mishap at every attempt, in a time that runs a thousand times as fast.
async fn start(stage: &str, keys: &str) -> MockServer {
    let mishap = format!("mishap = [{{ share = 1.0, stage = '{stage}', {keys} }}]");
    let table = if ["connect", "hello", "mail"].contains(&stage) {
        "default"
    } else {
        "domain.'x.test'"
    };
    let text = format!("name = 'x'\ntime_scale = 1000\n[{table}]\n{mishap}");
    serve(Profile::from_toml(&text).expect("the keys are right")).await
}

async fn serve(profile: Profile) -> MockServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    MockServer::start(listener, profile, Settings::in_memory()).expect("the mock starts")
}

/// What follows the dot of a message for an address.
async fn after_dot(mock: &MockServer, local_part: &str) -> (String, End) {
    let mut client = Client::at_data(mock, local_part).await;
    client.say("Subject: x\r\n\r\nx\r\n.\r\n").await;
    client.rest(Duration::from_millis(300)).await
}

#[tokio::test]
async fn close_reset_half_and_hold_end_a_message_each_in_its_way() {
    for (how, accepts, end, words) in [
        ("close", true, End::Fin, ""),
        ("close", false, End::Fin, ""),
        ("reset", true, End::Reset, ""),
        ("reset", false, End::Reset, ""),
        ("half", true, End::Fin, "250 2.0.0 Ok: q"),
        ("hold", true, End::Silence, ""),
    ] {
        let mock = start("dot", &format!("how = '{how}', accepts = {accepts}")).await;
        let (rest, ended) = after_dot(&mock, "r").await;
        assert_eq!((rest.as_str(), ended), (words, end), "{how}");
        let accepted = mock.tally().accepted;
        assert_eq!(accepted, u64::from(accepts), "{how}");
    }
}

#[tokio::test]
async fn a_connection_can_end_at_every_stage_before_the_dot() {
    for stage in ["connect", "hello", "mail", "rcpt", "data"] {
        for (how, end) in [("close", End::Fin), ("reset", End::Reset)] {
            let mock = start(stage, &format!("how = '{how}'")).await;
            let mut client = Client::connect(&mock).await;
            let mut said = String::new();
            for command in [
                "",
                "HELO me\r\n",
                "MAIL FROM:<>\r\n",
                "RCPT TO:<r@x.test>\r\n",
                "DATA\r\n",
            ] {
                client.say(command).await;
                let line = client.line().await;
                if line.is_empty() {
                    break;
                }
                said = line;
            }
            assert!(!said.starts_with("354"), "{how} at {stage}");
            let (rest, ended) = client.rest(WAIT_MAX).await;
            assert_eq!(rest, "", "{how} at {stage}");
            // The reset was read by `line` already; what follows it is an end.
            assert!(
                ended == end || end == End::Reset,
                "{how} at {stage}: {ended:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_split_reply_is_three_lines_and_still_one_reply() {
    let mock = start("dot", "how = 'split'").await;
    let (rest, _) = after_dot(&mock, "r").await;
    let codes: Vec<&str> = rest.lines().map(|line| &line[..4]).collect();
    assert_eq!(codes, ["250-", "250-", "250 "]);
    assert_eq!(mock.tally().accepted, 1);
}

#[tokio::test]
async fn a_split_answer_to_ehlo_offers_the_same() {
    let offered = async |mock: MockServer| {
        let mut client = Client::connect(&mock).await;
        while client.line().await.starts_with("220-") {}
        client.say("EHLO me\r\n").await;
        client.rest(Duration::from_millis(200)).await.0
    };
    let split = offered(start("hello", "how = 'split'").await).await;
    assert_eq!(split, offered(serve(Profile::sink()).await).await);
}

#[tokio::test]
async fn a_long_line_is_ten_megabytes_and_the_reply_follows() {
    let mock = start("rcpt", "how = 'long_line'").await;
    let mut client = Client::at_rcpt(&mock).await;
    client.say("RCPT TO:<r@x.test>\r\n").await;
    let (rest, _) = client.rest(Duration::from_secs(1)).await;
    let lines: Vec<&str> = rest.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].len() + 2, 10 << 20);
    assert!(lines[1].starts_with("250 2.1.5"), "{:?}", lines[1]);
}

#[tokio::test]
async fn an_endless_reply_does_not_end_before_the_client_leaves() {
    let mock = start("rcpt", "how = 'endless_reply'").await;
    let mut client = Client::at_rcpt(&mock).await;
    client.say("RCPT TO:<r@x.test>\r\n").await;
    let mut bytes = 0;
    let mut read = vec![0; 1 << 16];
    while bytes < 4 << 20 {
        let next = timeout(WAIT_MAX, client.0.read(&mut read)).await;
        let next = next
            .expect("more comes")
            .expect("the connection stays open");
        assert!(next > 0, "it ended after {bytes} bytes");
        bytes += next;
    }
    drop(client);
    let tally = timeout(WAIT_MAX, mock.stop()).await;
    assert_eq!(tally.expect("the mock is not held up").accepted, 0);
}

#[tokio::test]
async fn a_reply_without_its_end_is_followed_by_silence() {
    let mock = start("dot", "how = 'no_line_end'").await;
    let (rest, end) = after_dot(&mock, "r").await;
    assert!(
        rest.starts_with("250 2.0.0 Ok: queued as") && !rest.contains('\n'),
        "{rest:?}"
    );
    assert_eq!((end, mock.tally().accepted), (End::Silence, 0));
}

#[tokio::test]
async fn a_drip_is_a_byte_at_a_time_and_the_dialogue_goes_on() {
    let mock = start("data", "how = 'slow_loris'").await;
    let mut client = Client::at_rcpt(&mock).await;
    client.say("RCPT TO:<r@x.test>\r\n").await;
    client.line().await;
    client.say("DATA\r\n").await;
    let mut pieces = Vec::new();
    let mut read = [0; 64];
    while pieces.last() != Some(&b'\n') {
        let bytes = timeout(WAIT_MAX, client.0.read(&mut read)).await;
        let bytes = bytes
            .expect("more comes")
            .expect("the connection stays open");
        assert!((1..10).contains(&bytes), "{bytes} bytes came at once");
        pieces.extend_from_slice(&read[..bytes]);
    }
    assert!(pieces.starts_with(b"354 "));
    client.say(".\r\n").await;
    assert!(client.line().await.starts_with("250"));
}

#[tokio::test]
async fn magic_addresses_work_in_every_profile_that_lets_anybody_in() {
    let mock = serve(Profile::named("bouncy").expect("it is built in")).await;
    let mut client = Client::connect(&mock).await;
    client.line().await;
    client.say("HELO me\r\n").await;
    client.line().await;
    for (local_part, code) in [
        ("ok", "250"),
        ("ok+again", "250"),
        ("bounce-552", "552"),
        ("defer", "451"),
        ("defer-1", "451"),
        ("defer-1", "250"),
        ("grey", "451"),
    ] {
        client.say("MAIL FROM:<>\r\n").await;
        client.line().await;
        client
            .say(&format!("RCPT TO:<{local_part}@gone.test>\r\n"))
            .await;
        let line = client.line().await;
        assert!(line.starts_with(code), "{local_part}: {line:?}");
        client.say("RSET\r\n").await;
        client.line().await;
    }
    for (local_part, end) in [("drop-after-dot", End::Fin), ("drop-unaccepted", End::Fin)] {
        assert_eq!(after_dot(&mock, local_part).await, (String::new(), end));
    }
    let (rest, _) = after_dot(&mock, "atdata-554").await;
    assert!(rest.starts_with("554 5.7.1"), "{rest:?}");
    assert_eq!(mock.accepted_of("drop-after-dot@x.test"), 1);
    assert_eq!(mock.accepted_of("drop-unaccepted@x.test"), 0);
}

#[tokio::test]
async fn a_provider_counts_connections_and_messages_at_its_own_door() {
    let text = "name = 'x'\n[provider.p]\naddress = '127.0.1.177'\nconnections_max = 1\n\
                messages_per_connection_max = 2\nover_messages = 'close'\n\
                [domain.'x.test']\nprovider = 'p'";
    let mock = serve(Profile::from_toml(text).unwrap()).await;
    let door = ("127.0.1.177", mock.local_addr().port());
    let mut inside = Client(
        TcpStream::connect(door)
            .await
            .expect("the provider's door is open"),
    );
    assert!(inside.line().await.starts_with("220"));
    let mut outside = Client(
        TcpStream::connect(door)
            .await
            .expect("the door is still open"),
    );
    assert!(outside.line().await.starts_with("421 4.7.0"));
    assert!(
        Client::connect(&mock).await.line().await.starts_with("220"),
        "the common door"
    );

    inside.say("HELO me\r\n").await;
    inside.line().await;
    for _ in 0..2 {
        for line in ["MAIL FROM:<>", "RCPT TO:<r@x.test>", "DATA", "."] {
            inside.say(&format!("{line}\r\n")).await;
            assert!(inside.line().await.starts_with(['2', '3']), "after {line}");
        }
    }
    assert_eq!(
        inside.rest(WAIT_MAX).await,
        (String::new(), End::Fin),
        "closed after the second"
    );
    let mut next = Client(TcpStream::connect(door).await.expect("the door is open"));
    assert!(
        next.line().await.starts_with("220"),
        "the place is free at once"
    );
}
