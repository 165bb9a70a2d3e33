//! A large email costs its size once: in the store, and in memory however many get it.

use bytes::Bytes;
use postrider_api::{AfterIntake, CampaignVerb, NewAttachment};
use postrider_mock_smtp::Profile;
use postrider_tests::{is_full, within};
use postrider_types::{CampaignId, DeliveryState};

use crate::house::{
    ANSWERS, CAMPAIGN, House, Mock, Service, beside_others, hello, lines_of_people, people,
};

const MEMORY_BYTES_MAX: u64 = 128 << 20;

/// What a recipient may cost in the store: address, variables, receipt and index.
const RECIPIENT_BYTES_MAX: u64 = 400;

#[tokio::test]
async fn a_large_email_costs_its_size_once() {
    let _turn = beside_others().await;
    let (audience, open) = if is_full() {
        (30_000, 200)
    } else {
        (30_000, 40)
    };
    let body_bytes = 5_000_000;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let closed = format!(
        "[route]\nrelay = \"{}\"\nconnections = 4\n[limits.default]\nrate = \"0\"\n",
        mock.route()
    );
    let service = house.serve(&closed).await;
    let id = large_campaign(&service, body_bytes).await;
    let mut list = "email,name\n".to_owned();
    list.push_str(&lines_of_people(open, "open.test"));
    list.push_str(&lines_of_people(audience - open, "closed.test"));
    let report = service.add(id, &list, AfterIntake::Seal).await;
    assert_eq!(report.accepted, audience as u64);
    service.change(id, CampaignVerb::Start).await;
    // An empty campaign goes by: the service has looked at all that it could send.
    let other = service.campaign("other", &hello(), "email,name\n").await;
    service.change(other, CampaignVerb::Start).await;
    service.end_of(other).await;
    assert_memory(&service);
    service.stop().await;
    assert_eq!(mock.accepted(), 0, "a closed limit lets nothing through");
    let bytes = std::fs::metadata(house.store_file())
        .expect("the store")
        .len();
    let bound = body_bytes as u64 * 11 / 10 + audience as u64 * RECIPIENT_BYTES_MAX;
    assert!(
        bytes < bound,
        "the store has {bytes} bytes, more than {bound}"
    );

    let released =
        format!("{closed}[limits.domain.\"open.test\"]\nrate = \"none\"\nconnections = 4\n");
    let service = house.serve(&released).await;
    mock.has_accepted(open as u64).await;
    within(CAMPAIGN, "the receipts of those released", async {
        while delivered(&service, id).await < open as u64 {}
    })
    .await;
    assert_memory(&service);
    assert_eq!(service.metric("postrider_bodies_loaded_total").await, 1);
    service.stop().await;
    let accepts = mock.accepts();
    assert_eq!(accepts.len(), open);
    assert!(
        accepts
            .iter()
            .all(|accept| accept.bytes > body_bytes as u64)
    );
    assert!(accepts.iter().all(|accept| accept.domain == "open.test"));
    assert_eq!(mock.server().tally().connections_max, 4);
}

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
    assert_memory(&service);
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
    let content = (0..bytes).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[4]);
    let attachment = NewAttachment {
        filename: "large.bin".to_owned(),
        content_type: "application/octet-stream".to_owned(),
        content: Bytes::from_iter(content),
    };
    let put = service.client.put_email(&hello(), &[attachment]).await;
    let put = put.expect(ANSWERS);
    service.create("large", put.id).await
}

async fn delivered(service: &Service, id: CampaignId) -> u64 {
    let campaign = service.client.campaign(id).await.expect(ANSWERS);
    campaign.count(DeliveryState::Delivered)
}

fn assert_memory(service: &Service) {
    assert_memory_below(service, MEMORY_BYTES_MAX);
}

/// The most memory that the service has ever had resident is within a bound.
fn assert_memory_below(service: &Service, bytes: u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid()));
    let status = status.expect("Linux says how much memory a process has");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = kib.expect("VmHWM in kB").parse().expect("a number");
    assert!(kib * 1024 < bytes, "the service had {kib} KiB resident");
}
