//! What a start finds: the traces of a crash, a backup that was put in place, and what is missing.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::within;
use postrider_types::{CampaignState, DeliveryState, PauseReason};

use crate::house::{House, Mock, SOON, Service, beside_others, hello, people};

const COUNT: usize = 800;

/// Who gets another campaign.
const OTHERS: usize = 10;

#[tokio::test]
async fn a_start_after_a_crash_says_what_it_found() {
    let _turn = beside_others().await;
    let (house, mock) = world().await;
    let config = config(&mock);
    let plan = "before-dot=kill@100";
    let service = house.serve_with(&config, plan, &[]).await;
    let people = people(COUNT, "receiver.test");
    let id = service.campaign("hello", &hello(), &people).await;
    // It may die before it has answered.
    drop(
        service
            .client
            .change_campaign(id, CampaignVerb::Start)
            .await,
    );
    assert_eq!(service.ended().await.code, None);

    let service = house.serve(&config).await;
    let found = check(&service, "engine").await;
    assert!(found.contains("ended without a stop"), "{found}");
    assert!(!found.contains(" 0 filed again"), "{found}");
    service.end_of(id).await;
    let ended = service.stop().await;
    let word = "an earlier process ended without a stop";
    assert!(ended.stderr.contains(word), "{ended}");

    let service = house.serve(&config).await;
    let found = check(&service, "engine").await;
    assert!(found.contains("everything in order"), "{found}");
    service.stop().await;
}

#[tokio::test]
async fn a_restored_backup_waits_for_a_person() {
    let _turn = beside_others().await;
    let (house, mock) = world().await;
    let config = config(&mock);
    let service = house.serve(&config).await;
    let id = service
        .campaign("hello", &hello(), &people(COUNT, "receiver.test"))
        .await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(50).await;
    let backup = house.path("backup.sqlite");
    let words = ["backup", "--to", backup.to_str().expect("a path in UTF-8")];
    house.run(&words).await.with(0);
    house.run(&words).await.with(4);
    // The backup harms nobody who goes on.
    let campaign = service.end_of(id).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), COUNT as u64);
    service.stop().await;
    assert_eq!(mock.accepted(), COUNT as u64);

    std::fs::rename(&backup, house.store_file()).expect("it can be put in place");
    let service = house.serve(&config).await;
    let campaign = service
        .client
        .campaign(id)
        .await
        .expect("it is in the backup");
    assert_eq!(campaign.state, CampaignState::Paused);
    assert!(campaign.open() > 0, "the backup was made on the way");
    let said = check(&service, "backup").await;
    assert!(said.contains("the store is a restored backup"), "{said}");
    // It works for others, and of the old one sends nothing.
    send_to_others(&service).await;
    assert_eq!(mock.accepted(), (COUNT + OTHERS) as u64);

    // A person decides that a second copy is better than none.
    service.change(id, CampaignVerb::Resume).await;
    let said = check(&service, "backup").await;
    assert!(said.contains("no restored backup"), "{said}");
    service.end_of(id).await;
    let ended = service.stop().await;
    assert!(
        ended.stderr.contains("the store is a restored backup"),
        "{ended}"
    );
    let service = house.serve(&config).await;
    let said = check(&service, "backup").await;
    assert!(said.contains("no restored backup"), "{said}");
    let ended = service.stop().await;
    assert!(!ended.stderr.contains("restored backup"), "{ended}");
}

