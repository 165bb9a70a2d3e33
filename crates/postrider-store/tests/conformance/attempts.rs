//! The edges of the state diagram that a worker with a live lease walks along.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Reply, Request};
use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{CampaignState, DeliveryState, Outcome};

use crate::requests::{begin_request, record_request};
use crate::world::{DONE, World, delivery, refused};

scenes! {
    a_delivered_message_ends_its_delivery_and_its_campaign,
    a_transient_refusal_before_the_dot_needs_no_begin,
    a_permanent_refusal_before_the_dot_needs_no_begin,
    a_transient_refusal_of_the_dot_waits_until_its_next_attempt,
    a_permanent_refusal_of_the_dot_bounces,
    a_returned_attempt_is_not_charged,
    giving_up_is_no_attempt,
    an_expired_receipt_says_what_was_said_last,
    only_a_begun_attempt_can_be_delivered_in_doubt_or_returned,
    nothing_begins_twice,
    nothing_begins_under_a_wrong_number,
    nothing_begins_under_a_lease_that_ran_out,
    nothing_begins_under_a_lease_that_was_ended,
    nothing_begins_outside_the_leased_chunk,
    nothing_begins_while_the_campaign_does_not_run,
    what_ended_is_not_begun_again,
    an_outcome_outlives_the_time_of_its_lease,
    an_attempt_number_is_settled_once,
}

fn a_delivered_message_ends_its_delivery_and_its_campaign(world: &mut World) {
    let campaign = world.sealed("example.test", 1);
    let held = world.claim();
    assert_eq!(world.begin(&held, 0), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Attempting);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.state, DeliveryState::Delivered);
    assert_eq!((receipt.attempts, receipt.at), (1, world.now));
    assert_eq!(
        receipt.reply.unwrap().to_string(),
        "250 2.0.0 taken as 4711"
    );
    let ended = world.campaign(campaign);
    assert_eq!(
        (ended.state, ended.ended_at),
        (CampaignState::Finished, Some(world.now))
    );
    assert_eq!(world.end(held.token, Vec::new()), DONE);
}

fn a_transient_refusal_before_the_dot_needs_no_begin(world: &mut World) {
    world.sealed("example.test", 1);
    let held = world.claim();
    let next_attempt_at = world.in_seconds(30);
    assert_eq!(
        world.record(&held, 0, Outcome::Deferred { next_attempt_at }),
        DONE
    );
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(
        (receipt.state, receipt.attempts),
        (DeliveryState::Deferred, 1)
    );
    assert_eq!(receipt.first_attempt_at, Some(world.now));
    world.end(held.token, Vec::new());
    assert_eq!(world.idle(), Some(next_attempt_at));
    world.pass(Duration::from_secs(29));
    assert_eq!(world.idle(), Some(next_attempt_at));
    world.pass(Duration::from_secs(1));
    let held = world.claim();
    assert_eq!(held.recipients[0].attempts, 1);
    assert_eq!(
        held.recipients[0].first_attempt_at,
        receipt.first_attempt_at
    );
    world.deliver(&held, 0);
}

