//! What is only true of a file: damaged chunks, bytes that were deleted, and its size.

use postrider_store::removal::{Cursor, PurgeTarget};
use postrider_store::request::CampaignChange;
use postrider_store::{Reply, Request};
use postrider_types::{CampaignState, DeliveryState, EmailId, Outcome, Timestamp};

use crate::requests::{begin_request, record_request};
use crate::world::{DONE, Home, OTHER_TENANT, TENANT, World, address, numbers};

const TORN: &str = "UPDATE chunks SET recipients = x'02ff' WHERE chunk = ";

#[test]
fn a_chunk_that_cannot_be_read_is_quarantined_by_the_claim_that_meets_it() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 3);
    world.file(campaign, "b.test", 2);
    world.damage(&format!("{TORN} 1"));
    let held = world.claim();
    assert_eq!(numbers(&held.recipients), [3, 4]);
    assert_eq!(world.tally(campaign)[DeliveryState::Quarantined], 3);
    let aside = world
        .reader()
        .quarantined_chunks(TENANT, postrider_types::ChunkId(0), 9);
    let aside = aside.unwrap();
    assert_eq!(
        (aside.len(), aside[0].bytes, aside[0].campaign),
        (1, 2, campaign)
    );
    (0..2).for_each(|place| world.deliver(&held, place));
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(world.idle(), None);
    world.change(campaign, CampaignChange::Seal);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

#[test]
fn what_was_kept_of_a_chunk_is_forgotten_when_its_tenant_says_so() {
    let mut world = World::new(Home::sqlite());
    world.running("a.test", 1);
    world.damage(&format!("{TORN} 1"));
    assert_eq!(world.idle(), None);
    let chunk = postrider_types::ChunkId(1);
    let kept = |world: &World| {
        let first = postrider_types::ChunkId(0);
        world.reader().quarantined_chunks(TENANT, first, 9).unwrap()
    };
    for (tenant, left) in [(OTHER_TENANT, 1), (TENANT, 0), (TENANT, 0)] {
        assert_eq!(world.ask_once(Request::ForgetChunk { tenant, chunk }), DONE);
        assert_eq!(kept(&world).len(), left);
    }
}

#[test]
fn a_leased_chunk_that_cannot_be_read_stops_neither_a_start_nor_a_reap() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 3);
    let held = world.claim();
    world.begin(&held, 0);
    world.damage(&format!("{TORN} 1"));
    assert_eq!(world.reap(Timestamp::NEVER), DONE);
    let tally = world.tally(campaign);
    assert_eq!(tally[DeliveryState::InDoubt], 1);
    assert_eq!(tally[DeliveryState::Quarantined], 2);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
}

#[test]
fn the_recipients_of_a_refiled_chunk_are_known_by_number_and_can_be_released() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 5);
    let held = world.claim();
    world.deliver(&held, 2);
    world.end(held.token, Vec::new());
    world.damage(&format!("{TORN} 2"));
    assert_eq!(world.idle(), None);
    assert_eq!(world.tally(campaign)[DeliveryState::Quarantined], 4);
    let receipt = world.receipt(crate::world::delivery(&held, 4)).unwrap();
    assert_eq!(receipt.address, address(4));
    world.ask_once(Request::Resolve {
        campaign,
        select: postrider_store::selection::Selection::of(&[DeliveryState::Quarantined]),
        into: postrider_store::selection::Resolution::Retry,
        reason: "the disk was changed".to_owned(),
        from: postrider_types::RecipientId(0),
        is_dry_run: false,
    });
    let again = world.claim();
    assert_eq!(again.recipients[0].variables, held.recipients[0].variables);
}

