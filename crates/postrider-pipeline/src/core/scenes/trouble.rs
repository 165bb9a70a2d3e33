//! What does not answer: the relay, the store; and the end of a process that is asked to end.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{CampaignState, DeliveryState, Timestamp};

use super::receiver::Does;
use super::world::World;

#[test]
fn an_unreachable_relay_charges_nobody_and_is_asked_ever_less_often() {
    let mut settings = World::settings();
    settings.backoff.give_up_after = Duration::from_secs(3_600);
    let mut world = World::new(settings);
    world.unreachable_until = world.now.plus(Duration::from_secs(300));
    world.file("example.test", 50, false);
    world.run(Duration::from_secs(299));
    // The first four at once, then after 1, 2, 4 … 60 s.
    assert!(
        world.connects.len() <= 4 + 10,
        "{} connections were tried",
        world.connects.len()
    );
    let (sentence, _) = world.core.status().route_trouble.unwrap();
    assert!(
        sentence.contains("no connection to the server"),
        "{sentence}"
    );
    world.run(Duration::from_secs(120));
    assert_eq!(world.tally()[DeliveryState::Delivered], 50);
    assert_eq!(world.receipt(0).attempts, 1);
    assert_eq!(world.core.status().route_trouble, None);
}

#[test]
fn while_the_store_cannot_write_no_dot_is_written_and_nothing_is_lost() {
    let mut world = World::new(World::settings());
    for n in 0..200 {
        world.will(
            &format!("{n}@example.test"),
            [Does::Slowly(Duration::from_millis(50))],
        );
    }
    world.file("example.test", 200, false);
    world.run(Duration::from_millis(500));
    world.unwritable_until = world.now.plus(Duration::from_secs(10));
    let before = world.accepted.len();
    world.run(Duration::from_secs(9));
    assert_eq!(
        world.accepted.len(),
        before,
        "a dot was written without a begin"
    );
    assert!(world.core.status().store_trouble.is_some());
    world.run(Duration::from_secs(60));
    assert_eq!(world.tally()[DeliveryState::Delivered], 200);
    world.check_honest();
}

#[test]
fn an_outcome_that_failed_is_asked_again_although_another_answer_came_first() {
    let mut world = World::new(World::settings());
    world.unrecorded = 3;
    world.file("example.test", 20, false);
    world.change(CampaignChange::Seal);
    world.run(Duration::from_secs(60));
    assert_eq!(world.tally()[DeliveryState::Delivered], 20);
    assert_eq!(world.state(), CampaignState::Finished);
    world.check_honest();
}

#[test]
fn draining_finishes_what_is_under_way_and_gives_the_rest_back() {
    let mut world = World::new(World::settings());
    for n in 0..200 {
        world.will(
            &format!("{n}@example.test"),
            [Does::Slowly(Duration::from_millis(300))],
        );
    }
    world.file("example.test", 200, false);
    world.run(Duration::from_secs(1));
    world.drain();
    world.run(Duration::from_secs(1));
    assert!(world.is_drained);
    let tally = world.tally();
    assert_eq!(tally[DeliveryState::Attempting], 0);
    assert_eq!(tally[DeliveryState::InDoubt], 0);
    assert_eq!(tally[DeliveryState::Delivered], world.accepted.len() as u64);
    world.restart();
    world.run(Duration::from_secs(60));
    assert_eq!(world.tally()[DeliveryState::Delivered], 200);
    world.check_honest();
}

#[test]
fn a_drain_waits_for_no_connection_that_is_still_being_opened() {
    let mut world = World::new(World::settings());
    world.opens_after = Some(Duration::from_secs(300));
    world.file("example.test", 20, false);
    world.run(Duration::from_secs(1));
    world.drain();
    world.run(Duration::from_secs(1));
    assert!(
        world.is_drained,
        "a server that never greets holds nothing up"
    );
    world.check_honest();
}

#[test]
fn a_worker_without_anything_to_do_drains_at_once() {
    let mut world = World::new(World::settings());
    world.run(Duration::from_secs(1));
    world.drain();
    world.run(Duration::from_millis(1));
    assert!(world.is_drained);
}

#[test]
fn idle_connections_are_closed_and_opened_again_when_needed() {
    let mut world = World::new(World::settings());
    world.file("example.test", 1, false);
    world.run(Duration::from_secs(60));
    assert_eq!(world.core.status().connections, 0);
    world.file("other.test", 1, false);
    world.run(Duration::from_secs(1));
    assert_eq!(world.accepted.len(), 2);
}

#[test]
fn a_finished_campaign_leaves_nothing_in_hand_and_nothing_to_wake_for() {
    let mut world = World::new(World::settings());
    world.file("example.test", 500, false);
    world.file("other.test", 30, true);
    world.change(CampaignChange::Seal);
    world.run(Duration::from_secs(60));
    assert_eq!(world.core.status().hands, 0);
    assert_eq!(world.core.wake_at(), None);
}

#[test]
fn nobody_holds_a_chunk_for_a_site_that_is_shut_for_longer_than_a_slice() {
    let mut world = World::new(super::pools::direct(4));
    world.settings.backoff.give_up_after = Duration::from_secs(3_600);
    world.restart();
    world.network.dead.insert("mx.dead.test".to_owned());
    world.file("dead.test", 20, false);
    world.run(Duration::from_secs(100));
    // The site was tried a moment ago, and is not again for a minute.
    world.file_in("tail-00", "dead.test", 40);
    world.run(Duration::from_secs(1));
    assert_eq!(world.core.status().hands, 0);
}

/// How often a site of which every connection is lost is dialled within less than the first delay
/// and within a minute; with `is_reached`, one that stood before goes on.
fn dials(is_reached: bool) -> [usize; 2] {
    let mut world = World::new(World::settings());
    for n in 0..500 {
        let slowly = Does::Slowly(Duration::from_secs(1));
        world.will(&format!("{n}@example.test"), [slowly]);
    }
    world.file("example.test", 1, false);
    if is_reached {
        world.run(Duration::from_millis(500));
    }
    world.unreachable_until = Timestamp::NEVER;
    let before = world.connects.len();
    world.file_from("example.test", "example.test", 1..500);
    [900, 59_100].map(|ms| {
        world.run(Duration::from_millis(ms));
        world.connects.len() - before
    })
}

#[test]
fn a_connection_that_is_lost_beside_one_that_stands_is_tried_again_soon_and_then_ever_less_often() {
    let [first, minute] = dials(false);
    assert!(first <= 1 && minute <= 7, "{first}, {minute} tries alone");
    let [first, minute] = dials(true);
    // Three go at once, as many as there is room for.
    assert!(first > 3, "{first} tries beside a session that stands");
    assert!(minute <= 3 + 10, "{minute} tries are too many");
}
