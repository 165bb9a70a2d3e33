//! What a start finds: the traces of a crash, and a backup that was put in place.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::within;
use postrider_types::{CampaignState, DeliveryState};

use crate::house::{House, Mock, SOON, Service, beside_others, hello, people};

const COUNT: usize = 800;

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
    let other = service
        .campaign("other", &hello(), &people(10, "elsewhere.test"))
        .await;
    service.change(other, CampaignVerb::Start).await;
    service.end_of(other).await;
    assert_eq!(mock.accepted(), COUNT as u64 + 10);

    // A person decides that a second copy is better than none.
    service.change(id, CampaignVerb::Resume).await;
    service.end_of(id).await;
    service.stop().await;
    let service = house.serve(&config).await;
    let said = check(&service, "backup").await;
    assert!(said.contains("no restored backup"), "{said}");
    service.stop().await;
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
