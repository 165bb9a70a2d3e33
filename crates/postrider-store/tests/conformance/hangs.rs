//! Suspects that killed their trial, of a worker that hung until its leases had run out.

use postrider_store::bounds::SEARCHED_CHUNKS_MAX;
use postrider_store::quarantine::{Reaped, Suspects, Verdict};
use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Reply, Request};
use postrider_types::{CampaignId, CampaignState, DeliveryState, Outcome, WorkerId};

use crate::requests::file_request;
use crate::suspects::{claim_solo, held, is_quarantined};
use crate::trials::{REASON, deadly, die_deadly, email, reap, release};
use crate::world::{DONE, Home, LEASE, World, delivery, numbers};

scenes! {
    a_deadly_recipient_is_found_in_the_queue_when_its_lease_ran_out,
    a_deadly_recipient_is_found_where_it_is_parked,
    a_deadly_recipient_that_another_worker_holds_does_not_begin,
    a_deadly_recipient_that_another_worker_has_begun_is_left_alone,
    a_deadly_recipient_that_is_done_is_left_alone,
    a_deadly_email_needs_no_lease,
    the_death_of_a_worker_without_a_lease_counts_against_no_email,
}

/// The lease of a worker that hangs runs out, and its chunk waits again.
fn hang(world: &mut World, count: u32) -> (CampaignId, Claimed) {
    let (campaign, hung) = held(world, count);
    world.pass(LEASE * 2);
    assert_eq!(world.reap(world.now), DONE);
    (campaign, hung)
}

fn a_deadly_recipient_is_found_in_the_queue_when_its_lease_ran_out(world: &mut World) {
    let (campaign, hung) = hang(world, 4);
    assert_eq!(die_deadly(world, &hung, 2).quarantined, 1);
    assert!(is_quarantined(world, delivery(&hung, 2)));
    assert_eq!(numbers(&world.claim().recipients), [0, 1, 3]);
    assert_eq!(world.idle(), None);
    release(world, campaign);
    assert_eq!(numbers(&claim_solo(world).recipients), [2]);
    assert_eq!(world.idle(), None);
}

fn a_deadly_recipient_is_found_where_it_is_parked(world: &mut World) {
    let (campaign, hung) = hang(world, 3);
    world.change(campaign, CampaignChange::Pause);
    assert_eq!(world.idle(), None);
    assert_eq!(die_deadly(world, &hung, 0).quarantined, 1);
    world.change(campaign, CampaignChange::Resume);
    world.repeat(&Request::Unpark { campaign });
    assert_eq!(numbers(&world.claim().recipients), [1, 2]);
}

fn a_deadly_recipient_that_another_worker_holds_does_not_begin(world: &mut World) {
    let (_, hung) = hang(world, 2);
    let again = world.claim();
    let these = Suspects::These(vec![deadly(&hung, 0)]);
    assert_eq!(reap(world, WorkerId(4), these).quarantined, 1);
    assert!(is_quarantined(world, delivery(&again, 0)));
    assert!(matches!(world.begin(&again, 0), Reply::Refused(_)));
    world.deliver(&again, 1);
    assert_eq!(world.end(again.token, Vec::new()), DONE);
}

fn a_deadly_recipient_that_another_worker_has_begun_is_left_alone(world: &mut World) {
    let (_, hung) = hang(world, 1);
    let again = world.claim();
    world.begin(&again, 0);
    let these = Suspects::These(vec![deadly(&hung, 0)]);
    assert_eq!(reap(world, WorkerId(4), these), Reaped::default());
    assert_eq!(world.record(&again, 0, Outcome::Delivered), DONE);
}

fn a_deadly_recipient_that_is_done_is_left_alone(world: &mut World) {
    let (campaign, hung) = hang(world, 1);
    let again = world.claim();
    world.deliver(&again, 0);
    world.end(again.token, Vec::new());
    assert_eq!(die_deadly(world, &hung, 0), Reaped::default());
    assert_eq!(world.tally(campaign)[DeliveryState::Delivered], 1);
}

fn a_deadly_email_needs_no_lease(world: &mut World) {
    let (campaign, _) = held(world, 1);
    let deadly = Verdict::Deadly(REASON.to_owned());
    assert_eq!(reap(world, WorkerId(4), email(deadly.clone())).emails, 1);
    assert_eq!(world.campaign(campaign).state, CampaignState::Paused);
    assert_eq!(reap(world, WorkerId(4), email(deadly)).emails, 0);
}

fn the_death_of_a_worker_without_a_lease_counts_against_no_email(world: &mut World) {
    let (campaign, _) = held(world, 1);
    for worker in 1..=4 {
        let reaped = reap(world, WorkerId(worker), email(Verdict::Open));
        assert_eq!(reaped, Reaped::default());
    }
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
}

#[test]
fn a_deadly_recipient_is_found_behind_more_chunks_than_are_searched() {
    let mut world = World::new(Home::memory());
    let campaign = world.running("a.test", 1);
    for _ in 0..SEARCHED_CHUNKS_MAX {
        world.ask_once(file_request(campaign, "a.test", 1));
    }
    world.ask_once(file_request(campaign, "b.test", 3));
    let request = world.claim_request(&["a.test"]);
    let Reply::Claimed(hung) = world.ask_once(request) else {
        panic!("nothing to claim")
    };
    world.pass(LEASE * 2);
    world.ask_once(Request::reap(world.now));
    assert_eq!(die_deadly(&mut world, &hung, 1).quarantined, 1);
    assert!(is_quarantined(&world, delivery(&hung, 1)));
}
