//! A service of which every thread hangs can do nothing any more, not even end: its process is
//! ended, while it sends and while it drains.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::until;
use postrider_types::DeliveryState;

use crate::crew::{DOMAINS, SOONER, busy_mock, config, list, started};
use crate::house::{ANSWERS, House, Mock, SOON, beside_others, hello, people};

/// People at each domain.
const EACH: usize = 40;

#[tokio::test]
async fn a_service_of_which_every_thread_hangs_ends_all_the_same() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    // One thread for all, and nobody's message is ever done.
    let plan = "in-render=delay(600000)";
    let alone = format!("{}{SOONER}", config(&mock, 0));
    let service = house.serve_on_one_thread(&alone, plan).await;
    let campaign = service.campaign("hello", &hello(), &list(EACH)).await;
    // It may not get to the answer any more.
    let client = service.client.clone();
    let start = client.change_campaign(campaign, CampaignVerb::Start);
    let (_, ended) = tokio::join!(start, service.ended());
    let ended = ended.with(1);
    let word = "the service stands still (it has";
    assert!(ended.stderr.contains(word), "{ended}");
    assert!(ended.stderr.contains("its process is ended"), "{ended}");

    let service = house.serve(&config(&mock, 0)).await;
    let campaign = service.end_of(campaign).await;
    let delivered = campaign.count(DeliveryState::Delivered);
    assert_eq!(delivered, (EACH * DOMAINS) as u64, "{campaign:?}");
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    service.stop().await;
}

#[tokio::test]
async fn a_drain_in_which_every_thread_hangs_ends_all_the_same() {
    let _turn = beside_others().await;
    let house = House::new();
    let slow = Behaviour {
        reply_delay: "3s".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("receiver.test", slow);
    let mock = Mock::start(&house, profile).await;
    // The reply to the dot comes while the service drains.
    let plan = "before-outcome=delay(600000)";
    let alone = format!("{}{SOONER}", config(&mock, 0));
    let service = house.serve_on_one_thread(&alone, plan).await;
    let id = started(&service, &people(1, "receiver.test")).await;
    until(SOON, "a dot", async || {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        (campaign.count(DeliveryState::Attempting) == 1).then_some(())
    })
    .await;
    service.terminate();
    let ended = service.ended().await.with(1);
    assert!(ended.stderr.contains("the service is draining"), "{ended}");
    let word = "the service stands still (it has not answered";
    assert!(ended.stderr.contains(word), "{ended}");
}
