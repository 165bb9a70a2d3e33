//! The schedule: turns, waits and wake-ups of lanes.

use std::time::Duration;

use postrider_store::bounds::CLAIM_STEPS_MAX;
use postrider_store::{Reply, Request, Share};
use postrider_types::{LeaseToken, Timestamp};

use crate::world::{DONE, World, lane, numbers};

scenes! {
    lanes_take_turns,
    a_long_lane_delays_no_other,
    a_lane_that_is_skipped_keeps_its_turn,
    in_a_lane_what_is_due_first_goes_first,
    a_throttled_lane_waits_and_no_other_does,
    a_closed_lane_waits_for_a_change_of_limits,
    waking_forgets_the_waits_of_limits_only,
    a_throttled_lane_holds_what_is_filed_into_it,
    an_earlier_wait_brings_the_wake_up_forward,
    a_claim_stops_after_a_bounded_number_of_steps,
    more_lanes_than_one_claim_wakes_are_all_served,
    a_worker_claims_from_its_share_and_others_from_theirs,
}

fn throttle(world: &mut World, token: LeaseToken, name: &str, until: Timestamp) {
    let request = Request::End {
        token,
        filings: Vec::new(),
        throttle: Some((lane(name), until)),
    };
    assert_eq!(world.ask(request), DONE);
}

fn claimed_lane(world: &mut World) -> String {
    world.claim().lane.to_string()
}

fn a_worker_claims_from_its_share_and_others_from_theirs(world: &mut World) {
    let campaign = world.running("l0.test", 1);
    for n in 1..8 {
        world.file(campaign, &format!("l{n}.test"), 1);
    }
    let mut claimed = Vec::new();
    for number in 0..2 {
        let own = Share::new(number, 2).unwrap();
        loop {
            let mut request = world.claim_request(&[]);
            if let Request::Claim { share, .. } = &mut request {
                *share = own;
            }
            let Reply::Claimed(held) = world.ask(request) else {
                break;
            };
            assert!(own.has(&held.lane), "{}", held.lane);
            claimed.push(held.lane.to_string());
        }
        assert!(claimed.len() % 8 > 0 || number == 1, "one worker has all");
    }
    claimed.sort_unstable();
    let all: Vec<_> = (0..8).map(|n| format!("l{n}.test")).collect();
    assert_eq!(claimed, all);
}

fn lanes_take_turns(world: &mut World) {
    let campaign = world.running("a.test", 1);
    for name in ["a.test", "a.test", "b.test", "c.test", "b.test"] {
        world.file(campaign, name, 1);
    }
    let turns: Vec<_> = (0..6).map(|_| claimed_lane(world)).collect();
    assert_eq!(
        turns,
        ["a.test", "b.test", "c.test", "a.test", "b.test", "a.test"]
    );
    assert_eq!(world.idle(), None);
}

fn a_long_lane_delays_no_other(world: &mut World) {
    let campaign = world.running("long.test", 1);
    for _ in 0..50 {
        world.ask_once(crate::requests::file_request(campaign, "long.test", 1));
    }
    world.claim();
    world.file(campaign, "short.test", 1);
    let next: Vec<_> = (0..2).map(|_| claimed_lane(world)).collect();
    assert!(next.contains(&"short.test".to_owned()), "{next:?}");
}

fn a_lane_that_is_skipped_keeps_its_turn(world: &mut World) {
    let campaign = world.running("a.test", 1);
    world.file(campaign, "b.test", 1);
    let request = world.claim_request(&["a.test"]);
    let Reply::Claimed(held) = world.ask(request) else {
        panic!()
    };
    assert_eq!(held.lane, lane("b.test"));
    let request = world.claim_request(&["a.test"]);
    assert_eq!(world.ask(request), Reply::Idle { next_at: None });
    assert_eq!(claimed_lane(world), "a.test");
}

fn in_a_lane_what_is_due_first_goes_first(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    let due_at = world.in_seconds(10);
    let filings = held
        .recipients
        .iter()
        .rev()
        .enumerate()
        .map(|(n, r)| postrider_store::Filing {
            recipient: r.recipient,
            lane: held.lane.clone(),
            due_at: due_at.plus(Duration::from_secs(n as u64)),
        });
    world.end(held.token, filings.collect());
    world.pass(Duration::from_secs(9));
    world.file(campaign, "a.test", 1);
    world.pass(Duration::from_secs(9));
    let order: Vec<_> = (0..3)
        .flat_map(|_| numbers(&world.claim().recipients))
        .collect();
    assert_eq!(order, [2, 1, 0]);
}

