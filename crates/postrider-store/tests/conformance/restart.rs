//! The process ends at any point, and another one opens the same store.

use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Request};
use postrider_types::{DeliveryState, Outcome, Timestamp};

use crate::requests::{begin_request, record_request};
use crate::resolve::{retry, step};
use crate::world::{DONE, World, numbers, refused};

scenes! {
    an_answer_that_was_lost_is_given_again,
    a_lease_survives_and_is_reaped_at_start,
    what_waits_survives_in_its_place,
    what_is_parked_survives,
    a_throttled_lane_stays_throttled,
    what_was_recorded_after_a_restart_is_counted_once,
    what_a_clock_that_was_ahead_holds_up_is_filed_anew_by_cancel_and_retry,
}

fn an_answer_that_was_lost_is_given_again(world: &mut World) {
    world.running("a.test", 1);
    let claim = world.claim_request(&[]);
    let lost = world.ask_once(claim.clone());
    world.reopen();
    assert_eq!(world.ask_once(claim), lost);
    let postrider_store::Reply::Claimed(held) = lost else {
        panic!("{lost:?}")
    };
    for request in [
        begin_request(&held, 0, 1),
        record_request(&held, 0, 1, Outcome::Delivered),
    ] {
        assert_eq!(world.ask_once(request.clone()), DONE);
        world.reopen();
        assert_eq!(world.ask(request), DONE);
    }
}

fn a_lease_survives_and_is_reaped_at_start(world: &mut World) {
    world.running("a.test", 3);
    let held = world.claim();
    world.deliver(&held, 0);
    world.begin(&held, 1);
    world.reopen();
    // The lease itself is as good as before.
    assert_eq!(world.begin(&held, 2), DONE);
    assert_eq!(world.record(&held, 2, Outcome::Returned), DONE);
    // But at start-up no worker of an earlier process can live.
    assert_eq!(world.reap(Timestamp::NEVER), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Delivered);
    assert_eq!(world.state(&held, 1), DeliveryState::InDoubt);
    assert_eq!(refused(&world.begin(&held, 2)), &Refused::LeaseOver);
    assert_eq!(numbers(&world.claim().recipients), [2]);
}

fn what_waits_survives_in_its_place(world: &mut World) {
    let campaign = world.running("a.test", 1);
    world.file(campaign, "a.test", 1);
    world.file(campaign, "b.test", 1);
    world.claim();
    world.reopen();
    assert_eq!(numbers(&world.claim().recipients), [2]);
    assert_eq!(numbers(&world.claim().recipients), [1]);
}

fn what_is_parked_survives(world: &mut World) {
    let campaign = world.running("a.test", 1);
    world.change(campaign, CampaignChange::Pause);
    assert_eq!(world.idle(), None);
    world.reopen();
    world.change(campaign, CampaignChange::Resume);
    world.reopen();
    assert_eq!(world.ask(Request::Unpark { campaign }), DONE);
    assert_eq!(numbers(&world.claim().recipients), [0]);
}

fn a_throttled_lane_stays_throttled(world: &mut World) {
    world.running("a.test", 1);
    let held = world.claim();
    let until = world.in_seconds(99);
    world.ask(Request::End {
        token: held.token,
        filings: Vec::new(),
        throttle: Some((held.lane, until)),
    });
    world.reopen();
    assert_eq!(world.idle(), Some(until));
}

fn what_was_recorded_after_a_restart_is_counted_once(world: &mut World) {
    let campaign = world.sealed("a.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.reopen();
    world.reap(Timestamp::NEVER);
    world.record(&held, 0, Outcome::Delivered);
    world.reopen();
    world.record(&held, 0, Outcome::Delivered);
    assert_eq!(world.tally(campaign)[DeliveryState::Delivered], 1);
    assert_eq!(world.reader().log(held.tenant, 0, 9).unwrap().len(), 2);
}

fn what_a_clock_that_was_ahead_holds_up_is_filed_anew_by_cancel_and_retry(world: &mut World) {
    let right = world.now;
    world.pass(std::time::Duration::from_secs(86_400));
    let ahead = world.now;
    let campaign = world.running("a.test", 2);
    world.reopen();
    world.now = right;
    assert_eq!(world.ask(Request::Wake), DONE);
    assert_eq!(world.idle(), Some(ahead));
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&Request::Sweep { campaign });
    let again = retry(campaign, &[DeliveryState::Cancelled]);
    assert_eq!(world.ask_once(again), step(2, 0));
    assert_eq!(numbers(&world.claim().recipients), [0, 1]);
}
