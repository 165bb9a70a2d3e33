//! In doubt: how a delivery comes to it, and how the truth settles it late.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Refused};
use postrider_types::{CampaignId, CampaignState, DeliveryState, Outcome, Timestamp};

use crate::requests::{begin_request, record_request};
use crate::world::{DONE, LEASE, World, delivery, numbers, refused};

scenes! {
    a_lost_worker_leaves_in_doubt_what_it_began_and_nothing_else,
    what_a_lost_worker_had_goes_behind_what_waits,
    a_live_lease_is_not_reaped,
    reaping_is_done_in_steps,
    a_late_delivery_settles_the_doubt,
    a_late_bounce_settles_the_doubt,
    a_late_deferral_settles_the_doubt_and_waits,
    a_late_return_settles_the_doubt_at_once,
    only_the_lease_that_began_it_settles_a_doubt,
    a_doubt_of_a_worker_that_lives_is_settled_by_it,
    what_is_in_doubt_is_not_begun_again,
    a_refusal_that_settles_a_doubt_under_a_live_lease_is_held_once,
    a_late_refusal_reopens_a_finished_campaign,
    a_late_refusal_of_a_cancelled_campaign_is_cancelled,
    a_late_refusal_of_a_paused_campaign_waits_for_it,
    a_begin_that_comes_again_after_its_return_is_refused,
}

/// A sealed campaign for two, of which the first was begun by a worker that is lost.
fn lost(world: &mut World) -> (CampaignId, Claimed) {
    let campaign = world.sealed("example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.pass(LEASE);
    let now = world.in_seconds(1);
    assert_eq!(world.reap(now), DONE);
    (campaign, held)
}

fn a_lost_worker_leaves_in_doubt_what_it_began_and_nothing_else(world: &mut World) {
    let (campaign, held) = lost(world);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    assert_eq!(world.state(&held, 1), DeliveryState::Pending);
    let rest = world.claim();
    assert_eq!(numbers(&rest.recipients), [1]);
    world.deliver(&rest, 0);
    world.end(rest.token, Vec::new());
    let campaign = world.campaign(campaign);
    assert_eq!(campaign.state, CampaignState::Finished);
    assert!(campaign.tally.is_incomplete());
}

fn what_a_lost_worker_had_goes_behind_what_waits(world: &mut World) {
    let campaign = world.running("example.test", 1);
    world.claim();
    world.pass(LEASE);
    world.file(campaign, "example.test", 1);
    world.pass(Duration::from_secs(1));
    world.reap(world.now);
    assert_eq!(numbers(&world.claim().recipients), [1]);
    assert_eq!(numbers(&world.claim().recipients), [0]);
}

fn a_live_lease_is_not_reaped(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    let until = world.now.plus(2 * LEASE);
    let extend = |until| postrider_store::Request::Extend {
        token: held.token,
        until,
    };
    assert_eq!(world.ask(extend(until)), DONE);
    // An earlier end is ignored.
    assert_eq!(world.ask(extend(world.now)), DONE);
    world.pass(LEASE);
    let now = world.in_seconds(1);
    world.reap(now);
    assert_eq!(world.begin(&held, 0), DONE);
    world.pass(LEASE);
    assert_eq!(refused(&world.ask(extend(until))), &Refused::LeaseOver);
    assert_eq!(world.state(&held, 0), DeliveryState::Attempting);
    world.reap(Timestamp::NEVER);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    assert_eq!(refused(&world.ask(extend(until))), &Refused::LeaseOver);
}

fn reaping_is_done_in_steps(world: &mut World) {
    let campaign = world.running("example.test", 1);
    let leases = postrider_store::bounds::REAP_LEASES_MAX + 1;
    for _ in 1..leases {
        world.file(campaign, "example.test", 1);
    }
    let held: Vec<_> = (0..leases).map(|_| world.claim()).collect();
    held.iter()
        .for_each(|held| assert_eq!(world.begin(held, 0), DONE));
    let more = postrider_store::Reply::Done { more: true };
    assert_eq!(world.reap(Timestamp::NEVER), more);
    assert_eq!(world.tally(campaign)[DeliveryState::Attempting], 1);
    assert_eq!(world.reap(Timestamp::NEVER), DONE);
    assert_eq!(world.tally(campaign)[DeliveryState::InDoubt], leases as u64);
}

fn a_late_delivery_settles_the_doubt(world: &mut World) {
    let (campaign, held) = lost(world);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Delivered);
    assert_eq!(world.tally(campaign)[DeliveryState::InDoubt], 0);
}

fn a_late_bounce_settles_the_doubt(world: &mut World) {
    let (_, held) = lost(world);
    assert_eq!(world.record(&held, 0, Outcome::Bounced), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Bounced);
}

