//! The feed of receipts gives every change once, in order, across a restart, and its last word
//! on each recipient is what the receipt says.

use std::collections::{HashMap, HashSet};

use postrider_api::{CampaignVerb, LogEntry};
use postrider_mock_smtp::{Behaviour, Profile, Share};
use postrider_tests::within;
use postrider_types::{CampaignId, DeliveryState, RecipientId};

use crate::house::{
    ANSWERS, CAMPAIGN, House, Mock, Service, beside_others, hello, lines_of_people, tally,
};

/// Small and odd, so that pages end everywhere.
const PAGE: u32 = 37;

#[tokio::test]
async fn the_feed_gives_every_change_once() {
    let _turn = beside_others().await;
    let house = House::new();
    let defers_once = Behaviour {
        defer_share: Share::ALL,
        defer_times_max: Some(1),
        reply_delay: "1ms".parse().unwrap(),
        ..Behaviour::accept()
    };
    let refuses = Behaviour {
        refuse_share: Share::ALL,
        ..Behaviour::accept()
    };
    let profile = Profile::sink()
        .with_domain("later.test", defers_once)
        .with_domain("never.test", refuses);
    let mock = Mock::start(&house, profile).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[retry]\ndelay_min = \"200ms\"\ndelay_max = \"1s\"\njitter = 0.0\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let mut list = "email,name\n".to_owned();
    list.push_str(&lines_of_people(300, "good.test"));
    list.push_str(&lines_of_people(200, "later.test"));
    list.push_str(&lines_of_people(100, "never.test"));
    let id = service.campaign("hello", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;

    // Half of it is read from one process, the rest from the next.
    let mut read = Follower::default();
    let begun = async {
        while read.entries.len() < 300 {
            read.page(&service).await;
        }
    };
    within(CAMPAIGN, "the first 300 entries", begun).await;
    service.stop().await;
    let service = house.serve(&config).await;
    service.end_of(id).await;
    while read.page(&service).await {}

    read.assert_in_order();
    let mut again = Follower::default();
    while again.page(&service).await {}
    assert_eq!(again.entries, read.entries, "read later, it is the same");

    let receipts = service.export(id).await;
    service.stop().await;
    let states = tally(&receipts);
    assert_eq!(states[&DeliveryState::Delivered], 500);
    assert_eq!(states[&DeliveryState::Bounced], 100);
    let mut last: HashMap<String, &LogEntry> = HashMap::new();
    for entry in &read.entries {
        last.insert(entry.recipient.clone(), entry);
    }
    assert_eq!(last.len(), receipts.len());
    for receipt in &receipts {
        let entry = last[&receipt.recipient];
        assert_eq!(entry.state, receipt.state, "{receipt:?}");
        assert_eq!(entry.reply, receipt.reply);
        assert_eq!(Some(entry.at), receipt.at);
        assert_eq!(entry.attempt, receipt.attempts);
    }
    let of_later = |state| {
        let entries = read.entries.iter().filter(|entry| entry.state == state);
        entries
            .filter(|entry| entry.recipient.ends_with("@later.test"))
            .count()
    };
    assert_eq!(of_later(DeliveryState::Deferred), 200);
    assert_eq!(of_later(DeliveryState::Delivered), 200);
}

/// Somebody who reads the feed and keeps the number that it gave.
#[derive(Default)]
struct Follower {
    after: u64,
    entries: Vec<LogEntry>,
}

impl Follower {
    /// Reads a page; says whether there is more already.
    async fn page(&mut self, service: &Service) -> bool {
        let page = service.client.feed(self.after, Some(PAGE)).await;
        let page = page.expect(ANSWERS);
        assert!(page.data.len() <= PAGE as usize);
        self.after = page.next;
        self.entries.extend(page.data);
        page.has_more
    }

    /// Numbers grow, and no change stands there twice.
    fn assert_in_order(&self) {
        let mut changes: HashSet<(CampaignId, RecipientId, u16, DeliveryState)> = HashSet::new();
        for pair in self.entries.windows(2) {
            assert!(pair[0].number < pair[1].number, "{pair:?}");
        }
        for entry in &self.entries {
            let change = (
                entry.campaign_id,
                entry.recipient_id,
                entry.attempt,
                entry.state,
            );
            assert!(changes.insert(change), "twice: {entry:?}");
        }
    }
}
