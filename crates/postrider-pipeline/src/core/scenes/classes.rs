//! What replies mean beyond their codes: for the delivery, for its site, and for its route.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{CampaignState, DeliveryState, Timestamp};

use super::receiver::Does;
use super::world::World;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A world that gives nobody up within a scene.
fn patient() -> World {
    let mut settings = World::settings();
    settings.backoff.give_up_after = 48 * HOUR;
    World::new(settings)
}

/// When MAIL was written for anybody, after this instant.
fn mails_after(world: &World, at: Timestamp) -> Vec<Timestamp> {
    let times = world.mails.iter().map(|(at, _)| *at);
    times.filter(|mail| *mail > at).collect()
}

#[test]
fn who_does_not_exist_is_bounced_with_the_word_suppress_in_the_reason() {
    let mut world = World::new(World::settings());
    world.will(
        "0@example.test",
        [Does::SayAtRcpt("550 5.1.1 no such user")],
    );
    world.file("example.test", 2, false);
    world.run(MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::Bounced);
    let reply = world.receipt(0).reply.unwrap().to_string();
    assert_eq!(
        reply,
        "550 5.1.1 no such user [suppress: no-such-recipient]"
    );
    assert_eq!(world.receipt(1).state, DeliveryState::Delivered);
}

#[test]
fn a_site_that_asks_for_a_rest_gets_it_and_then_one_connection_and_then_more() {
    let mut world = patient();
    let rate = Does::SayAtDot("421 4.7.28 Gmail has detected an unusual rate of email");
    let slowly = Does::Slowly(Duration::from_millis(100));
    for n in 0..200 {
        let refused = (n < 4).then(|| rate.clone());
        let does = refused.into_iter().chain([slowly.clone()]);
        world.will(&format!("{n}@example.test"), does);
    }
    world.file("example.test", 200, false);
    world.change(CampaignChange::Seal);
    let start = world.now;
    world.run(9 * MINUTE);
    assert_eq!(
        mails_after(&world, start.plus(MINUTE)),
        [],
        "mail during the rest"
    );
    let before = world.connects.len();
    world.run(2 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 200);
    // Two of the four came before the relay was known to ask for a rest.
    let charged: u16 = (0..4).map(|n| world.receipt(n).attempts - 1).sum();
    assert_eq!(charged, 2, "the rest was charged");
    assert_eq!(world.state(), CampaignState::Finished);
    let again = mails_after(&world, start.plus(MINUTE));
    let within = |millis| {
        let until = again[0].plus(Duration::from_millis(millis));
        again.iter().filter(|at| **at < until).count()
    };
    // One connection carries two: the one whose dot is out, and the one behind it.
    assert!(within(99) <= 2, "more than one connection after the rest");
    assert!(within(399) > 8, "it never grew again");
    assert!(world.connects.len() > before + 1, "it never grew again");
    world.check_honest();
}

#[test]
fn who_gets_too_much_waits_an_hour_and_nobody_else_does() {
    let mut world = patient();
    let pace = "450 4.2.1 The user you are trying to contact is receiving mail too quickly";
    world.will("0@example.test", [Does::SayAtRcpt(pace)]);
    world.file("example.test", 20, false);
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 19);
    let first = world.mails[0].0;
    world.run(2 * HOUR);
    assert_eq!(world.tally()[DeliveryState::Delivered], 20);
    let again = world.mails.last().unwrap();
    assert_eq!(again.1, "0@example.test");
    assert!(again.0.since(first) >= HOUR, "{:?}", again.0.since(first));
}

#[test]
fn replies_that_refuse_us_suspend_the_route_and_bounce_nobody() {
    let mut world = patient();
    let blocked =
        "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org";
    for n in 0..200 {
        let says = std::iter::repeat_n(Does::SayAtRcpt(blocked), 8);
        world.will(&format!("{n}@example.test"), says);
    }
    world.file("example.test", 200, false);
    world.change(CampaignChange::Seal);
    world.run(HOUR - MINUTE);
    assert!(world.mails.len() <= 10, "{} were burned", world.mails.len());
    assert_eq!(world.tally()[DeliveryState::Bounced], 0);
    let (sentence, _) = world.core.status().route_trouble.expect("a person is told");
    assert!(sentence.contains("suspended"), "{sentence}");
    assert!(sentence.contains("zen.spamhaus.org"), "{sentence}");
    world.run(3 * HOUR);
    assert!(world.mails.len() <= 20, "{} were burned", world.mails.len());
    // The block is lifted.
    world.script.clear();
    world.run(3 * HOUR);
    assert_eq!(world.tally()[DeliveryState::Delivered], 200);
    assert_eq!(world.core.status().route_trouble, None);
    assert_eq!(world.state(), CampaignState::Finished);
    world.check_honest();
}

#[test]
fn one_domains_words_about_us_suspend_nothing() {
    let mut world = patient();
    let blocked = "550 5.7.1 blocked using our own black list";
    for n in (0..200).step_by(3) {
        world.will(&format!("{n}@example.test"), [Does::SayAtRcpt(blocked)]);
    }
    world.file("example.test", 200, false);
    world.run(MINUTE);
    assert_eq!(world.core.status().route_trouble, None);
    assert_eq!(world.tally()[DeliveryState::Delivered], 200);
}

#[test]
fn a_session_that_is_full_is_left_and_the_message_goes_over_another() {
    let mut world = World::new(World::settings());
    let full = "452 4.5.3 Too many recipients: Too many messages sent";
    world.will("3@example.test", [Does::SayAtMail(full)]);
    world.settings.routes.default.connections_max = 1;
    world.restart();
    world.file("example.test", 10, false);
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 10);
    assert_eq!(world.receipt(3).attempts, 1, "it was charged");
    assert_eq!(world.connects.len(), 2, "the full session was used again");
}
