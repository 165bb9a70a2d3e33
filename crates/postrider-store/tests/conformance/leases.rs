//! The end of a lease, and claiming again.

use std::time::Duration;

use postrider_store::{Claimed, Filing, Refused, Reply, Request};
use postrider_types::{LaneName, Outcome, RecipientId, Timestamp};

use crate::requests::end_request;
use crate::world::{DONE, World, address, lane, numbers, refused};

scenes! {
    a_lease_does_not_end_while_an_attempt_has_no_outcome,
    an_untouched_chunk_goes_back_as_it_was,
    who_is_not_named_goes_to_the_tail_of_the_lane,
    each_waits_where_and_until_when_its_filing_says,
    no_filing_is_earlier_than_the_next_attempt,
    a_filing_of_who_is_done_is_nothing,
    a_lease_that_ended_is_not_ended_again,
    a_lease_may_be_ended_after_its_time,
    a_claim_is_answered_twice_with_the_same_chunk,
    claims_of_different_workers_are_different_claims,
    tokens_only_grow,
    variables_and_addresses_come_back_as_they_were,
}

fn filing(recipient: u32, lane_name: &str, due_at: Timestamp) -> Filing {
    Filing {
        recipient: RecipientId(recipient),
        lane: lane(lane_name),
        due_at,
    }
}

fn a_lease_does_not_end_while_an_attempt_has_no_outcome(world: &mut World) {
    world.running("example.test", 2);
    let held = world.claim();
    world.begin(&held, 1);
    let reply = world.end(held.token, vec![filing(0, "example.test", world.now)]);
    assert_eq!(refused(&reply), &Refused::StillAttempting);
    world.record(&held, 1, Outcome::Delivered);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
}

fn an_untouched_chunk_goes_back_as_it_was(world: &mut World) {
    world.running("example.test", 3);
    let held = world.claim();
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    let again = world.claim();
    assert_eq!(again.chunk, held.chunk);
    assert_eq!(again.recipients, held.recipients);
    assert!(again.token > held.token);
}

fn who_is_not_named_goes_to_the_tail_of_the_lane(world: &mut World) {
    let campaign = world.running("example.test", 3);
    let held = world.claim();
    world.deliver(&held, 1);
    world.pass(Duration::from_secs(1));
    world.file(campaign, "example.test", 1);
    world.pass(Duration::from_secs(1));
    world.end(held.token, Vec::new());
    assert_eq!(numbers(&world.claim().recipients), [3]);
    let rest = world.claim();
    assert_eq!(numbers(&rest.recipients), [0, 2]);
    assert_ne!(rest.chunk, held.chunk);
    assert_eq!(world.idle(), None);
}

fn each_waits_where_and_until_when_its_filing_says(world: &mut World) {
    world.running("tail-07", 5);
    let held = world.claim();
    let soon = world.in_seconds(1);
    let late = world.in_seconds(60);
    let filings = vec![
        filing(0, "own.test", soon),
        filing(1, "tail-07", late),
        filing(2, "own.test", soon),
        filing(3, "tail-07", world.now),
        filing(4, "tail-07", Timestamp::NEVER),
    ];
    assert_eq!(world.end(held.token, filings), DONE);
    let claims = |world: &mut World| -> (LaneName, Vec<u32>) {
        let held = world.claim();
        (held.lane, numbers(&held.recipients))
    };
    assert_eq!(claims(world), (lane("tail-07"), vec![3]));
    assert_eq!(world.idle(), Some(soon));
    world.pass(Duration::from_secs(1));
    assert_eq!(claims(world), (lane("own.test"), vec![0, 2]));
    assert_eq!(world.idle(), Some(late));
    world.pass(Duration::from_secs(59));
    assert_eq!(claims(world), (lane("tail-07"), vec![1]));
    // Not until somebody changes something.
    assert_eq!(world.idle(), None);
    world.ask(Request::Wake);
    assert_eq!(claims(world), (lane("tail-07"), vec![4]));
}

fn no_filing_is_earlier_than_the_next_attempt(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    let next_attempt_at = world.in_seconds(20);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    world.end(
        held.token,
        vec![filing(0, "example.test", world.in_seconds(5))],
    );
    assert_eq!(world.idle(), Some(next_attempt_at));
}

fn a_filing_of_who_is_done_is_nothing(world: &mut World) {
    world.sealed("example.test", 1);
    let held = world.claim();
    world.deliver(&held, 0);
    let filings = vec![
        filing(0, "example.test", world.now),
        filing(9, "x.test", world.now),
    ];
    assert_eq!(world.end(held.token, filings), DONE);
    assert_eq!(world.idle(), None);
}

fn a_lease_that_ended_is_not_ended_again(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.end(held.token, Vec::new());
    let mut again = end_request(held.token, vec![filing(0, "else.test", world.now)]);
    if let Request::End { throttle, .. } = &mut again {
        *throttle = Some((lane("example.test"), Timestamp::NEVER));
    }
    assert_eq!(refused(&world.ask(again)), &Refused::LeaseOver);
    assert_eq!(world.claim().lane, lane("example.test"));
}

fn a_lease_may_be_ended_after_its_time(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.pass(2 * crate::world::LEASE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    world.reap(world.now);
    assert_eq!(numbers(&world.claim().recipients), [0]);
}

fn a_claim_is_answered_twice_with_the_same_chunk(world: &mut World) {
    let campaign = world.running("example.test", 1);
    world.file(campaign, "example.test", 1);
    let request = world.claim_request(&[]);
    let first = world.ask_once(request.clone());
    world.pass(Duration::from_secs(1));
    assert_eq!(world.ask_once(request), first);
    let Reply::Claimed(first) = first else {
        panic!("{first:?}")
    };
    assert_eq!(numbers(&first.recipients), [0]);
    assert_eq!(numbers(&world.claim().recipients), [1]);
}

fn claims_of_different_workers_are_different_claims(world: &mut World) {
    let campaign = world.running("example.test", 1);
    world.file(campaign, "example.test", 1);
    let mut request = world.claim_request(&[]);
    let Reply::Claimed(one) = world.ask(request.clone()) else {
        panic!()
    };
    if let Request::Claim { worker, .. } = &mut request {
        worker.0 -= 1;
    }
    let Reply::Claimed(two) = world.ask(request) else {
        panic!()
    };
    assert_ne!(one.chunk, two.chunk);
}

fn tokens_only_grow(world: &mut World) {
    world.running("example.test", 1);
    let mut tokens = Vec::new();
    for _ in 0..5 {
        let held: Claimed = world.claim();
        tokens.push(held.token);
        world.end(held.token, Vec::new());
        world.reopen();
    }
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

fn variables_and_addresses_come_back_as_they_were(world: &mut World) {
    let campaign = world.running("example.test", 1);
    world.file(campaign, "example.test", 2);
    world.claim();
    let held = world.claim();
    assert_eq!(numbers(&held.recipients), [1, 2]);
    assert_eq!(held.recipients[1].address, address(1));
    assert_eq!(held.recipients[1].variables.as_json(), "{\"n\":1}");
    assert_eq!(
        held.started_at,
        world.campaign(campaign).started_at.unwrap()
    );
}
