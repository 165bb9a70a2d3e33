//! Rows that cannot be read: they concern whoever meets them, and nobody else of the commit.

use postrider_store::bounds::UNREADABLE_DRAFT_RETRY_AFTER;
use postrider_store::quarantine::Subject;
use postrider_store::removal::{Cursor, PurgeTarget};
use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Reply, Request, StoreError};
use postrider_types::{CampaignId, CampaignState, DeliveryState, Outcome, Timestamp};

use crate::requests::{
    begin_request, end_request, file_request, record_request, scheduled_request,
};
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

#[test]
fn a_damaged_campaign_is_left_out_of_pages_that_are_full_all_the_same() {
    let mut world = World::new(Home::sqlite());
    let all: Vec<_> = (0..6).map(|_| world.running("a.test", 1)).collect();
    let first = all[0].0;
    let damaged = format!("WHERE campaign IN ({first}, {}, {})", first + 3, first + 4);
    world.damage(&format!("UPDATE campaigns SET state = 99 {damaged}"));
    let page = |world: &World, before, limit| {
        let found = world.reader().campaigns(TENANT, before, limit).unwrap();
        found.into_iter().map(|found| found.id).collect::<Vec<_>>()
    };
    for limit in 1..=3 {
        let mut seen: Vec<CampaignId> = Vec::new();
        loop {
            let found = page(&world, seen.last().copied(), limit);
            seen.extend(&found);
            if found.len() < limit {
                break;
            }
        }
        assert_eq!(seen, [all[5], all[2], all[1]], "{limit}");
    }
    assert_eq!(world.reader().unreadable_campaigns(), 3);
    world.damage(&format!("UPDATE campaigns SET state = 1 {damaged}"));
    assert_eq!(page(&world, None, 9).len(), 6);
    assert_eq!(world.reader().unreadable_campaigns(), 0);
}

#[test]
fn a_damaged_draft_that_is_due_holds_up_no_other() {
    let mut world = World::new(Home::sqlite());
    let at = world.in_seconds(5);
    let [damaged, other] =
        ["damaged", "other"].map(|name| match world.ask_once(scheduled_request(name, at)) {
            Reply::Campaign(campaign) => campaign.id,
            reply => panic!("{reply:?}"),
        });
    let of_it = format!("WHERE campaign = {}", damaged.0);
    world.damage(&format!(
        "UPDATE campaigns SET in_doubt_policy = 99 {of_it}"
    ));
    world.pass(at.since(world.now));
    let next_at = Some(world.now.plus(UNREADABLE_DRAFT_RETRY_AFTER));
    let started = |campaigns| Reply::Started { campaigns, next_at };
    assert_eq!(world.ask_once(Request::StartDue), started(vec![other]));
    assert_eq!(world.ask_once(Request::StartDue), started(Vec::new()));
}

#[test]
fn a_damaged_campaign_holds_up_no_walk_over_the_others() {
    let mut world = World::new(Home::sqlite());
    let damaged = world.running("a.test", 1);
    let other = world.running("b.test", 2);
    let of_it = format!("WHERE campaign = {}", damaged.0);
    world.damage(&format!("UPDATE campaigns SET state = 99 {of_it}"));
    let erased = world.walk(|cursor| Request::EraseRecipient {
        tenant: TENANT,
        address: address(0),
        cursor,
    });
    // It is to be erased again when the one can be read.
    assert_eq!(erased.busy, 1);
    let purged = world.walk(|cursor| Request::Purge {
        target: PurgeTarget::Tenant(TENANT),
        with_in_doubt: false,
        is_dry_run: false,
        cursor,
    });
    assert_eq!((purged.matched, purged.busy), (1, 1));
    assert_eq!(world.tally(other)[DeliveryState::Cancelled], 2);
}

#[test]
fn a_lane_is_purged_of_the_others_beside_a_damaged_campaign() {
    for is_leased in [false, true] {
        let mut world = World::new(Home::sqlite());
        let damaged = world.running("a.test", 1);
        let other = world.running("a.test", 2);
        if is_leased {
            assert_eq!(claim(&mut world).campaign, damaged);
        }
        let of_it = format!("WHERE campaign = {}", damaged.0);
        world.damage(&format!("UPDATE campaigns SET state = 99 {of_it}"));
        let target = PurgeTarget::Domain("a.test".parse().unwrap());
        let purged = world.walk(|cursor| Request::Purge {
            target: target.clone(),
            with_in_doubt: false,
            is_dry_run: false,
            cursor,
        });
        assert_eq!((purged.matched, purged.busy), (2, 1));
        assert_eq!(world.tally(other)[DeliveryState::Cancelled], 2);
    }
}

#[test]
fn a_lease_of_a_damaged_campaign_keeps_no_other_from_its_end() {
    let mut world = World::new(Home::sqlite());
    let damaged = world.running("a.test", 1);
    let other = world.running("b.test", 1);
    for campaign in [damaged, other] {
        assert_eq!(claim(&mut world).campaign, campaign);
    }
    let of_it = format!("WHERE campaign = {}", damaged.0);
    world.damage(&format!("UPDATE campaigns SET state = 99 {of_it}"));
    let Reply::Reaped(reaped) = world.ask_once(Request::reap(Timestamp::NEVER)) else {
        panic!("leases end");
    };
    assert_eq!((reaped.leases, reaped.more), (1, false));
    assert_eq!(claim(&mut world).campaign, other);
    // When it is mended, its own ends as well.
    world.damage(&format!("UPDATE campaigns SET state = 1 {of_it}"));
    world.ask_once(Request::reap(Timestamp::NEVER));
    let again = [claim(&mut world).campaign, claim(&mut world).campaign];
    assert!(again.contains(&damaged), "{again:?}");
}

#[test]
fn a_damaged_campaign_keeps_no_email_out_of_quarantine() {
    let mut world = World::new(Home::sqlite());
    let damaged = world.running("a.test", 1);
    let other = world.running("b.test", 1);
    let of_it = format!("WHERE campaign = {}", damaged.0);
    world.damage(&format!("UPDATE campaigns SET state = 99 {of_it}"));
    let held = claim(&mut world);
    let report = Request::Quarantine {
        token: held.token,
        what: Subject::Email,
        reason: "it is too large".to_owned(),
    };
    assert_eq!(world.ask_once(report), DONE);
    assert_eq!(world.campaign(other).state, CampaignState::Paused);
}
