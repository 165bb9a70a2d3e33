//! Bodies that come, that cannot be used, and that find no room.

use std::time::Duration;

use postrider_store::StoreError;
use postrider_store::request::CampaignChange;
use postrider_types::{CampaignState, DeliveryState, PauseReason, TenantId};

use super::world::World;
use crate::core::BodyTrouble;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_body_that_cannot_be_read_now_is_asked_for_once_a_second() {
    let mut world = World::new(World::settings());
    world.body = Err(BodyTrouble::Store(StoreError::Closed));
    world.file("example.test", 5, false);
    world.file("other.test", 5, false);
    world.run(Duration::from_secs(10));
    assert!(world.requests < 60, "{} requests", world.requests);
    world.body = Ok(());
    world.run(Duration::from_secs(10));
    assert_eq!(world.tally()[DeliveryState::Delivered], 10);
}

#[test]
fn an_email_that_cannot_be_used_is_quarantined_and_nobody_fails_for_it() {
    let mut world = World::new(World::settings());
    world.body = Err(BodyTrouble::Unusable("the email is damaged".to_owned()));
    world.file("example.test", 3, false);
    world.file("other.test", 2, false);
    world.change(CampaignChange::Seal);
    world.run(MINUTE);
    let tally = world.tally();
    assert_eq!(tally[DeliveryState::Failed], 0);
    let waiting = tally[DeliveryState::Pending] + tally[DeliveryState::Quarantined];
    assert_eq!(waiting, 5);
    let reply = world.receipt(0).reply.expect("the reason");
    assert_eq!(reply.text, "the email is damaged");
    let campaign = world.campaign();
    assert_eq!(campaign.state, CampaignState::Paused);
    assert_eq!(campaign.paused_because, Some(PauseReason::Quarantine));
    assert_eq!(world.connects.len(), 0);
    assert!(world.requests < 40, "{} requests", world.requests);
}

#[test]
fn a_body_without_room_is_given_back_and_comes_again_until_it_has_some() {
    let mut world = World::new(World::settings());
    world.body = Err(BodyTrouble::NoRoom);
    world.file("example.test", 50, false);
    world.run(10 * MINUTE);
    assert_eq!(world.mails.len(), 0);
    assert_eq!(world.tally()[DeliveryState::Pending], 50);
    // It comes every two seconds: a claim, an end, and claims around them that find nothing.
    assert!(world.requests > 600, "{} requests", world.requests);
    assert!(world.requests < 1_500, "{} requests", world.requests);
    world.body = Ok(());
    world.run(Duration::from_secs(10));
    assert_eq!(world.mails.len(), 50);
    assert_eq!(world.tally()[DeliveryState::Delivered], 50);
}

#[test]
fn a_long_queue_without_room_is_not_gone_through_at_full_speed() {
    let mut world = World::new(World::settings());
    world.body = Err(BodyTrouble::NoRoom);
    for lane in 0..200 {
        world.file(&format!("d{lane}.test"), 1, false);
    }
    world.run(MINUTE);
    // Ten chunks a second, each as above.
    assert!(world.requests < 60 * 10 * 5, "{} requests", world.requests);
    world.body = Ok(());
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 200);
}

#[test]
fn a_drain_waits_for_nobody_without_room() {
    let mut world = World::new(World::settings());
    world.body = Err(BodyTrouble::NoRoom);
    world.file("example.test", 5, false);
    world.run(Duration::from_secs(3));
    world.drain();
    world.run(Duration::from_secs(3));
    assert!(world.is_drained);
}

#[test]
fn what_another_tenant_lacks_says_nothing_of_the_same_email_here() {
    let mut world = World::new(World::settings());
    world.body_of = TenantId(9);
    world.body = Err(BodyTrouble::Unusable("missing".to_owned()));
    world.file("example.test", 3, false);
    world.run(Duration::from_secs(10));
    assert_eq!(world.state(), CampaignState::Running);
    assert_eq!(world.tally()[DeliveryState::Quarantined], 0);
}
