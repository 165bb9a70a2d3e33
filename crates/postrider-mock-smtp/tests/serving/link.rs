//! A path with a round-trip time, over real sockets: at least what is asked for.

use std::time::Duration;

use postrider_mock_smtp::{Profile, Settings};
use tokio::time::Instant;

use crate::client::Client;
use crate::start;

const RTT: Duration = Duration::from_millis(100);

fn far_away() -> Settings {
    Settings {
        rtt: RTT,
        ..Settings::in_memory()
    }
}

#[tokio::test]
async fn each_wait_of_a_client_costs_a_round_trip() {
    let mock = start(Profile::sink(), far_away()).await;
    let begun = Instant::now();
    let mut client = Client::greeted(&mock).await;
    let greeted = begun.elapsed();
    assert!(
        greeted >= RTT * 3,
        "connect, greeting and EHLO took {greeted:?}"
    );
    let begun = Instant::now();
    let reply = client.deliver("a@x.test", "<1>").await;
    let (took, turns) = (begun.elapsed(), 2);
    assert!(reply.starts_with("250"), "{reply:?}");
    assert!(
        (RTT * turns..RTT * (turns + 3)).contains(&took),
        "two turns took {took:?}"
    );
}

#[tokio::test]
async fn what_is_sent_at_once_arrives_at_once() {
    let mock = start(Profile::sink(), far_away()).await;
    let mut client = Client::greeted(&mock).await;
    client.say("MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\n").await;
    client.reply_to_be("250").await;
    client.reply_to_be("250").await;
    let chunk = format!("BDAT 100000\r\n{}", "x".repeat(100_000));
    let begun = Instant::now();
    client
        .say(&format!("{}BDAT 0 LAST\r\n", chunk.repeat(50)))
        .await;
    for _ in 0..51 {
        client.reply_to_be("250").await;
    }
    let took = begun.elapsed();
    assert!(
        (RTT..RTT * 20).contains(&took),
        "51 chunks took {took:?}, and 51 turns would take 5.1 s"
    );
}
