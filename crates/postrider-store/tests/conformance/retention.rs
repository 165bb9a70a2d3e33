//! Retention: what goes, and what stays.

use std::time::Duration;

use bytes::Bytes;
use postrider_store::quarantine::Subject;
use postrider_store::removal::{Cursor, Walked};
use postrider_store::request::CampaignChange;
use postrider_store::{Reply, Request};
use postrider_types::{CampaignId, DeliveryState, EmailId, Outcome, RecipientId, Timestamp};

use crate::requests::create_request;
use crate::world::{TENANT, World, address};

scenes! {
    a_campaign_that_goes_on_loses_nothing,
    a_campaign_that_ended_after_the_instant_keeps_its_receipts,
    a_campaign_that_ended_before_loses_receipts_log_and_chunks_and_keeps_its_tally,
    a_campaign_with_a_doubt_stays_whole_and_the_doubt_can_be_settled,
    what_stayed_for_a_doubt_goes_when_it_is_settled,
    what_stayed_for_the_quarantine_goes_when_it_is_discarded,
    erasing_from_a_campaign_that_retention_has_begun_with_counts_nobody,
    an_email_goes_when_no_campaign_needs_it,
    an_email_that_is_put_again_stays,
    a_replaced_chunk_goes_when_its_campaign_has_ended,
    the_log_of_others_stays,
    a_name_stays_taken,
}

/// More than any scene makes.
const ALL: usize = 10_000;

/// A campaign for so many, all delivered but the first, of whom comes what is said.
fn finished(world: &mut World, count: u32, first: Outcome) -> CampaignId {
    let campaign = world.sealed("a.test", count);
    let held = world.claim();
    assert_eq!(held.campaign, campaign);
    world.begin(&held, 0);
    world.record(&held, 0, first);
    (1..held.recipients.len()).for_each(|place| world.deliver(&held, place));
    world.end(held.token, Vec::new());
    campaign
}

fn retain(world: &mut World, before: Timestamp) -> u64 {
    world
        .walk(|cursor| Request::Retain { before, cursor })
        .matched
}

fn receipts(world: &World, campaign: CampaignId) -> usize {
    let first = RecipientId(0);
    let found = world.reader().receipts(TENANT, campaign, first, None, ALL);
    found.unwrap().len()
}

fn chunks(world: &World, campaign: CampaignId) -> usize {
    let first = RecipientId(0);
    let found = world.reader().audience(TENANT, campaign, first, ALL);
    found.unwrap().len()
}

fn log(world: &World) -> usize {
    world.reader().log(TENANT, 0, ALL).unwrap().len()
}

/// The examination counts what is in receipts and chunks, so what was deleted must be new.
fn forget(world: &mut World) {
    *world = World::new(crate::world::Home::memory());
}

fn a_campaign_that_goes_on_loses_nothing(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    let before = world.in_seconds(99);
    assert_eq!(retain(world, before), 0);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (1, 1));
}

fn a_campaign_that_ended_after_the_instant_keeps_its_receipts(world: &mut World) {
    let campaign = finished(world, 3, Outcome::Bounced);
    assert_eq!(retain(world, world.now), 0);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (3, 1));
}

fn a_campaign_that_ended_before_loses_receipts_log_and_chunks_and_keeps_its_tally(
    world: &mut World,
) {
    let campaign = finished(world, 300, Outcome::Bounced);
    let tally = world.tally(campaign);
    assert_eq!(log(world), 300);
    let before = world.in_seconds(1);
    // Receipts, their log, the chunk, and the email.
    assert_eq!(retain(world, before), 300 + 300 + 1 + 1);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (0, 0));
    assert_eq!(log(world), 0);
    let retained = world.campaign(campaign);
    assert_eq!(
        (retained.tally, retained.retained_at),
        (tally, Some(world.now))
    );
    assert_eq!(retain(world, before), 0);
    forget(world);
}

fn a_campaign_with_a_doubt_stays_whole_and_the_doubt_can_be_settled(world: &mut World) {
    let campaign = world.sealed("a.test", 3);
    let held = world.claim();
    world.deliver(&held, 0);
    world.deliver(&held, 1);
    world.begin(&held, 2);
    world.reap(Timestamp::NEVER);
    let before = world.in_seconds(1);
    assert_eq!(retain(world, before), 0);
    assert_eq!((receipts(world, campaign), log(world)), (3, 3));
    let next_attempt_at = world.in_seconds(5);
    world.record(&held, 2, Outcome::Deferred { next_attempt_at });
    world.pass(Duration::from_secs(9));
    let again = world.claim();
    assert_eq!(again.recipients[0].recipient, RecipientId(2));
    world.deliver(&again, 0);
    world.end(again.token, Vec::new());
}

fn what_stayed_for_a_doubt_goes_when_it_is_settled(world: &mut World) {
    let campaign = world.sealed("a.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    world.begin(&held, 1);
    world.reap(Timestamp::NEVER);
    let before = world.in_seconds(1);
    retain(world, before);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (2, 1));
    world.record(&held, 1, Outcome::Delivered);
    retain(world, before);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (0, 0));
    forget(world);
}