#[tokio::test]
async fn a_store_whose_log_was_removed_after_a_crash_waits_for_a_person() {
    let _turn = beside_others().await;
    let (house, mock) = world().await;
    let config = config(&mock);
    let service = house.serve(&config).await;
    let id = service
        .campaign("hello", &hello(), &people(COUNT, "receiver.test"))
        .await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(50).await;
    service.stop().await;
    let known = mock.accepted();
    let service = house.serve(&config).await;
    mock.has_accepted(known + 50).await;
    service.kill().await;
    let log = house.store_file().with_extension("sqlite-wal");
    std::fs::remove_file(log).expect("a crash leaves a log");

    let service = house.serve(&config).await;
    let campaign = service
        .client
        .campaign(id)
        .await
        .expect("what is in the file is there");
    assert_eq!(campaign.state, CampaignState::Paused);
    assert_eq!(campaign.paused_because, Some(PauseReason::Restored));
    let said = check(&service, "backup").await;
    assert!(said.contains("lost its write-ahead log"), "{said}");
    let accepted = mock.accepted();
    send_to_others(&service).await;
    assert_eq!(mock.accepted(), accepted + OTHERS as u64);
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    let ended = service.stop().await;
    let why = "the last life of the store ended without a stop, and its log is gone";
    assert!(ended.stderr.contains(why), "{ended}");
}

#[tokio::test]
async fn a_directory_whose_store_is_gone_is_not_begun_anew() {
    let _turn = beside_others().await;
    let (house, mock) = world().await;
    let config = config(&mock);
    let service = house.serve(&config).await;
    let id = service
        .campaign("hello", &hello(), &people(COUNT, "receiver.test"))
        .await;
    service.stop().await;
    let backup = house.path("backup.sqlite");
    let words = ["backup", "--to", backup.to_str().expect("a path in UTF-8")];
    house.run(&words).await.with(0);
    std::fs::remove_file(house.store_file()).expect("the store is there");

    let words = ["serve", "--listen", "127.0.0.1:0"];
    let refused = house.run(&words).await.with(1);
    assert_eq!(refused.stderr.matches("error:").count(), 1, "{refused}");
    let missing = format!("{} is empty or missing", house.store_file().display());
    for words in [&missing, "incarnation shows", "put a backup in place"] {
        assert!(refused.stderr.contains(words), "no \"{words}\": {refused}");
    }
    assert!(!house.store_file().exists(), "nothing is made");

    std::fs::rename(&backup, house.store_file()).expect("it can be put in place");
    let service = house.serve(&config).await;
    service
        .client
        .campaign(id)
        .await
        .expect("it is in the backup");
    service.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_behind_the_store_is_said() {
    let _turn = beside_others().await;
    let (house, mock) = world().await;
    let config = config(&mock);
    let behind = "the clock is behind what the store holds";
    let service = house.serve(&config).await;
    service
        .campaign("hello", &hello(), &people(1, "receiver.test"))
        .await;
    service.stop().await;
    let ended = house.serve(&config).await.stop().await;
    assert!(!ended.stderr.contains(behind), "{ended}");

    let store = rusqlite::Connection::open(house.store_file()).expect("it is a database");
    let ahead = "UPDATE campaigns SET created_at = created_at + 3600 * 1000000";
    store.execute_batch(ahead).expect("the row is changed");
    drop(store);
    let ended = house.serve(&config).await.stop().await;
    assert!(ended.stderr.contains(behind), "{ended}");
}

/// Sends a campaign to somebody else, to its end.
async fn send_to_others(service: &Service) {
    let people = people(OTHERS, "elsewhere.test");
    let other = service.campaign("other", &hello(), &people).await;
    service.change(other, CampaignVerb::Start).await;
    service.end_of(other).await;
}

async fn world() -> (House, Mock) {
    let house = House::new();
    let busy = Behaviour {
        reply_delay: "2ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("receiver.test", busy);
    let mock = Mock::start(&house, profile).await;
    (house, mock)
}

fn config(mock: &Mock) -> String {
    format!("[route]\nrelay = \"{}\"\n", mock.route())
}

/// What `/readyz` says of one of its checks.
async fn check(service: &Service, name: &str) -> String {
    let ready = within(SOON, "/readyz", service.client.ready()).await;
    let checks = ready.expect("it answers").checks;
    let check = checks.into_iter().find(|check| check.name == name);
    check.expect("there is such a check").detail
}
