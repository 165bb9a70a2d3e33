//! Who only waits for a site that takes nothing is given up like anybody else.

use std::iter::repeat_n;
use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{CampaignState, DeliveryState, InDoubtPolicy, RecipientId, TenantId};

use super::pools::direct;
use super::receiver::Does;
use super::world::World;
use crate::settings::{DomainLimit, Settings};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// In the words in which a receiver asks for a rest, and nobody is charged.
const RATE: &str = "421 4.7.28 Gmail has detected an unusual rate of email";

/// In the words in which one refuses us, and nobody is charged.
const BLOCKED: &str =
    "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org";

fn giving_up_after(mut settings: Settings, age: Duration) -> World {
    settings.backoff.give_up_after = age;
    World::new(settings)
}

/// Says `does` to everybody of this domain, for ever.
fn always(world: &mut World, domain: &str, count: usize, does: &Does) {
    for n in 0..count {
        world.will(&format!("{n}@{domain}"), repeat_n(does.clone(), 1_000));
    }
}

/// All but `others` have expired, without an attempt that was charged, and the campaign is over.
fn check_expired(world: &World, expired: u64) {
    let tally = world.tally();
    assert_eq!(tally[DeliveryState::Expired], expired, "{tally:?}");
    assert_eq!(world.state(), CampaignState::Finished);
    assert_eq!(world.receipt(0).attempts, 0);
    world.check_honest();
}

/// What the receipts of all say.
fn all(world: &World) -> impl Iterator<Item = String> {
    let (tenant, first) = (TenantId::DEFAULT, RecipientId(0));
    let page = world
        .reader
        .receipts(tenant, world.campaign, first, None, 5_000);
    let page = page.unwrap().into_iter();
    page.map(|receipt| receipt.reply.unwrap().text)
}

/// Everybody's receipt says that it was too old, and this of what was said last.
fn check_last(world: &World, last: &str) {
    for text in all(world) {
        assert!(
            text.starts_with("older than the give-up age; last: "),
            "{text}"
        );
        assert!(text.contains(last), "{text}");
    }
}

#[test]
fn who_waits_for_a_relay_that_stays_down_expires() {
    let mut world = giving_up_after(World::settings(), 10 * MINUTE);
    world.unreachable_until = world.now.plus(100 * HOUR);
    for lane in 0..4 {
        world.file_from("example.test", "example.test", 500 * lane..500 * (lane + 1));
    }
    world.file_in("tail-00", "other.test", 30);
    world.change(CampaignChange::Seal);
    world.run(9 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Expired], 0);
    world.run(4 * MINUTE);
    check_expired(&world, 2_030);
    check_last(&world, "refused");
}

#[test]
fn a_relay_that_comes_back_in_time_expires_nobody() {
    let mut world = giving_up_after(World::settings(), 10 * MINUTE);
    world.unreachable_until = world.now.plus(8 * MINUTE);
    world.file("example.test", 500, false);
    world.run(20 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 500);
}

#[test]
fn a_site_that_asks_for_a_rest_again_and_again_keeps_no_campaign_open() {
    for does in [Does::SayAtRcpt(RATE), Does::SayAtDot(RATE)] {
        let mut world = giving_up_after(direct(4), 5 * HOUR);
        always(&mut world, "example.test", 1_000, &does);
        for chunk in 0..2 {
            world.file_from(
                "example.test",
                "example.test",
                500 * chunk..500 * (chunk + 1),
            );
        }
        world.change(CampaignChange::Seal);
        world.run(4 * HOUR);
        assert_eq!(world.tally()[DeliveryState::Expired], 0, "{does:?}");
        assert!(world.mails.len() < 30, "{} mails", world.mails.len());
        world.run(3 * HOUR);
        check_expired(&world, 1_000);
        let unusual = "421 4.7.28 Gmail has detected an unusual rate of email";
        let asked = all(&world).filter(|text| text.contains(unusual)).count();
        assert!(asked > 0, "{does:?}");
    }
}

