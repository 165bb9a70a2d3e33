//! What people look at, page by page.

use postrider_store::Request;
use postrider_types::{
    Address, CampaignId, DeliveryState, EmailId, LogEntry, Outcome, RecipientId, TenantId,
    Timestamp,
};

use crate::requests::file_request;
use crate::world::{OTHER_TENANT, TENANT, World, address, delivery, lane};

scenes! {
    campaigns_are_listed_newest_first_by_pages,
    receipts_are_listed_by_number_and_by_state,
    the_audience_is_listed_from_any_number,
    the_receipts_of_an_address_are_found_however_it_is_spelled,
    the_log_is_a_feed,
    a_reply_is_kept_as_it_was,
    lanes_are_listed_longest_first,
    a_lane_is_known_by_what_waits_in_it_or_ever_did,
    an_email_is_known_to_its_tenant_only,
    the_message_key_stays,
    nothing_is_found_for_another_tenant,
}

fn campaigns_are_listed_newest_first_by_pages(world: &mut World) {
    for name in ["one", "two", "three"] {
        world.create(name);
    }
    let page = |before, limit| -> Vec<u32> {
        let page = world.reader().campaigns(TENANT, before, limit).unwrap();
        page.into_iter().map(|campaign| campaign.id.0).collect()
    };
    assert_eq!(page(None, 2), [3, 2]);
    assert_eq!(page(Some(CampaignId(2)), 2), [1]);
    assert_eq!(page(Some(CampaignId(1)), 2), [0; 0]);
    assert_eq!(
        world
            .reader()
            .campaign_named(TENANT, "two")
            .unwrap()
            .unwrap()
            .id
            .0,
        2
    );
    assert_eq!(world.reader().campaign_named(TENANT, "Two").unwrap(), None);
    assert_eq!(world.reader().campaign(CampaignId(4)).unwrap(), None);
}

fn receipts_are_listed_by_number_and_by_state(world: &mut World) {
    let campaign = world.running("a.test", 6);
    let held = world.claim();
    for place in [4, 2, 0] {
        world.record(&held, place, Outcome::Bounced);
    }
    world.deliver(&held, 3);
    let page = |from, state, limit| -> Vec<u32> {
        let from = RecipientId(from);
        let page = world
            .reader()
            .receipts(TENANT, campaign, from, state, limit)
            .unwrap();
        page.into_iter()
            .map(|receipt| receipt.delivery.recipient.0)
            .collect()
    };
    assert_eq!(page(0, None, 9), [0, 2, 3, 4]);
    assert_eq!(page(1, None, 2), [2, 3]);
    assert_eq!(page(1, Some(DeliveryState::Bounced), 9), [2, 4]);
    assert_eq!(page(0, Some(DeliveryState::Bounced), 1), [0]);
    assert_eq!(page(5, None, 9), [0; 0]);
}

fn the_audience_is_listed_from_any_number(world: &mut World) {
    let campaign = world.running("a.test", 3);
    world.file(campaign, "b.test", 2);
    world.file(campaign, "a.test", 2);
    // A refiled chunk is no part of it.
    let held = world.claim();
    world.deliver(&held, 0);
    world.end(held.token, Vec::new());
    let page = |from, limit| -> Vec<u32> {
        let page = world
            .reader()
            .audience(TENANT, campaign, RecipientId(from), limit)
            .unwrap();
        page.into_iter()
            .map(|chunk| chunk.first.unwrap().0)
            .collect()
    };
    assert_eq!(page(0, 9), [0, 3, 5]);
    assert_eq!(page(2, 2), [0, 3]);
    assert_eq!(page(3, 9), [3, 5]);
    assert_eq!(page(4, 1), [3]);
    assert_eq!(page(6, 9), [5]);
}

fn the_receipts_of_an_address_are_found_however_it_is_spelled(world: &mut World) {
    let spellings = [
        "Gréta@example.test",
        "GRE\u{301}TA@example.test",
        "greta@example.test",
    ];
    let one = world.running("a.test", 2);
    let two = world.running("a.test", 2);
    for campaign in [one, two] {
        let mut request = file_request(campaign, "a.test", 3);
        if let Request::File { recipients, .. } = &mut request {
            for (recipient, spelling) in recipients.iter_mut().zip(spellings) {
                recipient.0 = spelling.parse().unwrap();
            }
        }
        world.ask(request);
    }
    for _ in 0..4 {
        let held = world.claim();
        for place in 0..held.recipients.len() {
            world.record(&held, place, Outcome::Bounced);
        }
    }
    let find = |text: &str, limit| -> Vec<(CampaignId, u32)> {
        let key = text.parse::<Address>().unwrap().key();
        let found = world.reader().receipts_of(TENANT, &key, limit).unwrap();
        found
            .iter()
            .map(|r| (r.delivery.campaign, r.delivery.recipient.0))
            .collect()
    };
    assert_eq!(
        find("gréta@EXAMPLE.test", 9),
        [(two, 3), (two, 2), (one, 3), (one, 2)]
    );
    assert_eq!(find("Greta@example.test", 9), [(two, 4), (one, 4)]);
    assert_eq!(find("ADA.1@example.test", 1), [(two, 1)]);
    assert_eq!(find("ada%@example.test", 9), []);
}

