//! One process owns a data directory; a second one is told who it is, and harms nothing.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::Profile;
use postrider_types::DeliveryState;

use crate::house::{House, Mock, beside_others, hello, lines_of_json, people};

#[tokio::test]
async fn a_second_service_on_the_same_directory_is_refused() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let config = format!("[route]\nrelay = \"{}\"\n", mock.route());
    let service = house.serve(&config).await;
    let pid = format!("{}", service.pid());

    let second = house
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .with(4);
    assert!(second.stderr.contains(&pid), "it names the owner: {second}");
    assert_eq!(second.stderr.matches("error:").count(), 1, "{second}");

    // A command on the directory asks the owner instead.
    let id = service
        .campaign("hello", &hello(), &people(100, "receiver.test"))
        .await;
    let shown = house
        .run(&["campaign", "show", "hello", "-o", "json"])
        .await;
    let shown: postrider_api::Campaign = lines_of_json(&shown.with(0).stdout).remove(0);
    assert_eq!((shown.id, shown.audience), (id, 100));

    // The owner never noticed.
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), 100);
    assert_eq!(mock.accepted(), 100);
    service.stop().await;

    // A lock that a killed owner left behind keeps nobody out.
    let killed = house.serve(&config).await;
    killed.kill().await;
    house.serve(&config).await.stop().await;
}
