//! Envelopes that go along with a dot: who joins, who does not, and what becomes of him when the
//! message before him meets with something.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{DeliveryState, Timestamp};

use super::receiver::Does;
use super::world::World;
use crate::bounds::{CHUNKLESS_FOR, LOCK_STEP_FOR, SIZELESS_FOR};
use crate::core::Offer;
use crate::settings::{DomainLimit, Settings};

const MINUTE: Duration = Duration::from_secs(60);
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// One connection.
fn alone() -> Settings {
    let mut settings = World::settings();
    settings.routes.default.connections_max = 1;
    settings
}

/// Messages of which each takes a round trip to its dot.
fn world(settings: Settings) -> World {
    let mut world = World::new(settings);
    world.latency = ROUND_TRIP;
    world
}

fn sent_to(world: &World, address: &str) -> usize {
    let is_meant = |(_, to): &&(Timestamp, String)| to == address;
    world.mails.iter().filter(is_meant).count()
}

fn limit(settings: &mut Settings, domain: &str, rate: Option<&str>, connections_max: usize) {
    let rate = rate.map(|rate| rate.parse().unwrap());
    let limit = DomainLimit {
        rate,
        connections_max,
    };
    settings
        .limits
        .domains
        .insert(domain.parse().unwrap(), limit);
}

#[test]
fn all_but_the_first_messages_of_a_connection_go_along_with_a_dot() {
    let mut world = world(alone());
    world.file("example.test", 100, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 100);
    // Nothing is known of the destination before the first answer.
    assert_eq!(world.followers, 98);
    let span = world.accepted[99].0.since(world.accepted[0].0);
    assert!(span <= 100 * ROUND_TRIP + ROUND_TRIP, "{span:?}");
    world.check_honest();
}

#[test]
fn only_a_due_slot_joins_and_no_dot_waits_for_one() {
    let mut settings = alone();
    limit(&mut settings, "slow.test", Some("4/s"), 10);
    let mut world = world(settings);
    world.file("slow.test", 20, false);
    world.run(Duration::from_secs(10));
    assert_eq!(world.accepted.len(), 20);
    assert_eq!(world.followers, 0, "a slot is due every 250 ms only");
    for (mail, accepted) in world.mails.iter().zip(&world.accepted) {
        let waited = accepted.0.since(mail.0);
        assert!(waited < ROUND_TRIP, "a dot waited {waited:?}");
    }
}

#[test]
fn nothing_joins_where_the_server_does_not_pipeline() {
    let mut world = world(alone());
    world.is_pipelining = false;
    world.file("example.test", 20, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 20);
    assert_eq!(world.followers, 0);
}

/// Three messages on one connection, the second of which meets with this while the third stands
/// behind it; the states that the second and the third end in.
fn check(does: Does, second: DeliveryState) -> World {
    let mut world = world(alone());
    world.will("2@example.test", [does]);
    world.file("example.test", 4, false);
    world.change(CampaignChange::Seal);
    world.run(Duration::from_secs(1));
    assert_eq!(world.followers, 2, "1 and 3 did not go along");
    assert_eq!(world.receipt(2).state, second);
    world.run(MINUTE);
    let third = world.receipt(3);
    assert_eq!(third.state, DeliveryState::Delivered, "{third:?}");
    assert_eq!(third.attempts, 1, "the one behind was charged");
    assert_eq!(world.copies("3@example.test"), 1);
    world.check_honest();
    world
}

#[test]
fn behind_a_dot_without_a_reply_the_next_goes_back_uncharged_and_is_sent_once_more() {
    let world = check(Does::AcceptAndLose, DeliveryState::InDoubt);
    assert_eq!(sent_to(&world, "2@example.test"), 1);
    assert_eq!(sent_to(&world, "3@example.test"), 2);
}

#[test]
fn behind_a_message_that_was_taken_before_the_connection_closed_it_is_the_same() {
    let world = check(Does::AcceptAndClose, DeliveryState::Delivered);
    assert_eq!(sent_to(&world, "3@example.test"), 2);
}

#[test]
fn behind_a_refused_message_the_next_goes_on() {
    let world = check(Does::RefuseAtDot(554), DeliveryState::Bounced);
    assert_eq!(sent_to(&world, "3@example.test"), 1);
    assert_eq!(world.connects.len(), 1);
}

