//! Rows that cannot be read: they concern whoever meets them, and nobody else of the commit.

use postrider_store::removal::Cursor;
use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Reply, Request, StoreError};
use postrider_types::{DeliveryState, Outcome, Timestamp};

use crate::requests::{begin_request, end_request, file_request, record_request};
use crate::world::{DONE, Home, TENANT, World, address, numbers};

/// Claims without a look at everything, part of which cannot be read.
fn claim(world: &mut World) -> Claimed {
    let request = world.claim_request(&[]);
    match world.ask_once(request) {
        Reply::Claimed(claimed) => *claimed,
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn a_damaged_receipt_fails_only_the_request_that_meets_it() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 3);
    let held = claim(&mut world);
    world.begin(&held, 0);
    world.begin(&held, 1);
    world.damage("UPDATE receipts SET state = 99 WHERE recipient = 0");
    let replies = world.apply(vec![
        record_request(&held, 1, 1, Outcome::Delivered),
        record_request(&held, 0, 1, Outcome::Delivered),
        begin_request(&held, 2, 1),
        file_request(campaign, "b.test", 2),
    ]);
    assert_eq!((&replies[0], &replies[2]), (&DONE, &DONE));
    let Reply::Failed(StoreError::Corrupt { what }) = &replies[1] else {
        panic!("{replies:?}");
    };
    assert!(what.contains("99"), "{what}");
    assert!(matches!(replies[3], Reply::Filed { .. }), "{replies:?}");
    // All but the one is durable, and a later commit goes on from there.
    world.reopen();
    let tally = world.tally(campaign);
    assert_eq!(tally[DeliveryState::Delivered], 1);
    assert_eq!(tally[DeliveryState::Attempting], 2);
    let bounced = record_request(&held, 2, 1, Outcome::Bounced);
    assert_eq!(world.ask_once(bounced), DONE);
    assert_eq!(world.tally(campaign)[DeliveryState::Bounced], 1);
}

#[test]
fn a_request_that_fails_takes_back_what_it_had_done() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 3);
    let other = world.running("b.test", 1);
    let held = [claim(&mut world), claim(&mut world)];
    assert_eq!(held[1].campaign, other);
    world.begin(&held[1], 0);
    world.record(&held[1], 0, Outcome::Returned);
    for held in &held {
        world.end(held.token, Vec::new());
    }
    let of_it = format!("WHERE campaign = {}", other.0);
    world.damage(&format!("UPDATE receipts SET state = 99 {of_it}"));
    // It ends one of the first campaign before it meets the one of the second.
    let erase = Request::EraseRecipient {
        tenant: TENANT,
        address: address(0),
        cursor: Cursor::START,
    };
    let replies = world.apply(vec![erase, file_request(campaign, "b.test", 1)]);
    assert!(matches!(replies[0], Reply::Failed(_)), "{replies:?}");
    assert!(matches!(replies[1], Reply::Filed { .. }), "{replies:?}");
    for _ in 0..2 {
        let tally = world.tally(campaign);
        assert_eq!((tally.open(), tally[DeliveryState::Pending]), (4, 4));
        assert_eq!(world.reader().log(TENANT, 0, 9).unwrap().len(), 1);
        world.reopen();
    }
}

#[test]
fn a_damaged_receipt_stops_neither_the_end_of_a_lease_nor_a_reap() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 3);
    let held = claim(&mut world);
    world.begin(&held, 0);
    world.begin(&held, 1);
    world.damage("UPDATE receipts SET state = 99 WHERE recipient = 0");
    world.repeat(&Request::reap(Timestamp::NEVER));
    assert_eq!(world.tally(campaign)[DeliveryState::InDoubt], 1);
    // Nothing is sent to the one of whom nobody knows what became.
    let again = claim(&mut world);
    assert_eq!(numbers(&again.recipients), [2]);
    assert_eq!(world.ask_once(end_request(again.token, Vec::new())), DONE);
}

#[test]
fn a_damaged_receipt_of_a_cancelled_campaign_holds_up_nobody_else() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 3);
    let held = claim(&mut world);
    world.begin(&held, 2);
    world.record(&held, 2, Outcome::Returned);
    world.end(held.token, Vec::new());
    let other = world.running("a.test", 1);
    world.damage("UPDATE receipts SET state = 99 WHERE recipient = 2");
    world.ask_once(Request::Change {
        campaign,
        change: CampaignChange::Cancel,
    });
    assert_eq!(claim(&mut world).campaign, other);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 2);
    let swept = world.ask_once(Request::Sweep { campaign });
    assert_eq!(swept, DONE);
}

#[test]
fn a_damaged_campaign_holds_up_nobody_else() {
    let mut world = World::new(Home::sqlite());
    let damaged = world.running("a.test", 1);
    let other = world.running("a.test", 1);
    let of_it = format!("WHERE campaign = {}", damaged.0);
    world.damage(&format!("UPDATE campaigns SET state = 99 {of_it}"));
    let held = claim(&mut world);
    assert_eq!(held.campaign, other);
    assert_eq!(world.ask_once(begin_request(&held, 0, 1)), DONE);
    let idle = world.claim_request(&[]);
    assert_eq!(world.ask_once(idle), Reply::Idle { next_at: None });
    // When it is mended, it goes on.
    world.damage(&format!("UPDATE campaigns SET state = 1 {of_it}"));
    world.repeat(&Request::Unpark { campaign: damaged });
    assert_eq!(claim(&mut world).campaign, damaged);
}
