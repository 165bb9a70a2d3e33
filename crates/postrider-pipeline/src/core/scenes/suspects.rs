//! Stalls, spins and losses that a review found: one scene for each.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{DeliveryState, Timestamp};

use super::receiver::Does;
use super::world::World;
use crate::settings::DomainLimit;

const MINUTE: Duration = Duration::from_secs(60);

fn accepted_before(world: &World, domain: &str, before: Timestamp) -> usize {
    let is_meant = |(at, to): &&(Timestamp, String)| *at < before && to.ends_with(domain);
    world.accepted.iter().filter(is_meant).count()
}

#[test]
fn one_slow_message_does_not_hold_up_the_chunks_behind_its_own() {
    let mut world = World::new(World::settings());
    let forever = Does::Slowly(Duration::from_secs(500));
    world.will("0@slow.test", [forever]);
    world.file("slow.test", 500, false);
    world.file("slow.test", 500, false);
    world.file("slow.test", 500, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 1_500);
}

#[test]
fn two_slow_messages_do_not_hold_up_the_chunks_behind_theirs() {
    let mut world = World::new(World::settings());
    for n in [0, 1] {
        let forever = Does::Slowly(Duration::from_secs(500));
        world.will(&format!("{n}@slow.test"), [forever]);
    }
    world.file("slow.test", 1, false);
    world.file("slow.test", 2, false);
    for _ in 0..4 {
        world.file("slow.test", 300, false);
    }
    world.run(MINUTE);
    assert!(world.accepted.len() >= 1_200, "{}", world.accepted.len());
}

#[test]
fn a_slow_rate_is_used_although_a_message_takes_longer_than_its_slots() {
    let mut settings = World::settings();
    let limit = DomainLimit {
        rate: Some("20/m".parse().unwrap()),
        connections_max: 10,
    };
    let domain = "slow.test".parse().unwrap();
    settings.limits.domains.insert(domain, limit);
    settings.routes.default.connections_max = 20;
    let mut world = World::new(settings);
    for n in 0..500 {
        let slowly = Does::Slowly(Duration::from_secs(20));
        world.will(&format!("{n}@slow.test"), [slowly]);
    }
    world.file("slow.test", 500, false);
    world.run(10 * MINUTE);
    assert!(world.mails.len() >= 196, "{} mails", world.mails.len());
    assert!(world.mails.len() <= 201, "{} mails", world.mails.len());
}

#[test]
fn more_waiting_tail_chunks_than_places_do_not_go_round_without_end() {
    let mut settings = World::settings();
    settings.lease.chunks_max = 2;
    settings.limits.default.rate = Some("1/s".parse().unwrap());
    let mut world = World::new(settings);
    for n in 0..6 {
        world.file_in("tail-00", &format!("d{n}.test"), 10);
        world.file_in("tail-01", &format!("e{n}.test"), 10);
    }
    world.run(30 * Duration::from_secs(1));
    assert_eq!(world.accepted.len(), 120);
    assert!(world.requests < 120 * 12, "{} requests", world.requests);
}

/// One message under way, others in line, and a relay that cannot be reached.
fn unreachable_with_one_connection_left() -> World {
    let mut world = World::new(World::settings());
    world.latency = Duration::from_secs(10);
    for n in [1, 2] {
        let hang_up = Does::RefuseSlowly(421, Duration::from_secs(1));
        world.will(&format!("{n}@example.test"), [hang_up]);
    }
    world.file("example.test", 50, false);
    world.run(Duration::from_millis(500));
    world.unreachable_until = world.now.plus(MINUTE);
    world.run(Duration::from_secs(1));
    assert!(world.core.status().pools[0].trouble.is_some());
    world
}

#[test]
fn a_drain_while_the_relay_cannot_be_reached_does_not_spin() {
    let mut world = unreachable_with_one_connection_left();
    world.drain();
    world.run(2 * MINUTE);
    assert!(world.is_drained);
}

#[test]
fn a_store_and_a_relay_in_trouble_at_once_do_not_spin() {
    let mut world = unreachable_with_one_connection_left();
    world.unwritable_until = world.now.plus(Duration::from_secs(20));
    world.run(10 * MINUTE);
    assert_eq!(world.tally().open(), 0);
}