#[test]
fn a_refusal_in_the_body_judges_its_message_and_not_the_next() {
    let world = check(Does::RefuseInBody(552), DeliveryState::Bounced);
    assert_eq!(sent_to(&world, "3@example.test"), 2);
}

#[test]
fn a_begun_message_that_was_never_ended_is_returned_before_it_goes_again() {
    let mut world = world(alone());
    world.will("2@example.test", [Does::LoseAtGate]);
    world.file("example.test", 4, false);
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 4);
    assert_eq!(world.receipt(2).attempts, 1);
    assert_eq!(world.receipt(3).attempts, 1);
    world.check_honest();
}

#[test]
fn one_behind_that_cannot_be_built_lets_the_dot_go_alone_and_gives_its_slot_back() {
    let mut settings = alone();
    limit(&mut settings, "slow.test", Some("50/s burst 4"), 10);
    let mut world = world(settings);
    world.will("2@slow.test", [Does::CannotBuild]);
    world.file("slow.test", 4, false);
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 3);
    assert_eq!(world.receipt(2).state, DeliveryState::Failed);
    assert_eq!(world.connects.len(), 1);
}

#[test]
fn a_slow_domain_delays_no_message_of_another() {
    let mut world = world(alone());
    for n in 0..40 {
        let slowly = Does::Slowly(Duration::from_secs(3));
        world.will(&format!("{n}@slow.test"), [slowly]);
    }
    // First the slow domain is found to be slow.
    world.file("slow.test", 40, false);
    world.run(Duration::from_secs(5));
    world.file("fast.test", 20, false);
    world.run(3 * MINUTE);
    assert_eq!(world.accepted.len(), 60);
    assert!(world.followers > 0, "nothing went behind a brisk dot");
    let behind_slow: Vec<_> = world
        .seen
        .iter()
        .filter(|(at, to)| {
            let written = world.mails.iter().find(|(_, other)| other == to);
            at.since(written.unwrap().0) > Duration::from_secs(1)
        })
        .collect();
    assert_eq!(behind_slow, Vec::<&(Timestamp, String)>::new());
}

#[test]
fn a_domain_that_is_brisk_again_pipelines_again() {
    let mut world = world(alone());
    world.will("5@example.test", [Does::Slowly(Duration::from_secs(3))]);
    world.file("example.test", 50, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 50);
    // The first two dots go alone, and so does the one after the slow answer's.
    assert!(world.followers >= 46, "{} went along", world.followers);
}

#[test]
fn a_cap_of_one_pipelines_and_holds() {
    let mut settings = World::settings();
    limit(&mut settings, "one.test", None, 1);
    let mut world = world(settings);
    world.file("one.test", 50, false);
    world.file("other.test", 50, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 100);
    assert!(world.followers > 90);
    let mut seen: Vec<_> = world
        .seen
        .iter()
        .filter(|(_, to)| to.ends_with("@one.test"))
        .collect();
    seen.sort();
    for two in seen.windows(2) {
        let span = two[1].0.since(two[0].0);
        assert!(span >= ROUND_TRIP, "two messages under way at once");
    }
}

#[test]
fn a_connection_carries_no_more_messages_than_it_may() {
    let mut settings = alone();
    settings.routes.default.messages_per_connection = Some(7);
    let mut world = world(settings);
    world.file("example.test", 50, false);
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 50);
    assert_eq!(world.connects.len(), 8, "50 messages, 7 a connection");
    assert_eq!(
        world.mails.len(),
        50,
        "a message was lost with its connection"
    );
}

#[test]
fn a_connection_carries_no_more_messages_than_its_server_takes() {
    for (own, servers, expect) in [(None, 7, 8), (Some(10), 7, 8), (Some(5), 7, 10)] {
        let mut settings = alone();
        settings.routes.default.messages_per_connection = own;
        let mut world = world(settings);
        world.mail_max = Some(servers);
        world.file("example.test", 50, false);
        world.run(MINUTE);
        assert_eq!(world.accepted.len(), 50);
        assert_eq!(
            world.connects.len(),
            expect,
            "{own:?} here, {servers} there"
        );
    }
}

