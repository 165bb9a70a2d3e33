//! A large email costs its size once in memory, however many get it. That it costs it once in
//! the store is shown by the incident of the payload in the job (`tests/incidents/payload.rs`).

use postrider_api::{AfterIntake, CampaignVerb};
use postrider_mock_smtp::Profile;
use postrider_tests::is_full;
use postrider_types::{CampaignId, DeliveryState};

use crate::house::{ANSWERS, CAMPAIGN, House, Mock, Service, beside_others, hello, large, people};

const MEMORY_BYTES_MAX: u64 = 128 << 20;

#[tokio::test]
async fn a_body_larger_than_the_cache_is_loaded_once_a_chunk() {
    let _turn = beside_others().await;
    // Four chunks, each of one slice of the list.
    let in_slice = if is_full() { 500 } else { 25 };
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[cache]\nbytes_max = \"1MB\"\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let id = large_campaign(&service, 2_000_000).await;
    for slice in 0..4 {
        let list = people(in_slice, "receiver.test").replace("\na", &format!("\nb{slice}-"));
        let report = service.add(id, &list, AfterIntake::LeaveOpen).await;
        assert_eq!(report.accepted, in_slice as u64);
    }
    service.change(id, CampaignVerb::Seal).await;
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    let all = 4 * in_slice as u64;
    assert_eq!(campaign.count(DeliveryState::Delivered), all);
    assert_eq!(mock.accepted(), all);
    let loaded = service.metric("postrider_bodies_loaded_total").await;
    assert!((1..=8).contains(&loaded), "{loaded} loads of the body");
    assert_memory_below(&service, MEMORY_BYTES_MAX);
    service.stop().await;
}

#[tokio::test]
async fn a_five_megabyte_body_costs_little_memory() {
    let _turn = beside_others().await;
    let count = if is_full() { 1_000 } else { 100 };
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let config = format!("[route]\nrelay = \"{}\"\nconnections = 10\n", mock.route());
    let service = house.serve(&config).await;
    let id = large_campaign(&service, 5_000_000).await;
    let list = people(count, "receiver.test");
    service.add(id, &list, AfterIntake::Seal).await;
    service.change(id, CampaignVerb::Start).await;
    // The long version is 7 GB on the wire, which the mock hashes.
    let campaign = service.end_within(CAMPAIGN * 4, id).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), count as u64);
    assert_eq!(mock.server().tally().connections_max, 10);
    assert_memory_below(&service, 100_000_000);
    service.stop().await;
}

/// A campaign whose email has so many bytes in an attachment.
async fn large_campaign(service: &Service, bytes: usize) -> CampaignId {
    let put = service.client.put_email(&hello(), &[large(bytes)]).await;
    let put = put.expect(ANSWERS);
    service.create("large", put.id).await
}

/// The most memory that the service has ever had resident is within a bound.
fn assert_memory_below(service: &Service, bytes_max: u64) {
    let bytes = service.resident_bytes_max();
    assert!(bytes < bytes_max, "{} KiB resident", bytes >> 10);
}
