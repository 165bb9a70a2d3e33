//! A destination that is slow, throttled or refuses everything delays no other.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::log::Accept;
use postrider_mock_smtp::{Behaviour, Profile, Share};
use postrider_types::DeliveryState;

use crate::house::{House, Mock, alone, hello, in_state, lines_of_people};

const FAST: usize = 600;
const SLOW: usize = 40;

#[tokio::test]
async fn a_slow_destination_delays_no_other() {
    let _turn = alone().await;
    let house = House::new();
    let slow = Behaviour {
        reply_delay: "400ms".parse().unwrap(),
        ..Behaviour::accept()
    };
    let defers = Behaviour {
        defer_share: Share::ALL,
        ..Behaviour::accept()
    };
    let profile = Profile::sink()
        .with_domain("slow.test", slow)
        .with_domain("busy.test", defers);
    let mock = Mock::start(&house, profile).await;
    // The slow domain could take all connections but those that its own limit leaves.
    let config = format!(
        "[route]\nrelay = \"{}\"\nconnections = 20\n\
         [limits.domain.\"closed.test\"]\nrate = \"0\"\n[limits.domain.\"paced.test\"]\nrate = \"5/s\"\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    // The others come first in the list, so that they could stand in the way.
    let mut list = "email,name\n".to_owned();
    list.push_str(&lines_of_people(SLOW, "slow.test"));
    list.push_str(&lines_of_people(SLOW, "closed.test"));
    list.push_str(&lines_of_people(SLOW, "busy.test"));
    list.push_str(&lines_of_people(SLOW, "paced.test"));
    list.push_str(&lines_of_people(FAST, "fast.test"));
    let id = service.campaign("hello", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted((FAST + 2 * SLOW) as u64).await;
    let receipts = service.export(id).await;
    service.stop().await;

    let accepts = mock.accepts();
    let fast = span_us(&accepts, "fast.test");
    let (slow, paced) = (
        span_us(&accepts, "slow.test"),
        span_us(&accepts, "paced.test"),
    );
    assert!(
        slow > 3_000_000,
        "40 messages at 1.2 s on 10 connections: {slow}"
    );
    assert!(paced > 7_000_000, "40 messages at 5/s: {paced}");
    assert!(
        fast < slow.min(paced) / 2,
        "fast.test took {fast} µs of {slow}"
    );
    let delivered = in_state(&receipts, DeliveryState::Delivered);
    assert_eq!(delivered.len(), FAST + 2 * SLOW);
    assert_eq!(in_state(&receipts, DeliveryState::Deferred).len(), SLOW);
    assert_eq!(in_state(&receipts, DeliveryState::Pending).len(), SLOW);
}

/// From the first accept of all to the last one of a domain, in microseconds.
fn span_us(accepts: &[Accept], domain: &str) -> i64 {
    let first = accepts.iter().map(|accept| accept.at_us).min();
    let own = accepts.iter().filter(|accept| accept.domain == domain);
    let last = own.map(|accept| accept.at_us).max();
    last.expect("it got some") - first.expect("somebody got some")
}
