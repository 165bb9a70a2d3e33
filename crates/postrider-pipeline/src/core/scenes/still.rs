//! A lease is extended only for what gets on.

use std::time::Duration;

use super::receiver::Does;
use super::world::World;
use crate::bounds::HAND_STILL_MAX;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_chunk_that_only_waits_goes_back_and_one_that_is_answered_late_does_not() {
    let mut settings = World::settings();
    settings.routes.default.connections_max = 1;
    let mut world = World::new(settings);
    world.will("0@slow.test", [Does::Slowly(3 * HAND_STILL_MAX)]);
    world.file("slow.test", 1, false);
    world.run(SECOND);
    world.file("other.test", 1, false);
    world.run(SECOND);
    let held = |world: &World, lane: &str| {
        let mut hands = world.core.hands.values();
        let hand = hands.find(|hand| hand.chunk.lane.as_str() == lane);
        hand.map(super::super::hands::Hand::token)
    };
    let (slow, other) = (held(&world, "slow.test"), held(&world, "other.test"));
    assert!(slow.is_some() && other.is_some());

    world.run(HAND_STILL_MAX + 60 * SECOND);
    assert_eq!(held(&world, "slow.test"), slow, "it is under way");
    assert_ne!(held(&world, "other.test"), other, "it only waits");

    world.run(3 * HAND_STILL_MAX);
    for address in ["0@slow.test", "0@other.test"] {
        assert_eq!(world.copies(address), 1, "{address}");
    }
    world.check_honest();
}