#[test]
fn an_outcome_that_comes_after_the_lease_is_over_settles_the_doubt() {
    let mut world = World::new(World::settings());
    world.will("0@example.test", [Does::Slowly(2 * MINUTE)]);
    world.file("example.test", 1, false);
    world.change(CampaignChange::Seal);
    world.run(Duration::from_secs(1));
    world.stall(MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::InDoubt);
    world.run(3 * MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::Delivered);
    world.check_honest();
}

#[test]
fn a_refusal_that_comes_after_the_lease_is_over_is_tried_again() {
    let mut settings = World::settings();
    settings.backoff.give_up_after = 10 * MINUTE;
    let mut world = World::new(settings);
    world.will("0@example.test", [Does::RefuseSlowly(451, 2 * MINUTE)]);
    world.file("example.test", 1, false);
    world.change(CampaignChange::Seal);
    world.run(Duration::from_secs(1));
    world.stall(MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::InDoubt);
    world.run(3 * MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::Delivered);
    assert_eq!(world.copies("0@example.test"), 1);
}

#[test]
fn a_server_that_hangs_up_at_every_gate_is_asked_ever_less_often() {
    let mut settings = World::settings();
    settings.backoff.give_up_after = 60 * MINUTE;
    let mut world = World::new(settings);
    let always = std::iter::repeat_n(Does::LoseAtGate, 10_000);
    world.will("0@example.test", always);
    world.file("example.test", 1, false);
    world.run(61 * MINUTE);
    assert!(world.mails.len() < 120, "{} mails", world.mails.len());
    assert!(world.mails.len() > 20, "{} mails", world.mails.len());
}

#[test]
fn a_message_that_cannot_be_built_gives_its_slot_to_the_next() {
    let mut settings = World::settings();
    let limit = DomainLimit {
        rate: Some("50/s".parse().unwrap()),
        connections_max: 10,
    };
    let domain = "slow.test".parse().unwrap();
    settings.limits.domains.insert(domain, limit);
    let mut world = World::new(settings);
    for n in 0..250 {
        world.will(&format!("{}@slow.test", 2 * n), [Does::CannotBuild]);
    }
    world.file("slow.test", 500, false);
    world.run(Duration::from_secs(10));
    assert_eq!(world.mails.len(), 250);
    let span = world.mails[249].0.since(world.mails[0].0).as_secs_f64();
    assert!(249.0 / span >= 49.0, "the rate was {}", 249.0 / span);
}

/// Twenty domains at 1,000 a second each, a message takes 5 ms.
#[test]
fn twenty_fast_domains_all_use_their_limits() {
    let mut settings = World::settings();
    settings.routes.default.connections_max = 200;
    settings.lease.chunks_max = 64;
    for n in 0..20 {
        let limit = DomainLimit {
            rate: Some("1000/s".parse().unwrap()),
            connections_max: 20,
        };
        let domain = format!("d{n}.test").parse().unwrap();
        settings.limits.domains.insert(domain, limit);
    }
    let mut world = World::new(settings);
    world.latency = Duration::from_millis(5);
    for n in 0..20 {
        for _ in 0..2 {
            world.file(&format!("d{n}.test"), 500, false);
        }
    }
    let start = world.now;
    world.run(Duration::from_millis(500));
    for n in 0..20 {
        let got = accepted_before(&world, &format!("@d{n}.test"), start.plus(MINUTE));
        assert!(got >= 485, "d{n}.test got {got}");
    }
}

#[test]
fn more_domains_than_are_remembered_do_not_exceed_a_rate() {
    let mut settings = World::settings();
    settings.limits.default.rate = Some("1/h".parse().unwrap());
    let mut world = World::new(settings);
    world.core.lines.domains_max = 40;
    world.file_in("tail-00", "first.test", 1);
    world.run(Duration::from_secs(1));
    for n in 0..10 {
        world.file_domains("tail-01", 20 * n..20 * (n + 1));
        world.run(Duration::from_secs(5));
    }
    world.file_from("tail-02", "first.test", 1..2);
    world.run(Duration::from_secs(5));
    let is_first = |(_, to): &&(Timestamp, String)| to.ends_with("@first.test");
    assert_eq!(world.mails.iter().filter(is_first).count(), 1);
    world.run(12 * 60 * MINUTE);
    assert_eq!(world.accepted.len(), 202);
}