fn a_late_deferral_settles_the_doubt_and_waits(world: &mut World) {
    let (_, held) = lost(world);
    let rest = world.claim();
    let next_attempt_at = world.in_seconds(30);
    assert_eq!(
        world.record(&held, 0, Outcome::Deferred { next_attempt_at }),
        DONE
    );
    assert_eq!(world.idle(), Some(next_attempt_at));
    world.pass(next_attempt_at.since(world.now));
    let alone = world.claim();
    assert_eq!(numbers(&alone.recipients), [0]);
    assert_eq!(alone.recipients[0].attempts, 1);
    assert_eq!(alone.recipients[0].variables, held.recipients[0].variables);
    world.deliver(&alone, 0);
    assert_eq!(world.state(&rest, 0), DeliveryState::Pending);
}

fn a_late_return_settles_the_doubt_at_once(world: &mut World) {
    let (_, held) = lost(world);
    world.claim();
    assert_eq!(world.record(&held, 0, Outcome::Returned), DONE);
    let alone = world.claim();
    assert_eq!(numbers(&alone.recipients), [0]);
    assert_eq!(alone.recipients[0].attempts, 0);
}

fn only_the_lease_that_began_it_settles_a_doubt(world: &mut World) {
    let (_, held) = lost(world);
    let other = world.claim();
    let mut stranger = held.clone();
    stranger.token = other.token;
    let reply = world.record(&stranger, 0, Outcome::Delivered);
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
    let reply = world.ask(record_request(&held, 0, 2, Outcome::Delivered));
    assert_eq!(refused(&reply), &Refused::LeaseOver);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
}

fn a_doubt_of_a_worker_that_lives_is_settled_by_it(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    assert_eq!(world.record(&held, 0, Outcome::InDoubt), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    // A doubt is never filed by itself.
    assert_eq!(world.idle(), None);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
}

fn what_is_in_doubt_is_not_begun_again(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    for attempt in [1, 2] {
        let state = DeliveryState::InDoubt;
        let reply = world.ask(begin_request(&held, 0, attempt));
        assert_eq!(refused(&reply), &Refused::Delivery { state });
        let reply = world.ask(record_request(&held, 0, 2, Outcome::Bounced));
        assert_eq!(refused(&reply), &Refused::Delivery { state });
    }
}

fn a_refusal_that_settles_a_doubt_under_a_live_lease_is_held_once(world: &mut World) {
    world.running("example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    let next_attempt_at = world.in_seconds(5);
    assert_eq!(
        world.record(&held, 0, Outcome::Deferred { next_attempt_at }),
        DONE
    );
    world.pass(LEASE);
    // Still in the leased chunk, so nothing is due.
    assert_eq!(world.idle(), None);
    world.end(held.token, Vec::new());
    assert_eq!(numbers(&world.claim().recipients), [0, 1]);
    assert_eq!(world.idle(), None);
}

fn a_late_refusal_reopens_a_finished_campaign(world: &mut World) {
    let (campaign, held) = lost(world);
    let rest = world.claim();
    world.deliver(&rest, 0);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
    let next_attempt_at = world.in_seconds(5);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    let reopened = world.campaign(campaign);
    assert_eq!(
        (reopened.state, reopened.ended_at),
        (CampaignState::Running, None)
    );
    world.pass(next_attempt_at.since(world.now));
    let alone = world.claim();
    world.deliver(&alone, 0);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_late_refusal_of_a_cancelled_campaign_is_cancelled(world: &mut World) {
    let (campaign, held) = lost(world);
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&postrider_store::Request::Sweep { campaign });
    let next_attempt_at = world.in_seconds(5);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    assert_eq!(world.state(&held, 0), DeliveryState::Cancelled);
    let log = world.reader().log(held.tenant, 0, 100).unwrap();
    let of_it = log
        .iter()
        .filter(|entry| entry.delivery == delivery(&held, 0));
    let states: Vec<_> = of_it.map(|entry| entry.state.name()).collect();
    assert_eq!(states, ["in_doubt", "deferred", "cancelled"]);
}

fn a_late_refusal_of_a_paused_campaign_waits_for_it(world: &mut World) {
    let (campaign, held) = lost(world);
    world.change(campaign, CampaignChange::Pause);
    world.record(&held, 0, Outcome::Returned);
    assert_eq!(world.idle(), None);
    world.change(campaign, CampaignChange::Resume);
    world.repeat(&postrider_store::Request::Unpark { campaign });
    assert_eq!(
        world.claim().recipients.len() + world.claim().recipients.len(),
        2
    );
}

fn a_begin_that_comes_again_after_its_return_is_refused(world: &mut World) {
    world.sealed("example.test", 1);
    // The first time, and after an attempt that was deferred.
    for attempts in 0..2 {
        let held = world.claim();
        let begin = begin_request(&held, 0, attempts + 1);
        assert_eq!(world.ask(begin.clone()), DONE);
        assert_eq!(world.record(&held, 0, Outcome::Returned), DONE);
        let state = DeliveryState::Pending;
        let reply = world.ask(begin);
        assert_eq!(refused(&reply), &Refused::Delivery { state });
        assert_eq!(world.state(&held, 0), state);
        world.end(held.token, Vec::new());
        // The next lease takes the same number.
        let held = world.claim();
        assert_eq!(world.begin(&held, 0), DONE);
        let next_attempt_at = world.now;
        world.record(&held, 0, Outcome::Deferred { next_attempt_at });
        world.end(held.token, Vec::new());
    }
}
