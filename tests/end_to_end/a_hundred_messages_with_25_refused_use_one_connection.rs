//! A recipient who is refused costs no connection: the next message goes over the same one.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::log::{self, Line};
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_types::DeliveryState;

use crate::house::{House, Mock, beside_others, hello, people, tally};

#[tokio::test]
async fn a_hundred_messages_with_25_refused_use_one_connection() {
    let _turn = beside_others().await;
    let house = House::new();
    let behaviour = Behaviour {
        refuse_local_prefix: Some("bad".to_owned()),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("receiver.test", behaviour);
    let mock = Mock::start(&house, profile).await;
    let config = format!("[route]\nrelay = \"{}\"\nconnections = 1\n", mock.route());
    let service = house.serve(&config).await;
    let mut list = people(100, "receiver.test");
    for number in (0..100).step_by(4) {
        list = list.replace(&format!("\na{number}@"), &format!("\nbad{number}@"));
    }
    let id = service.campaign("refused", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    service.end_of(id).await;
    let receipts = service.export(id).await;
    service.stop().await;

    let delivered = (DeliveryState::Delivered, 75);
    let bounced = (DeliveryState::Bounced, 25);
    assert_eq!(tally(&receipts), [delivered, bounced].into());
    assert!(receipts.iter().all(|receipt| receipt.attempts == 1));
    assert_eq!(mock.accepted(), 75);
    let (mut opened, mut refused) = (0, 0);
    log::read(mock.log(), |line| match line {
        Line::Open(_) => opened += 1,
        Line::Refuse(_) => refused += 1,
        _ => {}
    })
    .expect("the log can be read");
    assert_eq!((opened, refused), (1, 25), "connections and refusals");
}