fn what_stayed_for_the_quarantine_goes_when_it_is_discarded(world: &mut World) {
    let campaign = world.sealed("a.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    world.ask(Request::Quarantine {
        token: held.token,
        what: Subject::Recipient(RecipientId(1)),
        reason: "it is too large".to_owned(),
    });
    world.end(held.token, Vec::new());
    let before = world.in_seconds(1);
    retain(world, before);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (2, 1));
    world.resolve_all(campaign, DeliveryState::Quarantined, "discard");
    retain(world, before);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (0, 0));
    forget(world);
}

fn erasing_from_a_campaign_that_retention_has_begun_with_counts_nobody(world: &mut World) {
    let campaign = finished(world, 500, Outcome::Bounced);
    let (tally, before) = (world.tally(campaign), world.in_seconds(1));
    let first = world.ask_once(Request::Retain {
        before,
        cursor: Cursor::START,
    });
    let Reply::Walked(Walked { next: Some(_), .. }) = first else {
        panic!("one step is not all: {first:?}");
    };
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (0, 1));
    world.walk(|cursor| Request::EraseRecipient {
        tenant: TENANT,
        address: address(0),
        cursor,
    });
    assert_eq!(world.tally(campaign), tally);
    // The next walk takes what this one has left.
    retain(world, before);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (0, 0));
    forget(world);
}

fn an_email_goes_when_no_campaign_needs_it(world: &mut World) {
    let email = EmailId::of(b"an email");
    let spare = Bytes::from_static(b"an email without a campaign");
    world.ask(Request::PutEmail {
        tenant: TENANT,
        email: EmailId::of(&spare),
        content: spare.clone(),
    });
    finished(world, 1, Outcome::Delivered);
    let draft = world.create("a draft of the same email");
    let before = world.in_seconds(1);
    retain(world, before);
    assert!(world.reader().email(TENANT, email).unwrap().is_some());
    world.change(draft, CampaignChange::Cancel);
    retain(world, before);
    assert_eq!(world.reader().email(TENANT, email).unwrap(), None);
    assert_eq!(world.reader().email_bytes(TENANT, email).unwrap(), None);
    assert!(world.reader().has_email(TENANT, email).unwrap());
    let found = world.reader().email(TENANT, EmailId::of(&spare)).unwrap();
    assert_eq!(found, Some(spare));
    forget(world);
}

fn an_email_that_is_put_again_stays(world: &mut World) {
    finished(world, 1, Outcome::Delivered);
    let before = world.in_seconds(1);
    retain(world, before);
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    assert!(world.reader().email(TENANT, email).unwrap().is_none());
    world.ask(Request::PutEmail {
        tenant: TENANT,
        email,
        content,
    });
    assert_eq!(retain(world, before), 0);
    assert!(world.reader().email(TENANT, email).unwrap().is_some());
    forget(world);
}

fn a_replaced_chunk_goes_when_its_campaign_has_ended(world: &mut World) {
    let campaign = world.sealed("a.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    let next_attempt_at = world.in_seconds(5);
    world.record(&held, 1, Outcome::Deferred { next_attempt_at });
    world.end(held.token, Vec::new());
    let before = Timestamp::EPOCH;
    assert_eq!(retain(world, before), 0);
    world.pass(Duration::from_secs(9));
    let again = world.claim();
    assert_ne!(again.chunk, held.chunk);
    world.begin(&again, 0);
    world.reap(Timestamp::NEVER);
    assert_eq!(retain(world, before), 1);
    assert_eq!((receipts(world, campaign), chunks(world, campaign)), (2, 1));
    // What it held is found in the chunk that it was filed with.
    world.record(&again, 0, Outcome::Returned);
    let third = world.claim();
    assert_eq!(third.recipients[0].recipient, RecipientId(1));
    assert_eq!(third.recipients[0].variables, held.recipients[1].variables);
    world.deliver(&third, 0);
}

fn the_log_of_others_stays(world: &mut World) {
    let old = finished(world, 3, Outcome::Delivered);
    let before = world.in_seconds(1);
    world.pass(Duration::from_secs(2));
    let new = finished(world, 4, Outcome::Bounced);
    retain(world, before);
    let entries = world.reader().log(TENANT, 0, ALL).unwrap();
    assert!(entries.iter().all(|entry| entry.delivery.campaign == new));
    assert_eq!((entries.len(), receipts(world, old)), (4, 0));
    assert_eq!(world.tally(old)[DeliveryState::Delivered], 3);
    forget(world);
}

fn a_name_stays_taken(world: &mut World) {
    let campaign = finished(world, 1, Outcome::Delivered);
    let before = world.in_seconds(1);
    retain(world, before);
    let name = world.campaign(campaign).name;
    let mut create = create_request(&name);
    let spare = Bytes::from_static(b"another email");
    if let Request::Create { email, .. } = &mut create {
        *email = EmailId::of(&spare);
    }
    world.ask(Request::PutEmail {
        tenant: TENANT,
        email: EmailId::of(&spare),
        content: spare,
    });
    let reply = world.ask(create);
    let taken = postrider_store::Refused::NameTaken { campaign };
    assert_eq!(crate::world::refused(&reply), &taken);
    forget(world);
}
