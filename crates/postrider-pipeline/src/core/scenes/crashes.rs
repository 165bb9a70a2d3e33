//! The process dies after each single effect in turn, and another one goes on.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::DeliveryState;

use super::receiver::Does;
use super::world::World;

/// Two lanes, every kind of answer, and few enough effects to die after each of them.
fn scene(is_pipelining: bool) -> World {
    let mut settings = World::settings();
    settings.routes.default.connections_max = 3;
    let mut world = World::new(settings);
    world.is_pipelining = is_pipelining;
    world.will("1@example.test", [Does::RefuseAtRcpt(451)]);
    world.will("2@example.test", [Does::RefuseAtDot(452)]);
    world.will("3@example.test", [Does::LoseBeforeGate]);
    world.will("4@example.test", [Does::RefuseAtRcpt(550)]);
    world.will("5@example.test", [Does::LoseAtGate]);
    world.will("0@other.test", [Does::CannotBuild]);
    world.file("example.test", 8, false);
    world.file("other.test", 3, true);
    world.change(CampaignChange::Seal);
    world
}

#[test]
fn a_crash_after_any_effect_sends_nothing_twice_and_loses_nobody() {
    check(false);
}

#[test]
fn a_crash_after_any_effect_does_so_with_envelopes_behind_dots() {
    check(true);
}

fn check(is_pipelining: bool) {
    let minute = Duration::from_secs(60);
    for dies_after in 0.. {
        let mut world = scene(is_pipelining);
        world.dies_after = Some(dies_after);
        let is_alive = world.run(minute);
        let begun = world.tally()[DeliveryState::Attempting];
        world.restart();
        let in_doubt = world.tally()[DeliveryState::InDoubt];
        assert_eq!(in_doubt, begun, "in doubt is exactly what had begun");
        assert!(in_doubt <= 3, "more in doubt than connections");
        world.run(10 * minute);
        world.check_honest();
        let tally = world.tally();
        assert_eq!(tally.audience(), 11, "after {dies_after} effects");
        assert_eq!(tally.open(), 0, "after {dies_after} effects: {tally:?}");
        assert_eq!(tally[DeliveryState::InDoubt], in_doubt);
        if is_alive {
            assert!(dies_after > 60, "the scene is too short to mean anything");
            return;
        }
    }
}