fn the_log_is_a_feed(world: &mut World) {
    world.running("a.test", 3);
    let held = world.claim();
    world.deliver(&held, 1);
    let first = world.reader().log(TENANT, 0, 9).unwrap();
    assert_eq!(first.len(), 1, "that it began is no entry");
    assert_eq!(
        (first[0].delivery, &first[0].address),
        (delivery(&held, 1), &address(1))
    );
    world.record(&held, 0, Outcome::Bounced);
    world.record(&held, 2, Outcome::Bounced);
    let after = |number, limit| world.reader().log(TENANT, number, limit).unwrap();
    let new = after(first[0].number, 9);
    let recipients = |log: &[LogEntry]| -> Vec<_> {
        log.iter().map(|entry| entry.delivery.recipient.0).collect()
    };
    assert_eq!(recipients(&new), [0, 2]);
    assert_eq!(recipients(&after(new[0].number, 1)), [2]);
    assert!(after(u64::MAX, 9).is_empty());
}

fn a_reply_is_kept_as_it_was(world: &mut World) {
    world.running("a.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::Bounced);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(
        receipt.reply.as_ref().unwrap().to_string(),
        "550 5.1.1 no such user"
    );
    let log = world.reader().log(TENANT, 0, 9).unwrap();
    assert_eq!(log[0].reply, receipt.reply);
}

fn lanes_are_listed_longest_first(world: &mut World) {
    let campaign = world.running("b.test", 1);
    for name in ["c.test", "a.test", "c.test"] {
        world.file(campaign, name, 1);
    }
    let shapes = world.reader().lanes(9).unwrap();
    let names: Vec<_> = shapes
        .iter()
        .map(|shape| (shape.lane.as_str(), shape.chunks))
        .collect();
    assert_eq!(names, [("c.test", 2), ("a.test", 1), ("b.test", 1)]);
    assert_eq!(
        (shapes[0].due_at, shapes[0].not_until),
        (Some(world.now), Timestamp::EPOCH)
    );
    assert_eq!(world.reader().lanes(1).unwrap()[0].lane, lane("c.test"));
}

fn a_lane_is_known_by_what_waits_in_it_or_ever_did(world: &mut World) {
    let draft = world.create("a draft");
    world.file(draft, "parked.test", 1);
    world.running("queued.test", 1);
    let held = world.claim();
    world.deliver(&held, 0);
    world.end(held.token, Vec::new());
    let check = |name: &str, expect| {
        assert_eq!(world.reader().has_lane(&lane(name)).unwrap(), expect);
    };
    check("parked.test", true);
    check("queued.test", true);
    check("other.test", false);
}

fn an_email_is_known_to_its_tenant_only(world: &mut World) {
    let known = |tenant, content: &[u8]| {
        let email = EmailId::of(content);
        world.reader().has_email(tenant, email).unwrap()
    };
    assert!(known(TENANT, b"an email"));
    assert!(!known(TENANT, b"another"));
    assert!(!known(OTHER_TENANT, b"an email"));
}

fn the_message_key_stays(world: &mut World) {
    let key = world.reader().message_key();
    world.reopen();
    assert_eq!(world.reader().message_key(), key);
}

fn nothing_is_found_for_another_tenant(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.deliver(&held, 0);
    let reader = world.reader();
    let (other, first) = (TenantId(2), RecipientId(0));
    assert!(reader.campaigns(other, None, 9).unwrap().is_empty());
    assert!(
        reader
            .receipts(other, campaign, first, None, 9)
            .unwrap()
            .is_empty()
    );
    assert!(
        reader
            .audience(other, campaign, first, 9)
            .unwrap()
            .is_empty()
    );
    assert!(
        reader
            .receipts_of(other, &address(0).key(), 9)
            .unwrap()
            .is_empty()
    );
    assert!(reader.log(other, 0, 9).unwrap().is_empty());
}
