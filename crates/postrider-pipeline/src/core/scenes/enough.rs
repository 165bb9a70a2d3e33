//! Servers that take fewer sessions than we would open: what stands goes on.

use std::time::Duration;

use postrider_types::{DeliveryState, Timestamp};

use super::pools::direct;
use super::receiver::Does;
use super::world::World;
use crate::settings::Settings;

const SECOND: Duration = Duration::from_secs(1);
const DOMAINS: [&str; 4] = ["a.test", "b.test", "c.test", "d.test"];

/// Up to twenty connections, to servers that take five and answer each dot after 10 ms.
fn world(mut settings: Settings) -> World {
    settings.routes.default.connections_max = 20;
    let mut world = World::new(settings);
    world.sessions_max = Some(5);
    world.latency = SECOND / 100;
    world
}

/// Files so many chunks of a hundred for each of these domains.
fn file(world: &mut World, domains: &[&str], chunks: usize) {
    for domain in domains {
        for chunk in 0..chunks {
            world.file_from(domain, domain, 100 * chunk..100 * (chunk + 1));
        }
    }
}

/// The longest time in which nothing was accepted.
fn longest_pause(world: &World, start: Timestamp) -> Duration {
    let times: Vec<_> = world.accepted.iter().map(|(at, _)| *at).collect();
    let before = std::iter::once(&start).chain(&times);
    let pauses = before.zip(&times).map(|(before, at)| at.since(*before));
    pauses.max().unwrap_or(Duration::MAX)
}

/// All of it leaves without a pause, over five sessions of each server, and few others are tried.
fn check(settings: Settings, tries_max: usize) {
    let mut world = world(settings);
    file(&mut world, &DOMAINS, 6);
    let start = world.now;
    for _ in 0..10 {
        world.run(SECOND);
        assert_eq!(world.core.status().route_trouble, None);
    }
    assert_eq!(world.tally()[DeliveryState::Delivered], 2_400);
    let pause = longest_pause(&world, start);
    assert!(pause < SECOND / 5, "nothing left for {pause:?}");
    let tried = world.connects.len();
    assert!(tried <= tries_max, "{tried} connections were tried");
    world.check_honest();
}

#[test]
fn a_relay_that_takes_fewer_sessions_than_the_route_has_is_never_waited_for() {
    check(World::settings(), 20 + 5);
}

#[test]
fn a_site_that_takes_fewer_sessions_than_the_route_has_is_never_waited_for() {
    check(direct(20), 4 * (10 + 5));
}

#[test]
fn a_session_that_ends_at_a_server_that_has_enough_is_replaced_at_once() {
    let mut settings = World::settings();
    settings.routes.default.messages_per_connection = Some(20);
    let mut world = world(settings);
    file(&mut world, &DOMAINS, 6);
    let start = world.now;
    world.run(8 * SECOND);
    assert_eq!(world.tally()[DeliveryState::Delivered], 2_400);
    let pause = longest_pause(&world, start);
    assert!(pause < SECOND / 5, "nothing left for {pause:?}");
    let (needed, tried) = (2_400 / 20, world.connects.len());
    assert!(tried <= needed + 40, "{tried} connections were tried");
}

#[test]
fn a_server_that_takes_more_again_gets_more() {
    let mut world = world(World::settings());
    file(&mut world, &DOMAINS, 24);
    world.run(3 * SECOND);
    let most = |world: &World| world.core.status().pools[0].connections_max;
    assert!((5..=6).contains(&most(&world)), "{}", most(&world));
    world.sessions_max = None;
    world.run(5 * SECOND);
    assert_eq!(most(&world), 20);
    assert_eq!(world.core.status().pools[0].open, 20);
}

#[test]
fn a_dot_that_is_answered_late_keeps_no_second_session_away() {
    let mut world = world(World::settings());
    world.sessions_max = Some(1);
    let slow = "0@a.test";
    world.will(slow, [Does::Slowly(60 * SECOND)]);
    world.file("a.test", 3, false);
    world.run(SECOND / 2);
    assert_eq!(world.core.status().pools[0].connections_max, 1);
    world.sessions_max = None;
    world.run(5 * SECOND);
    assert_eq!((world.copies("1@a.test"), world.copies("2@a.test")), (1, 1));
}

#[test]
fn what_stands_is_given_work_while_further_connections_are_lost_without_a_word() {
    let mut world = world(World::settings());
    world.sessions_max = None;
    world.file("a.test", 1, false);
    world.run(SECOND / 2);
    world.unreachable_until = Timestamp::NEVER;
    file(&mut world, &DOMAINS, 5);
    let start = world.now;
    world.run(10 * SECOND);
    assert_eq!(world.core.status().route_trouble, None);
    world.run(15 * SECOND);
    assert_eq!(world.tally()[DeliveryState::Delivered], 1 + 2_000);
    let mut later = world;
    later.accepted.retain(|(at, _)| *at >= start);
    let pause = longest_pause(&later, start);
    assert!(pause < SECOND / 5, "nothing left for {pause:?}");
}
