//! SIGTERM drains: what is under way ends with its answer, the rest waits for the next start.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_types::DeliveryState;

use crate::house::{House, Mock, beside_others, hello, in_state, people, tally};

const COUNT: usize = 600;

#[tokio::test]
async fn drain_by_sigterm_leaves_nothing_in_doubt() {
    let _turn = beside_others().await;
    let house = House::new();
    // Slow enough that every connection has a message under way when the signal comes.
    let slow = Behaviour {
        reply_delay: "20ms".parse().unwrap(),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("receiver.test", slow);
    let mock = Mock::start(&house, profile).await;
    let config = format!("[route]\nrelay = \"{}\"\n", mock.route());

    let service = house.serve(&config).await;
    let id = service
        .campaign("hello", &hello(), &people(COUNT, "receiver.test"))
        .await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(100).await;
    service.stop().await;

    let receipts = house.export("hello").await;
    let states = tally(&receipts);
    assert_eq!(states.keys().filter(|state| state.is_open()).count(), 1);
    assert!(
        states[&DeliveryState::Pending] > 0,
        "it ended too late: {states:?}"
    );
    let delivered = in_state(&receipts, DeliveryState::Delivered);
    let accepted = mock.accepts_by_recipient();
    assert_eq!(delivered.len() + states[&DeliveryState::Pending], COUNT);
    assert_eq!(delivered, accepted.into_keys().collect());

    let service = house.serve(&config).await;
    let campaign = service.end_of(id).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), COUNT as u64);
    service.stop().await;
    let accepted = mock.accepts_by_recipient();
    assert_eq!(accepted.len(), COUNT);
    assert!(accepted.values().all(|times| *times == 1), "nobody twice");
}