#[test]
fn after_a_refused_size_connections_tell_none_for_a_while() {
    let mut settings = alone();
    settings.routes.default.messages_per_connection = Some(10);
    let mut world = world(settings);
    world.breaks = Some(Offer::Size);
    world.file("example.test", 20, false);
    world.run(MINUTE);
    assert_eq!(world.sizes, [true, false]);
    world.run(SIZELESS_FOR);
    world.file_from("example.test", "example.test", 20..25);
    world.run(MINUTE);
    assert_eq!(world.sizes, [true, false, true]);
    assert_eq!(world.accepted.len(), 25);
}

#[test]
fn after_chunks_that_are_not_known_connections_send_none_for_a_while() {
    let mut settings = alone();
    settings.routes.default.messages_per_connection = Some(10);
    let mut world = world(settings);
    world.breaks = Some(Offer::Chunks);
    world.file("example.test", 20, false);
    world.run(MINUTE);
    assert_eq!(world.chunks, [true, false]);
    world.run(CHUNKLESS_FOR);
    world.file_from("example.test", "example.test", 20..25);
    world.run(MINUTE);
    assert_eq!(world.chunks, [true, false, true]);
    // Groups and sizes are other offers.
    assert_eq!(world.connects, [true; 3]);
    assert_eq!(world.sizes, [true; 3]);
}

#[test]
fn after_falling_out_of_step_connections_are_lock_step_for_a_while() {
    let mut world = world(alone());
    world.will("9@example.test", [Does::FallOutOfStep]);
    world.file("example.test", 50, false);
    world.run(MINUTE);
    assert_eq!(world.connects, [true, false]);
    let before = world.followers;
    assert!(before < 10, "{before} went along");
    world.file_from("example.test", "example.test", 50..100);
    world.run(LOCK_STEP_FOR);
    assert_eq!(world.followers, before);
    world.file_from("example.test", "example.test", 100..150);
    world.run(MINUTE);
    assert!(world.followers > before);
    assert_eq!(world.accepted.len(), 150);
}

#[test]
fn a_cancel_or_a_pause_lets_nobody_begin_who_stood_behind_a_dot() {
    for change in [CampaignChange::Cancel, CampaignChange::Pause] {
        let mut world = world(alone());
        world.file("example.test", 50, false);
        // Between two dots, with the next envelope out.
        world.run(10 * ROUND_TRIP + ROUND_TRIP / 2);
        let before = world.accepted.len();
        world.change(change);
        world.run(MINUTE);
        assert_eq!(world.accepted.len(), before, "{change:?}");
        assert_eq!(world.tally()[DeliveryState::InDoubt], 0);
        world.check_honest();
    }
}

#[test]
fn a_drain_ends_what_is_behind_a_dot_and_lets_nothing_join() {
    let mut world = world(alone());
    world.file("example.test", 50, false);
    world.run(10 * ROUND_TRIP + ROUND_TRIP / 2);
    let before = world.accepted.len();
    world.drain();
    world.run(3 * ROUND_TRIP);
    assert!(world.is_drained);
    assert_eq!(world.accepted.len(), before + 1);
    assert_eq!(world.tally()[DeliveryState::Delivered], before as u64 + 1);
    assert_eq!(world.tally()[DeliveryState::InDoubt], 0);
}

#[test]
fn while_the_store_is_in_trouble_nothing_joins() {
    let mut world = world(alone());
    world.file("example.test", 50, false);
    world.run(Duration::from_secs(1));
    world.unwritable_until = world.now.plus(Duration::from_secs(10));
    world.run(Duration::from_secs(1));
    let (mails, followers) = (world.mails.len(), world.followers);
    world.run(Duration::from_secs(8));
    assert_eq!((world.mails.len(), world.followers), (mails, followers));
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 50);
    world.check_honest();
}

#[test]
fn twenty_domains_over_ten_connections_take_a_round_trip_a_message() {
    let mut settings = World::settings();
    settings.routes.default.connections_max = 10;
    let mut world = world(settings);
    for n in 0..20 {
        world.file(&format!("d{n}.test"), 100, false);
    }
    world.run(MINUTE);
    assert_eq!(world.accepted.len(), 2_000);
    let span = world.accepted[1_999].0.since(world.accepted[0].0);
    let round_trips = span.as_secs_f64() * 10.0 / ROUND_TRIP.as_secs_f64() / 2_000.0;
    assert!(
        round_trips < 1.05,
        "{round_trips} {} went along",
        world.followers
    );
}
