//! One scene for each edge that a running pipeline takes.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{CampaignState, DeliveryState};

use super::receiver::Does;
use super::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// One recipient, to whom the receiver does these things, and the state that he is in afterwards.
fn check(does: impl IntoIterator<Item = Does>, expect: DeliveryState, copies: usize) -> World {
    let mut world = World::new(World::settings());
    world.will("0@example.test", does);
    world.file("example.test", 1, false);
    world.change(CampaignChange::Seal);
    world.run(MINUTE);
    let receipt = world.receipt(0);
    assert_eq!(receipt.state, expect, "{receipt:?}");
    assert_eq!(world.copies("0@example.test"), copies);
    assert_eq!(world.tally().audience(), 1);
    world.check_honest();
    world
}

#[test]
fn accepted_is_delivered_and_the_campaign_is_finished() {
    let world = check([], DeliveryState::Delivered, 1);
    assert_eq!(world.state(), CampaignState::Finished);
}

#[test]
fn a_4xx_before_the_dot_defers_and_the_retry_delivers() {
    let world = check([Does::RefuseAtRcpt(451)], DeliveryState::Delivered, 1);
    assert_eq!(world.receipt(0).attempts, 2);
    let (first, second) = (world.mails[0].0, world.mails[1].0);
    assert!(
        second.since(first) >= Duration::from_secs(8),
        "the retry came too early"
    );
}

#[test]
fn a_5xx_before_the_dot_bounces_without_a_begin() {
    let world = check([Does::RefuseAtRcpt(550)], DeliveryState::Bounced, 0);
    assert_eq!(world.receipt(0).reply.map(|reply| reply.code), Some(550));
    assert_eq!(
        world.connects.len(),
        1,
        "a refusal does not cost the connection"
    );
}

#[test]
fn a_4xx_to_the_dot_defers_and_the_retry_delivers() {
    check([Does::RefuseAtDot(452)], DeliveryState::Delivered, 1);
}

#[test]
fn a_5xx_to_the_dot_bounces() {
    check([Does::RefuseAtDot(554)], DeliveryState::Bounced, 0);
}

#[test]
fn a_connection_lost_before_the_dot_is_tried_again_at_once_and_not_charged() {
    let world = check([Does::LoseBeforeGate], DeliveryState::Delivered, 1);
    assert_eq!(world.receipt(0).attempts, 1);
    assert_eq!(world.mails[0].0, world.mails[1].0);
}

#[test]
fn whoever_loses_a_second_connection_waits_like_a_deferred_one() {
    let lost = [Does::LoseBeforeGate, Does::LoseBeforeGate];
    let world = check(lost, DeliveryState::Delivered, 1);
    assert_eq!(world.receipt(0).attempts, 2);
    assert!(world.mails[2].0.since(world.mails[1].0) >= Duration::from_secs(8));
}

#[test]
fn a_connection_found_lost_at_the_gate_returns_the_delivery_uncharged() {
    let world = check([Does::LoseAtGate], DeliveryState::Delivered, 1);
    assert_eq!(world.receipt(0).attempts, 1);
}

#[test]
fn a_dot_that_we_came_to_too_late_returns_the_delivery_uncharged() {
    let world = check([Does::MissTheDot], DeliveryState::Delivered, 1);
    assert_eq!(world.mails.len(), 2);
    assert_eq!(world.receipt(0).attempts, 1);
}

#[test]
fn a_reply_that_never_came_is_in_doubt_and_never_sent_again() {
    let world = check([Does::AcceptAndLose], DeliveryState::InDoubt, 1);
    assert_eq!(world.mails.len(), 1);
    assert_eq!(world.state(), CampaignState::Finished);
    assert!(world.tally().is_incomplete());
}

#[test]
fn a_message_that_cannot_be_built_fails_with_the_reason() {
    let world = check([Does::CannotBuild], DeliveryState::Failed, 0);
    assert_eq!(world.receipt(0).reply.unwrap().text, "`name` is missing");
    assert_eq!(world.receipt(0).attempts, 0);
}

#[test]
fn whoever_is_deferred_for_longer_than_the_give_up_age_expires() {
    let mut world = World::new(World::settings());
    world.will(
        "0@example.test",
        std::iter::repeat_n(Does::RefuseAtRcpt(451), 99),
    );
    world.file("example.test", 1, false);
    world.change(CampaignChange::Seal);
    world.run(10 * MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::Expired);
    assert!(world.mails.len() >= 3, "it was tried a few times");
    assert_eq!(world.state(), CampaignState::Finished);
}

#[test]
fn an_unsealed_campaign_sends_and_does_not_finish() {
    let mut world = World::new(World::settings());
    world.file("example.test", 3, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 3);
    assert_eq!(world.state(), CampaignState::Running);
    world.change(CampaignChange::Seal);
    assert_eq!(world.state(), CampaignState::Finished);
}

#[test]
fn pausing_lets_nothing_begin_and_resuming_delivers_the_rest_once() {
    let mut world = World::new(World::settings());
    for n in 0..400 {
        world.will(
            &format!("{n}@example.test"),
            [Does::Slowly(Duration::from_millis(100))],
        );
    }
    world.file("example.test", 400, false);
    world.change(CampaignChange::Seal);
    world.run(Duration::from_secs(1));
    world.change(CampaignChange::Pause);
    let before = world.accepted.len();
    world.run(MINUTE);
    assert_eq!(
        world.accepted.len(),
        before,
        "a dot was written after the pause"
    );
    world.change(CampaignChange::Resume);
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 400);
    world.check_honest();
}

#[test]
fn cancelling_ends_what_has_not_begun_as_cancelled() {
    let mut world = World::new(World::settings());
    for n in 0..400 {
        world.will(
            &format!("{n}@example.test"),
            [Does::Slowly(Duration::from_millis(100))],
        );
    }
    world.file("example.test", 400, false);
    world.file("other.test", 400, false);
    world.run(Duration::from_secs(1));
    world.change(CampaignChange::Cancel);
    let before = world.accepted.len();
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), before);
    let tally = world.tally();
    assert_eq!(tally[DeliveryState::Cancelled], 800 - before as u64);
    assert_eq!(tally.open(), 0);
    world.check_honest();
}
