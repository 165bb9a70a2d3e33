//! Servers that turn us away before any message: what their words ask for is kept.

use std::time::Duration;

use postrider_types::{DeliveryState, Phase};

use super::pools::direct;
use super::receiver::Does;
use super::world::World;
use crate::settings::Settings;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

const BAD_LOGIN: &str = "535 5.7.8 Error: authentication failed";

fn turned_away(mut settings: Settings, phase: Phase, words: &'static str) -> World {
    settings.backoff.give_up_after = 48 * HOUR;
    let mut world = World::new(settings);
    world.turns_away = Some((phase, words));
    world.file("example.test", 50, false);
    world
}

#[test]
fn a_log_in_that_is_refused_waits_an_hour_and_a_person_is_told() {
    let mut world = turned_away(World::settings(), Phase::Auth, BAD_LOGIN);
    world.run(59 * MINUTE);
    assert_eq!(world.connects.len(), 1, "the account would be locked");
    let status = world.core.status();
    let (sentence, _) = status.route_trouble.expect("a person is told");
    for part in [
        "suspended",
        "535",
        "authentication failed",
        "rule credentials",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let [pool] = &status.pools[..] else {
        panic!("one pool: {:?}", status.pools)
    };
    assert!(pool.is_suspended);
    world.turns_away = None;
    world.run(10 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 50);
    assert_eq!(world.receipt(0).attempts, 1, "the wait was charged");
    let [pool] = &world.core.status().pools[..] else {
        return;
    };
    assert!(!pool.is_suspended && pool.trouble.is_none());
}

#[test]
fn a_log_in_that_is_refused_while_an_older_session_goes_on_waits_too() {
    let mut world = World::new(World::settings());
    for n in 0..2_000 {
        world.will(
            &format!("{n}@example.test"),
            [Does::Slowly(Duration::from_secs(2))],
        );
    }
    world.opens_after = Some(Duration::from_millis(10));
    world.file("example.test", 1, false);
    world.run(Duration::from_secs(1));
    world.turns_away = Some((Phase::Auth, BAD_LOGIN));
    for chunk in 0..2 {
        world.file_from(
            "example.test",
            "example.test",
            1 + 500 * chunk..1 + 500 * (chunk + 1),
        );
    }
    world.run(15 * MINUTE);
    assert!(
        world.connects.len() <= 1 + 3,
        "{} tries",
        world.connects.len()
    );
    assert!(world.accepted.len() > 400, "the old session goes on");
}

#[test]
fn a_greeting_that_turns_us_away_is_left_alone_for_as_long_as_its_rule_says() {
    let words = "554 5.0.0 not accepting messages";
    let mut world = turned_away(direct(4), Phase::Greeting, words);
    world.run(29 * MINUTE);
    assert_eq!(world.connects.len(), 1);
    world.run(2 * MINUTE);
    assert_eq!(world.connects.len(), 2);
}

/// A relay that turns us away in these words has been tried so often after each of these times,
/// and nobody is charged for the wait.
fn check_relay(words: &'static str, tries: &[(Duration, usize)]) {
    let mut world = turned_away(World::settings(), Phase::Greeting, words);
    let start = world.now;
    for &(after, count) in tries {
        world.run(start.plus(after).since(world.now));
        assert_eq!(world.connects.len(), count, "{words}: after {after:?}");
    }
    world.turns_away = None;
    world.run(32 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 50, "{words}");
    assert_eq!(world.receipt(0).attempts, 1, "the wait was charged");
}

#[test]
fn a_relay_is_left_alone_for_as_long_as_its_rule_says_after_three_refusals_in_a_row() {
    let seconds = Duration::from_secs;
    // At 0, 1 and 3 s, and then after a minute.
    let tries = [(seconds(2), 2), (seconds(62), 3), (seconds(64), 4)];
    check_relay("421 4.3.2 busy", &tries);
    // At 0, 1 and 2 minutes, and then after half an hour.
    let tries = [(seconds(90), 2), (31 * MINUTE, 3), (34 * MINUTE, 4)];
    check_relay("554 5.0.0 not accepting messages", &tries);
}

#[test]
fn one_refusal_in_a_greeting_stops_a_relay_for_a_second_and_no_longer() {
    let mut world = turned_away(World::settings(), Phase::Greeting, "421 4.3.2 busy");
    world.run(Duration::from_millis(500));
    world.turns_away = None;
    world.run(Duration::from_secs(1));
    assert_eq!(world.tally()[DeliveryState::Delivered], 50);
}

#[test]
fn an_answered_message_ends_the_row_of_refusals_of_a_relay() {
    let mut world = World::new(World::settings());
    for round in 0..4 {
        world.turns_away = Some((Phase::Greeting, "421 4.3.2 busy"));
        world.file_from("example.test", "example.test", round..round + 1);
        world.run(Duration::from_millis(500));
        world.turns_away = None;
        world.run(Duration::from_secs(1));
        assert_eq!(world.tally().open(), 0, "round {round}");
        // Until no session is left.
        world.run(MINUTE);
    }
}

#[test]
fn a_server_that_has_enough_connections_keeps_those_that_it_has() {
    let mut world = World::new(World::settings());
    for n in 0..500 {
        world.will(
            &format!("{n}@example.test"),
            [Does::Slowly(Duration::from_secs(1))],
        );
    }
    world.file("example.test", 1, false);
    world.run(Duration::from_millis(500));
    world.turns_away = Some((Phase::Greeting, "421 4.3.2 too many connections"));
    world.file_from("example.test", "example.test", 1..500);
    world.run(Duration::from_secs(10));
    world.turns_away = None;
    let before = world.connects.len();
    world.run(Duration::from_secs(20));
    assert!(
        world.connects.len() > before,
        "the next try is not an hour away"
    );
}

#[test]
fn who_waits_for_a_site_that_turns_us_away_is_not_charged() {
    let words = "554 5.7.1 blocked using zen.spamhaus.org";
    let mut world = turned_away(direct(4), Phase::Greeting, words);
    world.run(3 * HOUR);
    assert!(world.connects.len() <= 4, "{} tries", world.connects.len());
    world.turns_away = None;
    world.run(2 * HOUR);
    assert_eq!(world.tally()[DeliveryState::Delivered], 50);
    assert_eq!(world.receipt(0).attempts, 1, "the wait was charged");
}

#[test]
fn what_ends_meant_is_counted_by_phase_class_and_action() {
    let mut world = turned_away(World::settings(), Phase::Greeting, "421 4.3.2 busy");
    world.run(Duration::from_millis(1));
    world.turns_away = None;
    let says = "550 5.1.1 no such user";
    world.will("0@example.test", [Does::SayAtRcpt(says)]);
    world.will("1@example.test", [Does::AcceptAndLose]);
    world.will("2@example.test", [Does::LoseAtGate]);
    world.will("3@example.test", [Does::CannotBuild]);
    world.run(10 * MINUTE);
    let meanings = world.core.meanings();
    let count = |phase, class, action| {
        let is_meant = |m: &&crate::core::MeaningCount| {
            (&*m.phase, &*m.class, &*m.action) == (phase, class, action)
        };
        let found = meanings.iter().find(is_meant);
        found.map_or(0, |meaning| meaning.count)
    };
    assert_eq!(count("greeting", "deferred", "throttle_site"), 1);
    assert_eq!(count("rcpt", "bounced", "suppress"), 1);
    assert_eq!(count("dot", "in_doubt", "none"), 1);
    assert_eq!(count("body", "returned", "none"), 1);
    assert_eq!(count("none", "failed", "none"), 1);
    assert_eq!(count("dot", "delivered", "none"), 47);
}
