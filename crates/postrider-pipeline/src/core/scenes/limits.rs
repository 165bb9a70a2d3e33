//! Rates, caps and fairness, counted where the receiver would count.

use std::time::Duration;

use postrider_types::{DeliveryState, Rate, Timestamp};

use super::receiver::Does;
use super::world::World;
use crate::settings::{DomainLimit, Settings};

fn limited(domain: &str, rate: &str) -> Settings {
    let mut settings = World::settings();
    let rate: Rate = rate.parse().unwrap();
    let limit = DomainLimit {
        rate: Some(rate),
        connections_max: 10,
    };
    settings
        .limits
        .domains
        .insert(domain.parse().unwrap(), limit);
    settings
}

/// The most MAILs to a domain in any window of this width.
fn most_within(world: &World, domain: &str, width: Duration) -> usize {
    most_of(&world.mails, domain, width)
}

fn most_of(mails: &[(Timestamp, String)], domain: &str, width: Duration) -> usize {
    let times: Vec<Timestamp> = mails
        .iter()
        .filter(|(_, to)| to.ends_with(domain))
        .map(|(at, _)| *at)
        .collect();
    let in_window = |from: &Timestamp| {
        times
            .iter()
            .filter(|at| *at >= from && **at < from.plus(width))
            .count()
    };
    times.iter().map(in_window).max().unwrap_or(0)
}

#[test]
fn a_limited_domain_gets_its_rate_and_the_others_full_speed() {
    let mut world = World::new(limited("slow.test", "50/s"));
    world.file("slow.test", 500, false);
    world.file("fast.test", 500, false);
    world.run(Duration::from_secs(1));
    let fast = world
        .accepted
        .iter()
        .filter(|(_, to)| to.ends_with("@fast.test"))
        .count();
    assert_eq!(fast, 500, "the fast domain waited for the slow one");
    world.run(Duration::from_secs(10));
    assert_eq!(world.accepted.len(), 1_000);
    assert!(most_within(&world, "@slow.test", Duration::from_secs(1)) <= 51);
    let slow: Vec<_> = world
        .mails
        .iter()
        .filter(|(_, to)| to.ends_with("@slow.test"))
        .collect();
    let span = slow[499].0.since(slow[0].0).as_secs_f64();
    assert!(499.0 / span >= 49.9, "the rate was {}", 499.0 / span);
}

#[test]
fn a_rate_holds_over_a_restart_of_the_chunk() {
    // One a second is longer than a slice of half a second, so every message costs a claim.
    let mut settings = limited("slow.test", "1/s");
    settings.lease.slice = Duration::from_millis(500);
    let mut world = World::new(settings);
    world.file("slow.test", 10, false);
    world.run(Duration::from_secs(12));
    assert_eq!(world.accepted.len(), 10);
    assert!(most_within(&world, "@slow.test", Duration::from_secs(1)) <= 2);
}

#[test]
fn a_closed_domain_gets_nothing_and_costs_nothing_while_it_waits() {
    let mut world = World::new(limited("shut.test", "0"));
    world.file("shut.test", 500, false);
    world.file("open.test", 5, false);
    world.run(Duration::from_secs(5));
    let requests = world.requests;
    world.run(Duration::from_secs(3_600));
    assert_eq!(world.tally()[DeliveryState::Pending], 500);
    assert_eq!(world.accepted.len(), 5);
    assert_eq!(world.requests, requests, "something polls");
}

#[test]
fn a_restart_with_another_rate_opens_a_closed_domain() {
    let mut world = World::new(limited("shut.test", "0"));
    world.file("shut.test", 5, false);
    world.file("shut.test", 5, true);
    world.run(Duration::from_secs(5));
    world.settings = limited("shut.test", "1000/s");
    world.restart();
    world.run(Duration::from_secs(5));
    assert_eq!(world.tally()[DeliveryState::Delivered], 10);
}

#[test]
fn in_a_tail_lane_only_the_limited_domain_waits() {
    let mut world = World::new(limited("shut.test", "0"));
    world.file("shut.test", 3, true);
    world.file("open.test", 3, true);
    world.run(Duration::from_secs(1));
    assert_eq!(world.accepted.len(), 3);
    assert!(
        world
            .accepted
            .iter()
            .all(|(_, to)| to.ends_with("@open.test"))
    );
}