#[test]
fn a_chunk_or_an_email_that_is_missing_is_quarantined() {
    let mut world = World::new(Home::sqlite());
    let first = world.running("a.test", 1);
    let second = world.running("b.test", 2);
    world.damage("DELETE FROM chunks WHERE chunk = 1; DELETE FROM emails");
    assert_eq!(world.idle(), None);
    assert_eq!(world.tally(second)[DeliveryState::Quarantined], 2);
    let campaign = world.campaign(second);
    assert_eq!(campaign.state, CampaignState::Paused);
    let emails = world.reader().quarantined_emails(TENANT, None, 9).unwrap();
    assert_eq!(emails[0].email, EmailId::of(b"an email"));
    let aside = world
        .reader()
        .quarantined_chunks(TENANT, postrider_types::ChunkId(0), 9);
    assert_eq!(aside.unwrap()[0].campaign, first);
}

#[test]
fn a_damaged_chunk_of_a_cancelled_campaign_does_not_stop_its_sweep() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 2);
    world.file(campaign, "a.test", 2);
    world.damage(&format!("{TORN} 1"));
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&Request::Sweep { campaign });
    let tally = world.tally(campaign);
    assert_eq!((tally.open(), tally[DeliveryState::Quarantined]), (0, 2));
}

#[test]
fn an_erased_address_is_nowhere_in_the_file_when_it_is_compacted() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 400);
    let held = world.claim();
    for place in 0..400 {
        world.begin(&held, place);
        let late = Outcome::Deferred {
            next_attempt_at: world.in_seconds(9),
        };
        let outcome = if place % 3 == 0 {
            late
        } else {
            Outcome::Bounced
        };
        world.record(&held, place, outcome);
    }
    world.end(held.token, Vec::new());
    let gone = address(37).as_str().to_owned();
    let stays = address(38).as_str().to_owned();
    let is_in = |world: &World, text: &str| {
        let bytes = world.bytes();
        bytes
            .windows(text.len())
            .any(|bytes| bytes.eq_ignore_ascii_case(text.as_bytes()))
    };
    assert!(is_in(&world, &gone));
    let address = address(37);
    world.walk(|cursor| Request::EraseRecipient {
        tenant: TENANT,
        address: address.clone(),
        cursor,
    });
    assert_eq!(world.ask_once(Request::Compact), DONE);
    assert!(!is_in(&world, &gone), "the address is still in the file");
    assert!(is_in(&world, &stays));
    assert_eq!(world.tally(campaign).audience(), 400);
    world.reopen();
    assert_eq!(world.ask_once(Request::Compact), DONE);
}

#[test]
fn what_retention_gives_back_is_used_again() {
    let mut world = World::new(Home::sqlite());
    let mut sizes = Vec::new();
    for _ in 0..6 {
        world.sealed("a.test", 500);
        let held = world.claim();
        (0..500).for_each(|place| {
            world.ask_once(begin_request(&held, place, 1));
            let record = record_request(&held, place, 1, Outcome::Delivered);
            world.ask_once(record);
        });
        world.end(held.token, Vec::new());
        let before = world.in_seconds(1);
        world.walk(|cursor| Request::Retain { before, cursor });
        world.ask_once(Request::PutEmail {
            tenant: TENANT,
            email: EmailId::of(b"an email"),
            content: bytes::Bytes::from_static(b"an email"),
        });
        world.pass(std::time::Duration::from_secs(2));
        world.reopen();
        sizes.push(world.bytes().len());
    }
    let (second, last) = (sizes[1], sizes[5]);
    assert!(last < second + second / 4, "it grows: {sizes:?}");
}

#[test]
fn a_walk_says_where_it_goes_on_and_survives_a_restart() {
    let mut world = World::new(Home::sqlite());
    let campaign = world.running("a.test", 500);
    world.file(campaign, "a.test", 500);
    let mut cursor = Cursor::START;
    let mut steps = 0;
    loop {
        world.reopen();
        let reply = world.ask_once(Request::Purge {
            target: PurgeTarget::Campaign(campaign),
            with_in_doubt: false,
            is_dry_run: false,
            cursor,
        });
        let Reply::Walked(walked) = reply else {
            panic!("{reply:?}")
        };
        steps += 1;
        match walked.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert!((2..9).contains(&steps), "{steps} steps");
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 1_000);
}
