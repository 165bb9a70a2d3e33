//! One command sends everything, and the same command again sends nothing.
//!
//! The receiver is Postfix's `smtp-sink`, which counts by itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use postrider_api::{Campaign, CampaignVerb, ExportLine};
use postrider_tests::peers::SmtpSink;
use postrider_tests::{Ended, is_full};
use postrider_types::{CampaignState, DeliveryState};

use crate::house::{House, Service, alone, beside_others, hello, lines_of_json, people, tally};

/// At least three deliveries share a commit at ten connections.
const COMMITS_A_DELIVERY_MAX: f64 = 0.3;

#[tokio::test]
async fn ten_thousand_go_out_and_a_second_run_sends_nothing() {
    let _turn = beside_others().await;
    let count = if is_full() { 10_000 } else { 2_000 };
    let house = House::new();
    let sink = SmtpSink::counting().await;
    let list = house.write("people.csv", people(count, "receiver.test"));
    let html = house.write("hello.html", "<p>Hi {{ name }}</p>");

    send(&house, &sink, &html, &list).await.with(0);
    assert_eq!(sink.messages(), count as u64);
    let receipts = house.export("hello").await;
    assert_all_delivered(&receipts, count);

    let again = send(&house, &sink, &html, &list).await.with(0);
    assert_eq!(sink.messages(), count as u64, "a second run sends nothing");
    assert!(again.stderr.contains("has its whole audience already"));
    assert_eq!(house.export("hello").await, receipts);

    let before = show(&house).await;
    let other = house.write("other.html", "<p>Bye {{ name }}</p>");
    let refused = send(&house, &sink, &other, &list).await.with(4);
    assert!(refused.stderr.contains("sends another email"), "{refused}");
    assert_eq!(sink.messages(), count as u64);
    assert_eq!(show(&house).await, before, "nothing was changed");
    assert_eq!(before.state, CampaignState::Finished);
    assert_eq!(house.export("hello").await, receipts);
}

#[tokio::test]
async fn ten_connections_share_their_commits() {
    let _turn = alone().await;
    let count = if is_full() { 10_000 } else { 2_000 };
    let house = House::new();
    let sink = SmtpSink::counting().await;
    let config = format!(
        "[route]\nrelay = \"smtp://{}\"\nconnections = 10\n",
        sink.address()
    );
    let service = house.serve(&config).await;
    // A machine that is busy with other things can only make more commits, never fewer.
    let mut least = f64::MAX;
    for name in ["first", "second", "third"] {
        least = least.min(commits_a_delivery(&service, name, count).await);
    }
    assert_eq!(sink.messages(), 3 * count as u64);
    assert!(
        least <= COMMITS_A_DELIVERY_MAX,
        "{least} commits a delivery"
    );
    service.stop().await;
}

/// Sends one campaign, and says how many commits each of its deliveries took.
async fn commits_a_delivery(service: &Service, name: &str, count: usize) -> f64 {
    let id = service
        .campaign(name, &hello(), &people(count, "receiver.test"))
        .await;
    let before = service.metric("postrider_store_commits_total").await;
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    let commits = service.metric("postrider_store_commits_total").await - before;
    assert_eq!(campaign.count(DeliveryState::Delivered), count as u64);
    commits as f64 / count as f64
}

/// The command that the documents show.
async fn send(house: &House, sink: &SmtpSink, html: &Path, list: &Path) -> Ended {
    let route = format!("smtp://{}", sink.address());
    let path = |path: &Path| PathBuf::from(path).to_str().expect("UTF-8").to_owned();
    let (html, list) = (path(html), path(list));
    let words = [
        ["send", "--name"],
        ["hello", "--from"],
        ["News <news@example.test>", "--subject"],
        ["Hi {{ name }}", "--html"],
        [&html, "--to"],
        [&list, "--route"],
        [&route, "--wait"],
    ];
    house.run(&words.concat()).await
}

async fn show(house: &House) -> Campaign {
    let shown = house.run(&["campaign", "show", "hello", "-o", "json"]);
    lines_of_json(&shown.await.with(0).stdout).remove(0)
}

fn assert_all_delivered(receipts: &[ExportLine], count: usize) {
    assert_eq!(tally(receipts), [(DeliveryState::Delivered, count)].into());
    let recipients: HashSet<_> = receipts.iter().map(|line| &line.recipient).collect();
    assert_eq!(recipients.len(), count, "no recipient is there twice");
    for line in receipts {
        assert_eq!((line.attempts, line.campaign.as_str()), (1, "hello"));
        let reply = line.reply.as_ref().expect("a delivery has a reply");
        assert_eq!(reply.code, 250);
        assert!(line.message_id.is_some() && line.at.is_some());
    }
}
