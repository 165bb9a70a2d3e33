//! Sessions that stand, and are good for nothing.

use std::iter::repeat_n;
use std::time::Duration;

use postrider_types::DeliveryState;

use super::pools::direct;
use super::receiver::Does;
use super::world::World;

const MINUTE: Duration = Duration::from_secs(60);

fn world_of(does: &Does, count: usize) -> World {
    let mut settings = World::settings();
    settings.backoff.give_up_after = 1_000 * MINUTE;
    let mut world = World::new(settings);
    for n in 0..count {
        world.will(&format!("{n}@example.test"), repeat_n(does.clone(), 1_000));
    }
    world.file("example.test", count, false);
    world
}

/// A relay that always does so is connected to ever less often, and is well again when it does.
fn check(does: &Does) {
    let mut world = world_of(does, 50);
    world.run(5 * MINUTE);
    let tried = world.connects.len();
    assert!(
        tried <= 4 + 4 + 10,
        "{does:?}: {tried} connections were tried"
    );
    let (sentence, _) = world.core.status().route_trouble.expect("it is in trouble");
    assert!(
        sentence.contains("before a message is answered"),
        "{sentence}"
    );
    world.script.clear();
    world.run(100 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 50, "{does:?}");
    assert_eq!(world.core.status().route_trouble, None);
    world.check_honest();
}

#[test]
fn a_server_that_greets_and_hangs_up_is_connected_to_ever_less_often() {
    check(&Does::HangUp);
}

#[test]
fn a_server_that_loses_every_session_is_connected_to_ever_less_often() {
    check(&Does::LoseBeforeGate);
}

#[test]
fn a_server_that_leaves_at_every_mail_is_connected_to_ever_less_often() {
    check(&Does::SayAtMail("421 4.3.2 going down"));
}

#[test]
fn a_session_that_stands_does_not_shorten_the_delay_of_a_server_that_was_down() {
    let mut world = world_of(&Does::HangUp, 50);
    world.unreachable_until = world.now.plus(2 * MINUTE);
    world.run(2 * MINUTE);
    let before = world.connects.len();
    world.run(5 * MINUTE);
    let tried = world.connects.len() - before;
    assert!(tried <= 6, "{tried} connections were tried");
}

#[test]
fn one_message_that_ends_its_session_delays_nobody() {
    let mut world = world_of(&Does::Accept, 50);
    let bad = repeat_n(Does::LoseBeforeGate, 2);
    world.will("7@example.test", bad);
    let start = world.now;
    world.run(MINUTE);
    assert_eq!(world.core.status().route_trouble, None);
    let in_time =
        |at: &&(postrider_types::Timestamp, String)| at.0 < start.plus(Duration::from_millis(500));
    assert_eq!(world.accepted.iter().filter(in_time).count(), 49);
}

#[test]
fn a_refused_recipient_is_an_answer_and_ends_no_session() {
    let mut world = world_of(&Does::RefuseAtRcpt(550), 50);
    world.run(Duration::from_secs(1));
    assert_eq!(world.tally()[DeliveryState::Bounced], 50);
    assert_eq!(world.core.status().route_trouble, None);
}

#[test]
fn a_site_that_loses_what_it_took_leaves_nobody_else_in_doubt() {
    let mut settings = direct(4);
    settings.backoff.give_up_after = 10 * MINUTE;
    let mut world = World::new(settings);
    for n in 0..50 {
        let does = repeat_n(Does::AcceptAndLose, 1);
        world.will(
            &format!("{n}@example.test"),
            does.chain(repeat_n(Does::HangUp, 999)),
        );
    }
    world.file("example.test", 50, false);
    world.run(60 * MINUTE);
    let tally = world.tally();
    let took = world.accepted.len() as u64;
    assert_eq!(tally[DeliveryState::InDoubt], took, "{tally:?}");
    assert_eq!(tally.open(), 0, "{tally:?}");
    world.check_honest();
}
