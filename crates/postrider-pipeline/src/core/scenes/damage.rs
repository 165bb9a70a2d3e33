//! What is damaged in the store stops nobody else, and is not asked for again and again.

use std::time::Duration;

use postrider_store::Request;
use postrider_types::{Address, DeliveryState};

use super::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// The first of ten recipients, whose row is damaged.
fn is_first(address: &Address) -> bool {
    address.as_str() == "0@example.test"
}

/// Ten recipients in one chunk, of which requests of the first meet what is damaged, and ten of
/// another domain, who get their mail.
fn check(is_damaged: fn(&Request) -> bool) -> World {
    let mut world = World::new(World::settings());
    world.is_damaged = is_damaged;
    world.file("example.test", 10, false);
    world.file("other.test", 10, false);
    world.run(10 * MINUTE);
    let others = world
        .accepted
        .iter()
        .filter(|(_, to)| to != "0@example.test");
    assert_eq!(others.count(), 19);
    assert!(world.requests < 200, "{} requests", world.requests);
    world
}

#[test]
fn whose_begin_cannot_be_recorded_gets_nothing_and_others_get_their_mail() {
    let world = check(|request| match request {
        Request::Begin { address, .. } => is_first(address),
        _ => false,
    });
    assert_eq!(world.copies("0@example.test"), 0);
    assert_eq!(world.tally()[DeliveryState::Delivered], 19);
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_asked_once() {
    let world = check(|request| match request {
        Request::Record { address, .. } => is_first(address),
        _ => false,
    });
    assert_eq!(world.copies("0@example.test"), 1);
}

#[test]
fn a_lease_that_cannot_be_ended_is_let_go() {
    let world = check(|request| matches!(request, Request::End { .. }));
    assert_eq!(world.core.status().hands, 0);
}