fn a_permanent_refusal_before_the_dot_needs_no_begin(world: &mut World) {
    let campaign = world.sealed("example.test", 1);
    let held = world.claim();
    assert_eq!(world.record(&held, 0, Outcome::Bounced), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(
        (receipt.state, receipt.attempts),
        (DeliveryState::Bounced, 1)
    );
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
    assert!(world.tally(campaign).is_incomplete());
}

fn a_transient_refusal_of_the_dot_waits_until_its_next_attempt(world: &mut World) {
    world.sealed("example.test", 1);
    let held = world.claim();
    let next_attempt_at = world.in_seconds(15);
    world.begin(&held, 0);
    assert_eq!(
        world.record(&held, 0, Outcome::Deferred { next_attempt_at }),
        DONE
    );
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.next_attempt_at, Some(next_attempt_at));
    world.end(held.token, Vec::new());
    world.pass(Duration::from_secs(15));
    let held = world.claim();
    assert_eq!(world.begin(&held, 0), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!((receipt.attempts, receipt.next_attempt_at), (2, None));
    world.record(&held, 0, Outcome::Delivered);
}

fn a_permanent_refusal_of_the_dot_bounces(world: &mut World) {
    world.sealed("example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    assert_eq!(world.record(&held, 0, Outcome::Bounced), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Bounced);
    assert_eq!(world.state(&held, 1), DeliveryState::Pending);
}

fn a_returned_attempt_is_not_charged(world: &mut World) {
    world.sealed("example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    assert_eq!(world.record(&held, 0, Outcome::Returned), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(
        (receipt.state, receipt.attempts),
        (DeliveryState::Pending, 0)
    );
    // The age counts from the first attempt all the same, also for the next worker.
    let first_attempt_at = receipt.first_attempt_at;
    assert_eq!(first_attempt_at, Some(world.now));
    world.end(held.token, Vec::new());
    world.pass(Duration::from_secs(5));
    let held = world.claim();
    assert_eq!(held.recipients[0].attempts, 0);
    assert_eq!(held.recipients[0].first_attempt_at, first_attempt_at);
    world.deliver(&held, 0);
}

fn giving_up_is_no_attempt(world: &mut World) {
    world.sealed("example.test", 2);
    let held = world.claim();
    assert_eq!(
        world.ask(record_request(&held, 0, 0, Outcome::Expired)),
        DONE
    );
    assert_eq!(
        world.ask(record_request(&held, 1, 0, Outcome::Failed)),
        DONE
    );
    assert_eq!(world.state(&held, 0), DeliveryState::Expired);
    assert_eq!(world.state(&held, 1), DeliveryState::Failed);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!((receipt.attempts, receipt.first_attempt_at), (0, None));
    let log = world.reader().log(held.tenant, 0, 10).unwrap();
    assert_eq!(
        log.iter().map(|entry| entry.attempt).collect::<Vec<_>>(),
        [0, 0]
    );
}

fn an_expired_receipt_says_what_was_said_last(world: &mut World) {
    world.sealed("example.test", 3);
    let held = world.claim();
    for place in 0..2 {
        let next_attempt_at = world.in_seconds(1);
        world.record(&held, place, Outcome::Deferred { next_attempt_at });
    }
    let expired = |place: usize, attempts, last: Option<SmtpReply>| {
        let mut request = record_request(&held, place, attempts, Outcome::Expired);
        if let Request::Record { reply, .. } = &mut request {
            *reply = last;
        }
        request
    };
    let theirs = SmtpReply::new(421, "4.7.28".parse().ok(), "too fast");
    assert_eq!(world.ask(expired(0, 1, None)), DONE);
    assert_eq!(world.ask(expired(1, 1, Some(theirs))), DONE);
    assert_eq!(world.ask(expired(2, 0, None)), DONE);
    for (place, expect) in [
        "older than the give-up age; last: 451 later",
        "older than the give-up age; last: 421 4.7.28 too fast",
        "older than the give-up age",
    ]
    .into_iter()
    .enumerate()
    {
        let reply = world.receipt(delivery(&held, place)).unwrap().reply;
        assert_eq!(reply, Some(SmtpReply::new(0, None, expect)));
    }
}

fn only_a_begun_attempt_can_be_delivered_in_doubt_or_returned(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    for outcome in [Outcome::Delivered, Outcome::InDoubt, Outcome::Returned] {
        let reply = world.record(&held, 0, outcome);
        let state = DeliveryState::Pending;
        assert_eq!(refused(&reply), &Refused::Delivery { state }, "{outcome:?}");
    }
}

fn nothing_begins_twice(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    let reply = world.ask(begin_request(&held, 0, 2));
    let state = DeliveryState::Attempting;
    assert_eq!(refused(&reply), &Refused::Delivery { state });
}

fn nothing_begins_under_a_wrong_number(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    for attempt in [0, 2, u16::MAX] {
        let reply = world.ask(begin_request(&held, 0, attempt));
        let state = DeliveryState::Pending;
        assert_eq!(refused(&reply), &Refused::Delivery { state }, "{attempt}");
        let reply = world.ask(record_request(&held, 0, attempt, Outcome::Bounced));
        assert_eq!(refused(&reply), &Refused::Delivery { state }, "{attempt}");
    }
}

fn nothing_begins_under_a_lease_that_ran_out(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.pass(crate::world::LEASE);
    let reply = world.begin(&held, 0);
    assert_eq!(refused(&reply), &Refused::LeaseOver);
    let reply = world.record(&held, 0, Outcome::Bounced);
    assert_eq!(refused(&reply), &Refused::LeaseOver);
}

fn nothing_begins_under_a_lease_that_was_ended(world: &mut World) {
    world.running("example.test", 1);
    let old = world.claim();
    world.end(old.token, Vec::new());
    let reply = world.begin(&old, 0);
    assert_eq!(refused(&reply), &Refused::LeaseOver);
    let new = world.claim();
    assert!(new.token > old.token);
    assert_eq!(refused(&world.begin(&old, 0)), &Refused::LeaseOver);
    assert_eq!(world.begin(&new, 0), DONE);
    // An outcome under the older token is stale, whatever it says.
    let reply = world.record(&old, 0, Outcome::Delivered);
    assert_eq!(refused(&reply), &Refused::LeaseOver);
    assert_eq!(world.state(&new, 0), DeliveryState::Attempting);
}

fn nothing_begins_outside_the_leased_chunk(world: &mut World) {
    let campaign = world.running("one.test", 1);
    world.file(campaign, "two.test", 1);
    let one = world.claim();
    let mut two = world.claim();
    two.token = one.token;
    assert!(matches!(
        refused(&world.begin(&two, 0)),
        Refused::Malformed(_)
    ));
    let reply = world.record(&two, 0, Outcome::Bounced);
    assert!(matches!(refused(&reply), Refused::Malformed(_)));
}

fn nothing_begins_while_the_campaign_does_not_run(world: &mut World) {
    let campaign = world.running("example.test", 2);
    let held = world.claim();
    world.change(campaign, CampaignChange::Pause);
    let state = CampaignState::Paused;
    assert_eq!(
        refused(&world.begin(&held, 0)),
        &Refused::Campaign { state }
    );
    world.change(campaign, CampaignChange::Resume);
    assert_eq!(world.begin(&held, 0), DONE);
    world.change(campaign, CampaignChange::Cancel);
    let state = CampaignState::Cancelled;
    assert_eq!(
        refused(&world.begin(&held, 1)),
        &Refused::Campaign { state }
    );
    // What had begun is settled by its outcome.
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(world.state(&held, 1), DeliveryState::Cancelled);
}

fn what_ended_is_not_begun_again(world: &mut World) {
    world.running("example.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    world.record(&held, 1, Outcome::Bounced);
    for (place, state) in [(0, DeliveryState::Delivered), (1, DeliveryState::Bounced)] {
        for attempt in [1, 2] {
            let reply = world.ask(begin_request(&held, place, attempt));
            assert_eq!(refused(&reply), &Refused::Delivery { state });
        }
        let reply = world.ask(record_request(&held, place, 2, Outcome::Bounced));
        assert_eq!(refused(&reply), &Refused::Delivery { state });
    }
}

fn an_outcome_outlives_the_time_of_its_lease(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.pass(2 * crate::world::LEASE);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
}

fn an_attempt_number_is_settled_once(world: &mut World) {
    world.running("example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    let next_attempt_at = world.in_seconds(1);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    let reply = world.record(&held, 0, Outcome::Delivered);
    let state = DeliveryState::Deferred;
    assert_eq!(reply, Reply::Refused(Refused::Delivery { state }));
}