fn a_throttled_lane_waits_and_no_other_does(world: &mut World) {
    let campaign = world.running("slow.test", 1);
    world.file(campaign, "slow.test", 1);
    world.file(campaign, "fast.test", 1);
    let held = world.claim();
    let until = world.in_seconds(30);
    throttle(world, held.token, "slow.test", until);
    assert_eq!(claimed_lane(world), "fast.test");
    assert_eq!(world.idle(), Some(until));
    let shapes = world.reader().lanes(9).unwrap();
    assert_eq!((shapes[0].chunks, shapes[0].not_until), (2, until));
    world.pass(Duration::from_secs(30));
    assert_eq!(claimed_lane(world), "slow.test");
    assert_eq!(claimed_lane(world), "slow.test");
}

fn a_closed_lane_waits_for_a_change_of_limits(world: &mut World) {
    world.running("closed.test", 1);
    let held = world.claim();
    throttle(world, held.token, "closed.test", Timestamp::NEVER);
    world.pass(Duration::from_secs(1_000_000));
    assert_eq!(world.idle(), None);
    assert_eq!(world.ask(Request::Wake), DONE);
    assert_eq!(claimed_lane(world), "closed.test");
}

fn waking_forgets_the_waits_of_limits_only(world: &mut World) {
    world.running("a.test", 1);
    let held = world.claim();
    let next_attempt_at = world.in_seconds(60);
    let deferred = postrider_types::Outcome::Deferred { next_attempt_at };
    world.record(&held, 0, deferred);
    throttle(world, held.token, "a.test", Timestamp::NEVER);
    world.ask(Request::Wake);
    assert_eq!(world.idle(), Some(next_attempt_at));
}

fn a_throttled_lane_holds_what_is_filed_into_it(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.deliver(&held, 0);
    let until = world.in_seconds(30);
    throttle(world, held.token, "a.test", until);
    world.file(campaign, "a.test", 1);
    assert_eq!(world.idle(), Some(until));
    world.pass(Duration::from_secs(30));
    assert_eq!(numbers(&world.claim().recipients), [1]);
}

fn an_earlier_wait_brings_the_wake_up_forward(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    let next_attempt_at = world.in_seconds(60);
    let deferred = postrider_types::Outcome::Deferred { next_attempt_at };
    world.record(&held, 0, deferred);
    world.end(held.token, Vec::new());
    assert_eq!(world.idle(), Some(next_attempt_at));
    world.file(campaign, "a.test", 1);
    assert_eq!(numbers(&world.claim().recipients), [1]);
    assert_eq!(world.idle(), Some(next_attempt_at));
}

fn a_claim_stops_after_a_bounded_number_of_steps(world: &mut World) {
    let campaign = world.running("a.test", 1);
    for _ in 0..CLAIM_STEPS_MAX {
        world.ask_once(crate::requests::file_request(campaign, "a.test", 1));
    }
    world.change(campaign, postrider_store::request::CampaignChange::Pause);
    let request = world.claim_request(&[]);
    let next_at = Some(world.now);
    assert_eq!(world.ask_once(request), Reply::Idle { next_at });
    assert_eq!(world.idle(), None);
}

fn more_lanes_than_one_claim_wakes_are_all_served(world: &mut World) {
    let campaign = world.running("a-0.test", 1);
    let lanes = CLAIM_STEPS_MAX + 6;
    for n in 1..lanes {
        world.ask_once(crate::requests::file_request(
            campaign,
            &format!("a-{n}.test"),
            1,
        ));
    }
    for _ in 0..lanes {
        let request = world.claim_request(&[]);
        let Reply::Claimed(held) = world.ask_once(request) else {
            panic!()
        };
        let name = held.lane.to_string();
        let until = world.in_seconds(5);
        throttle(world, held.token, &name, until);
    }
    world.pass(Duration::from_secs(5));
    for _ in 0..lanes {
        let request = world.claim_request(&[]);
        assert!(matches!(world.ask_once(request), Reply::Claimed(_)));
    }
}