#[test]
fn a_suspended_route_keeps_no_campaign_open() {
    let mut world = giving_up_after(World::settings(), 5 * HOUR);
    always(&mut world, "example.test", 300, &Does::SayAtRcpt(BLOCKED));
    world.file("example.test", 300, false);
    world.change(CampaignChange::Seal);
    world.run(4 * HOUR);
    let open = world.tally().open();
    assert!(open > 290, "{open} are left");
    world.run(4 * HOUR);
    assert_eq!(world.tally().open(), 0, "{:?}", world.tally());
    assert_eq!(world.state(), CampaignState::Finished);
}

#[test]
fn a_short_rest_expires_nobody_of_a_list_that_is_sent_slowly() {
    let mut settings = direct(4);
    let limit = DomainLimit {
        rate: Some("1/s".parse().unwrap()),
        connections_max: 4,
    };
    let domain = "example.test".parse().unwrap();
    settings.limits.domains.insert(domain, limit);
    let mut world = giving_up_after(settings, 3 * MINUTE);
    world.will("400@example.test", [Does::SayAtRcpt(RATE)]);
    world.file_from("example.test", "example.test", 0..500);
    world.change(CampaignChange::Seal);
    world.run(30 * MINUTE);
    assert_eq!(
        world.tally()[DeliveryState::Delivered],
        500,
        "{:?}",
        world.tally()
    );
}

#[test]
fn a_pause_expires_nobody_however_long_it_is() {
    let mut world = giving_up_after(World::settings(), 10 * MINUTE);
    world.will("0@example.test", [Does::RefuseAtRcpt(451)]);
    world.file("example.test", 1, false);
    world.run(Duration::from_secs(1));
    assert_eq!(world.receipt(0).state, DeliveryState::Deferred);
    world.change(CampaignChange::Pause);
    world.run(100 * HOUR);
    world.change(CampaignChange::Resume);
    world.run(MINUTE);
    assert_eq!(world.receipt(0).state, DeliveryState::Delivered);
}

#[test]
fn who_is_deferred_for_ever_expires_at_the_age_after_the_last_resume() {
    let mut world = giving_up_after(World::settings(), 10 * MINUTE);
    world.will(
        "0@example.test",
        repeat_n(Does::RefuseAtRcpt(451), 1_000_000),
    );
    world.file("example.test", 1, false);
    world.run(9 * MINUTE);
    world.change(CampaignChange::Pause);
    world.run(HOUR);
    world.change(CampaignChange::Resume);
    // What runs already is not started anew by saying so again.
    for _ in 0..3 {
        world.run(3 * MINUTE);
        assert_eq!(world.receipt(0).state, DeliveryState::Deferred);
        world.change(CampaignChange::Resume);
    }
    world.run(20 * MINUTE);
    let receipt = world.receipt(0);
    assert_eq!(receipt.state, DeliveryState::Expired);
    let why = receipt.reply.unwrap();
    assert_eq!(
        (why.code, why.text.as_str()),
        (0, "older than the give-up age; last: 451 no")
    );
}

#[test]
fn a_pause_does_not_count_for_who_waits_for_a_site_either() {
    let mut world = giving_up_after(World::settings(), 10 * MINUTE);
    world.unreachable_until = world.now.plus(HOUR + 11 * MINUTE);
    world.file("example.test", 500, false);
    world.run(5 * MINUTE);
    world.change(CampaignChange::Pause);
    world.run(HOUR);
    world.change(CampaignChange::Resume);
    world.run(30 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Delivered], 500);
}

#[test]
fn what_is_in_doubt_is_sent_once_more_by_policy_whatever_the_give_up_age() {
    let mut world = giving_up_after(World::settings(), MINUTE);
    world.running_with(InDoubtPolicy::Retry);
    world.will("0@example.test", [Does::AcceptAndLose]);
    world.file("example.test", 1, false);
    world.run(HOUR);
    let receipt = world.receipt(0);
    assert_eq!(
        (receipt.state, receipt.attempts),
        (DeliveryState::Delivered, 2)
    );
    assert_eq!(receipt.retries_in_doubt, 1);
}