#[test]
fn a_recipient_quota_holds_one_recipient_and_not_the_lane() {
    let mut settings = World::settings();
    settings.limits.recipient_rate = Some("1/10m".parse().unwrap());
    let mut world = World::new(settings);
    world.file("example.test", 1, false);
    world.run(Duration::from_secs(1));
    world.file("example.test", 5, false);
    world.run(Duration::from_secs(1));
    assert_eq!(
        world.mails.len(),
        5,
        "the first recipient waits, the other four do not"
    );
    world.run(Duration::from_secs(660));
    assert_eq!(world.mails.len(), 6);
    let first: Vec<_> = world
        .mails
        .iter()
        .filter(|(_, to)| to == "0@example.test")
        .collect();
    assert!(first[1].0.since(first[0].0) >= Duration::from_secs(600));
}

#[test]
fn a_slow_destination_leaves_a_connection_for_the_others() {
    let mut world = World::new(World::settings());
    for n in 0..100 {
        let forever = Does::Slowly(Duration::from_secs(500));
        world.will(&format!("{n}@slow.test"), [forever.clone()]);
        world.will(&format!("{n}@slower.test"), [forever]);
    }
    world.file("slow.test", 100, false);
    world.file("slower.test", 100, false);
    world.file("fast.test", 500, false);
    world.run(Duration::from_secs(2));
    let fast = world
        .accepted
        .iter()
        .filter(|(_, to)| to.ends_with("@fast.test"))
        .count();
    assert_eq!(fast, 500);
}

#[test]
fn a_domain_never_has_more_messages_under_way_than_its_cap() {
    let mut settings = World::settings();
    let limit = DomainLimit {
        rate: None,
        connections_max: 2,
    };
    settings
        .limits
        .domains
        .insert("slow.test".parse().unwrap(), limit);
    let mut world = World::new(settings);
    for n in 0..20 {
        world.will(
            &format!("{n}@slow.test"),
            [Does::Slowly(Duration::from_secs(1))],
        );
    }
    world.file("slow.test", 20, false);
    world.run(Duration::from_secs(30));
    assert_eq!(world.accepted.len(), 20);
    assert!(world.followers > 0, "nothing went behind a dot");
    assert!(most_of(&world.seen, "@slow.test", Duration::from_millis(999)) <= 2);
}

#[test]
fn more_throttled_lanes_than_places_all_get_their_turn() {
    let mut settings = World::settings();
    settings.lease.chunks_max = 3;
    for n in 0..12 {
        let limit = DomainLimit {
            rate: Some("1/s".parse().unwrap()),
            connections_max: 10,
        };
        settings
            .limits
            .domains
            .insert(format!("d{n}.test").parse().unwrap(), limit);
    }
    let mut world = World::new(settings);
    for n in 0..12 {
        world.file(&format!("d{n}.test"), 10, false);
    }
    world.run(Duration::from_secs(2));
    for n in 0..12 {
        let got = world
            .accepted
            .iter()
            .filter(|(_, to)| to.ends_with(&format!("@d{n}.test")));
        assert!(got.count() >= 1, "d{n}.test got nothing in two seconds");
    }
    world.run(Duration::from_secs(14));
    assert_eq!(world.accepted.len(), 120);
}

#[test]
fn a_suspect_that_waits_for_its_rate_stays_in_the_solo_lane_and_holds_up_no_other() {
    let mut world = World::new(limited("slow.test", "1/h"));
    world.file_in("solo-00", "slow.test", 2);
    world.run(Duration::from_secs(60));
    world.file_in("solo-00", "other.test", 1);
    world.run(Duration::from_secs(60));
    let sent = |world: &World| {
        world
            .accepted
            .iter()
            .map(|(_, to)| to.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&world), ["0@slow.test", "0@other.test"]);
    let lanes = world.reader.lanes(10).unwrap();
    let lanes: Vec<_> = lanes.iter().map(|shape| shape.lane.as_str()).collect();
    assert_eq!(lanes, ["solo-00"]);
    world.run(Duration::from_secs(7_200));
    assert_eq!(sent(&world), ["0@slow.test", "0@other.test", "1@slow.test"]);
}
