//! What is sent in one piece, chunks, and ends of connections, over real sockets.

use postrider_mock_smtp::log::{self, FaultKind, Line};
use postrider_mock_smtp::{Profile, Settings};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::client::Client;
use crate::{WAIT_MAX, logged_in, start};

/// The kinds of all faults in a log, without `no_quit`.
fn faults(path: &std::path::Path) -> Vec<FaultKind> {
    let mut kinds = Vec::new();
    let each = |line| match line {
        Line::Fault(fault) if fault.kind != FaultKind::NoQuit => kinds.push(fault.kind),
        _ => {}
    };
    log::read(path, each).expect("the log can be read");
    kinds
}

#[tokio::test]
async fn body_and_next_envelope_travel_together_but_no_body_before_its_354() {
    let folder = tempfile::tempdir().unwrap();
    let settings = logged_in(folder.path());
    let path = settings.log.clone().unwrap();
    let mock = start(Profile::sink(), settings).await;
    let mut client = Client::greeted(&mock).await;
    let envelope = "MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n";
    client.say(envelope).await;
    for expected in ["250", "250", "354"] {
        client.reply_to_be(expected).await;
    }
    client.say(&format!("one\r\n.\r\n{envelope}")).await;
    for expected in ["250 2.0.0", "250", "250", "354"] {
        client.reply_to_be(expected).await;
    }
    assert_eq!(faults(&path), []);

    let mut client = Client::greeted(&mock).await;
    client.say(&format!("{envelope}two\r\n.\r\n")).await;
    for expected in [
        "250",
        "250",
        "554 5.5.0 Error: SMTP protocol synchronization",
    ] {
        client.reply_to_be(expected).await;
    }
    assert_eq!(client.rest().await, b"");
    assert_eq!(faults(&path), [FaultKind::Synchronisation]);
    assert_eq!(mock.tally().accepted, 1);
}

#[tokio::test]
async fn three_messages_in_chunks_in_one_piece_are_three_accepts() {
    let mock = start(Profile::sink(), Settings::in_memory()).await;
    let mut client = Client::greeted(&mock).await;
    let one = |n: u32| {
        format!("MAIL FROM:<>\r\nRCPT TO:<r{n}@x.test>\r\nBDAT 4\r\n.\r\n.BDAT 2 LAST\r\n\r\n")
    };
    client.say(&(1..=3).map(one).collect::<String>()).await;
    for _ in 0..3 {
        for expected in [
            "250 2.1.0",
            "250 2.1.5",
            "250 2.0.0 Ok: 4",
            "250 2.0.0 Ok: queued",
        ] {
            client.reply_to_be(expected).await;
        }
    }
    assert_eq!(mock.tally().accepted, 3);
}

/// Also through a path with a round-trip time, where the socket is in other hands.
#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_an_end() {
    for (how, rtt_ms) in [("reset", 0), ("reset", 20), ("close", 0), ("close", 20)] {
        let toml = format!(
            "name = 'x'\n[domain.'x.test']\nmishap = [{{ share = 1.0, stage = 'rcpt', how = '{how}' }}]"
        );
        let settings = Settings {
            rtt: std::time::Duration::from_millis(rtt_ms),
            ..Settings::in_memory()
        };
        let mock = start(Profile::from_toml(&toml).unwrap(), settings).await;
        let mut client = Client::greeted(&mock).await;
        client.say("MAIL FROM:<>\r\n").await;
        client.reply_to_be("250").await;
        client.say("RCPT TO:<a@x.test>\r\n").await;
        let read = timeout(WAIT_MAX, client.0.read_u8())
            .await
            .expect("it ends");
        let kind = read.expect_err("no byte comes").kind();
        let expected = match how {
            "reset" => std::io::ErrorKind::ConnectionReset,
            _ => std::io::ErrorKind::UnexpectedEof,
        };
        assert_eq!(kind, expected, "{how} with {rtt_ms} ms");
    }
}
