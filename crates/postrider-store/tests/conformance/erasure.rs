//! Erasing a recipient: nothing says any more who it was.

use std::time::Duration;

use postrider_store::removal::Walked;
use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Request};
use postrider_types::{
    Address, CampaignId, CampaignState, DeliveryState, InDoubtPolicy, Outcome, RecipientId,
    Timestamp,
};

use crate::world::{DONE, TENANT, World, address, numbers, refused};

scenes! {
    a_receipt_keeps_its_state_and_loses_its_address,
    an_open_delivery_of_an_erased_recipient_ends_cancelled,
    the_others_of_its_chunk_go_on_in_their_place,
    a_leased_delivery_of_an_erased_recipient_is_not_begun,
    a_delivery_that_is_begun_is_left_and_counted,
    what_is_in_doubt_stays_so_and_is_not_sent_again,
    what_would_be_sent_again_ends_cancelled_and_its_campaign_with_it,
    variables_and_texts_go_too,
    however_it_is_written_it_is_the_same_recipient,
    nobody_else_is_touched,
}

fn erase(world: &mut World, address: &Address) -> Walked {
    world.walk(|cursor| Request::EraseRecipient {
        tenant: TENANT,
        address: address.clone(),
        cursor,
    })
}

/// Whether the receipt of a recipient of a campaign has only what stands for its address.
fn is_erased(world: &World, campaign: CampaignId, recipient: u32) -> bool {
    let number = RecipientId(recipient);
    let found = world.reader().receipts(TENANT, campaign, number, None, 1);
    let receipt = found.unwrap().remove(0);
    assert_eq!(receipt.delivery.recipient, number);
    let key = world.reader().message_key();
    let expect = Address::erased(&key, TENANT, &address(recipient).key());
    receipt.address == expect
}

fn a_receipt_keeps_its_state_and_loses_its_address(world: &mut World) {
    let first = world.running("a.test", 3);
    let held = world.claim();
    world.deliver(&held, 1);
    let second = world.running("b.test", 3);
    let other = world.claim();
    world.begin(&other, 1);
    world.record(&other, 1, Outcome::Bounced);
    assert_eq!(erase(world, &address(1)).matched, 2);
    world.reopen();
    assert!(is_erased(world, first, 1));
    assert!(is_erased(world, second, 1));
    assert_eq!(world.tally(first)[DeliveryState::Delivered], 1);
    assert_eq!(world.tally(second)[DeliveryState::Bounced], 1);
    let found = world
        .reader()
        .receipts_of(TENANT, &address(1).key(), 9)
        .unwrap();
    assert!(found.is_empty());
}

fn an_open_delivery_of_an_erased_recipient_ends_cancelled(world: &mut World) {
    let queued = world.running("a.test", 2);
    let parked = world.create("draft");
    world.file(parked, "a.test", 2);
    assert_eq!(erase(world, &address(0)).matched, 2);
    for campaign in [queued, parked] {
        assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 1);
        assert!(is_erased(world, campaign, 0));
    }
    assert_eq!(erase(world, &address(0)), Walked::default());
}

fn the_others_of_its_chunk_go_on_in_their_place(world: &mut World) {
    world.running("a.test", 3);
    erase(world, &address(1));
    let held = world.claim();
    assert_eq!(numbers(&held.recipients), [0, 2]);
    assert_eq!(held.lane, crate::world::lane("a.test"));
    assert_eq!(held.recipients[1].address, address(2));
}

fn a_leased_delivery_of_an_erased_recipient_is_not_begun(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    erase(world, &address(0));
    let state = DeliveryState::Cancelled;
    assert_eq!(
        refused(&world.begin(&held, 0)),
        &Refused::Delivery { state }
    );
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(numbers(&world.claim().recipients), [1]);
    assert!(is_erased(world, campaign, 0));
}

fn a_delivery_that_is_begun_is_left_and_counted(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    let walked = erase(world, &address(0));
    assert_eq!((walked.matched, walked.busy), (0, 1));
    world.record(&held, 0, Outcome::Delivered);
    assert_eq!(erase(world, &address(0)).matched, 1);
    assert!(is_erased(world, campaign, 0));
}

fn what_is_in_doubt_stays_so_and_is_not_sent_again(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.reap(Timestamp::NEVER);
    erase(world, &address(0));
    assert_eq!(world.tally(campaign)[DeliveryState::InDoubt], 1);
    // A late return would file it again.
    world.record(&held, 0, Outcome::Returned);
    world.pass(Duration::from_secs(99));
    assert_eq!(world.idle(), None);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 1);
    assert!(is_erased(world, campaign, 0));
}

fn what_would_be_sent_again_ends_cancelled_and_its_campaign_with_it(world: &mut World) {
    let campaign = world.running_with(InDoubtPolicy::Retry, "a.test", 2);
    world.change(campaign, CampaignChange::Seal);
    let held = world.claim();
    world.deliver(&held, 0);
    world.begin(&held, 1);
    world.reap(Timestamp::NEVER);
    erase(world, &address(1));
    assert_eq!(world.state(&held, 1), DeliveryState::Cancelled);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
    // Its late outcome is believed all the same.
    world.record(&held, 1, Outcome::Delivered);
    assert_eq!(world.tally(campaign)[DeliveryState::Delivered], 2);
    assert!(is_erased(world, campaign, 1));
}

fn variables_and_texts_go_too(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::Bounced);
    erase(world, &address(0));
    let chunks = world.reader().audience(TENANT, campaign, RecipientId(0), 9);
    let recipient = chunks.unwrap().remove(0).recipients.remove(0);
    assert!(recipient.address.is_erased());
    assert_eq!(recipient.variables.as_json(), "{}");
    let log = world.reader().log(TENANT, 0, 9).unwrap();
    assert_eq!(log[0].reply.as_ref().unwrap().text, "erased");
    assert_eq!(log[0].reply.as_ref().unwrap().code, 550);
    let receipts = world
        .reader()
        .receipts(TENANT, campaign, RecipientId(0), None, 9);
    assert_eq!(receipts.unwrap()[0].reply.as_ref().unwrap().text, "erased");
}

fn however_it_is_written_it_is_the_same_recipient(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let other: Address = "ADA.0@EXAMPLE.TEST".parse().unwrap();
    assert_eq!(erase(world, &other).matched, 1);
    assert!(is_erased(world, campaign, 0));
}

fn nobody_else_is_touched(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    let stranger: Address = "nobody@example.test".parse().unwrap();
    assert_eq!(erase(world, &stranger), Walked::default());
    assert_eq!(
        world
            .receipt(crate::world::delivery(&held, 0))
            .unwrap()
            .address,
        address(0)
    );
    world.end(held.token, Vec::new());
    world.change(campaign, CampaignChange::Seal);
}
