//! A receiver hangs up between the dot and its answer: exactly these deliveries are in doubt,
//! and none of them is sent again.

use std::collections::BTreeSet;

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, DropAt, Profile, Share};
use postrider_types::DeliveryState;

use crate::house::{House, Mock, beside_others, hello, in_state, lines_of_people};

#[tokio::test]
async fn a_receiver_that_hangs_up_after_the_dot_leaves_doubt() {
    let _turn = beside_others().await;
    let house = House::new();
    let hangs_up = |part, drop_at| Behaviour {
        drop_share: Share::new(part).unwrap(),
        drop_at,
        ..Behaviour::accept()
    };
    let profile = Profile::sink()
        .with_domain("took.test", hangs_up(1.0, DropAt::AfterAccept))
        .with_domain("lost.test", hangs_up(0.2, DropAt::BeforeAccept))
        .with_domain("early.test", hangs_up(0.2, DropAt::Data));
    let mock = Mock::start(&house, profile).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[retry]\ndelay_min = \"20ms\"\ndelay_max = \"100ms\"\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let mut list = "email,name\n".to_owned();
    list.push_str(&lines_of_people(20, "took.test"));
    list.push_str(&lines_of_people(100, "lost.test"));
    list.push_str(&lines_of_people(100, "early.test"));
    list.push_str(&lines_of_people(100, "good.test"));
    let id = service.campaign("doubt", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    assert!(campaign.is_incomplete);
    let receipts = service.export(id).await;
    service.stop().await;

    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    let in_doubt = in_state(&receipts, DeliveryState::InDoubt);
    let delivered = in_state(&receipts, DeliveryState::Delivered);
    assert_eq!(in_doubt.len() + delivered.len(), 320);

    // Who hung up after the 250 was due has it; who hung up before has not. We cannot know.
    let at = |set: &BTreeSet<String>, domain: &str| -> BTreeSet<String> {
        let set = set.iter().filter(|one| one.ends_with(domain));
        set.cloned().collect()
    };
    assert_eq!(at(&in_doubt, "@took.test").len(), 20);
    assert!(
        at(&in_doubt, "@took.test")
            .iter()
            .all(|one| accepts.contains_key(one))
    );
    let lost = at(&in_doubt, "@lost.test");
    assert!(!lost.is_empty());
    assert!(lost.iter().all(|one| !accepts.contains_key(one)));
    let dropped = mock.server().tally().domains["lost.test"].dropped;
    assert_eq!(lost.len() as u64, dropped, "in doubt are exactly those");

    // Before the dot there is no doubt: it was simply tried again.
    assert!(mock.server().tally().domains["early.test"].dropped > 0);
    assert_eq!(at(&delivered, "@early.test").len(), 100);
    assert_eq!(at(&delivered, "@good.test").len(), 100);
    assert!(delivered.iter().all(|one| accepts.contains_key(one)));
}

#[tokio::test]
async fn doubt_stays_doubt_after_another_start() {
    let _turn = beside_others().await;
    let house = House::new();
    let hangs_up = Behaviour {
        drop_share: Share::ALL,
        drop_at: DropAt::AfterAccept,
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("took.test", hangs_up);
    let mock = Mock::start(&house, profile).await;
    let config = format!("[route]\nrelay = \"{}\"\n", mock.route());
    let service = house.serve(&config).await;
    // More than sessions may end so before the site is left alone for a moment, and then longer.
    let count = 5;
    let list = format!("email,name\n{}", lines_of_people(count, "took.test"));
    let id = service.campaign("doubt", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    service.end_of(id).await;
    let before = service.export(id).await;
    service.stop().await;
    let service = house.serve(&config).await;
    service.end_of(id).await;
    assert_eq!(service.export(id).await, before);
    service.stop().await;
    assert_eq!(in_state(&before, DeliveryState::InDoubt).len(), count);
    assert_eq!(mock.accepted(), count as u64, "nothing was sent again");
}
