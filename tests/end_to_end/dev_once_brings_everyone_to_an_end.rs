//! `postrider dev --once` brings its whole sample to an end, and its last line says so.

use postrider_tests::Running;
use serde_json::Value;

use crate::house::{CAMPAIGN, beside_others, postrider};

#[tokio::test]
async fn dev_once_brings_everyone_to_an_end() {
    let _turn = beside_others().await;
    let words = ["dev", "--once", "--recipients", "500", "-o", "json"];
    let ended = Running::start(postrider(&words)).ended(CAMPAIGN).await;
    let ended = ended.with(0);
    let last = ended.stdout.lines().last().expect("it prints a line");
    let last: Value = serde_json::from_str(last).expect("the last line is JSON");
    assert_eq!(last["planned"], 500, "{last}");
    let delivered = last["delivered"].as_u64().expect("a number");
    let bounced = last["bounced"].as_u64().expect("a number");
    assert_eq!(delivered + bounced, 500, "{last}");
    // Three in ten of the ten people at bounce.test are gone.
    assert_eq!(bounced, 3, "{last}");
    for nothing in [
        "deferred",
        "in_doubt",
        "duplicates",
        "lost",
        "false_receipts",
    ] {
        assert_eq!(last[nothing], 0, "{nothing} in {last}");
    }
}

#[tokio::test]
async fn dev_never_sends_to_another_machine() {
    let words = ["dev", "--once", "--route", "smtp://192.0.2.1:25"];
    let ended = Running::start(postrider(&words)).ended(CAMPAIGN).await;
    let ended = ended.with(2);
    assert!(ended.stderr.contains("192.0.2.1"), "{ended}");
}

#[tokio::test]
async fn dev_ends_with_a_sentence_when_a_part_of_its_service_panics() {
    let _turn = beside_others().await;
    let mut command = postrider(&["dev", "--recipients", "500"]);
    command.env("FAILPOINTS", "turn=panic@50");
    let ended = Running::start(command).ended(CAMPAIGN).await.with(1);
    let sentence = "panicked, so the service ends; start it again";
    assert!(ended.stderr.contains(sentence), "{ended}");
}
