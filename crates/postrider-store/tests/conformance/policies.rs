//! What each policy makes of a doubt, and what the late truth says to that.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Refused, Reply, Request};
use postrider_types::{
    CampaignId, CampaignState, DeliveryState, InDoubtPolicy, Outcome, Timestamp,
};

use crate::requests::record_request;
use crate::world::{DONE, LEASE, RETRY_AFTER, World, delivery, numbers, refused};

scenes! {
    hold_leaves_a_doubt_to_people,
    retry_waits_and_sends_once_more_under_the_next_number,
    a_cancelled_campaign_sends_nothing_again_when_some_of_it_is_retried,
    what_is_sent_again_by_policy_is_as_old_as_that_try,
    retry_keeps_its_time_over_a_restart,
    retry_leaves_a_doubt_to_people_when_it_was_sent_again_often_enough,
    a_campaign_that_retries_is_not_finished_while_anything_is_in_doubt,
    a_doubt_that_is_settled_early_is_not_sent_again,
    a_late_refusal_settles_a_doubt_that_waits_for_its_retry,
    a_late_delivery_ends_what_retry_made_pending,
    a_late_delivery_ends_what_retry_deferred,
    a_late_delivery_during_the_next_attempt_is_a_possible_duplicate,
    a_late_delivery_after_the_next_is_a_possible_duplicate,
    a_late_delivery_after_the_next_was_refused_is_none,
    a_late_refusal_of_the_next_leaves_the_first_to_be_settled,
    another_late_outcome_changes_nothing_in_what_goes_on,
    what_waits_for_its_retry_is_not_held_by_its_old_lease,
    a_paused_campaign_retries_when_it_runs_again,
    a_cancelled_campaign_retries_nothing,
    assume_delivered_counts_a_doubt_as_delivered_and_logs_both,
    a_late_refusal_replaces_what_was_assumed,
    a_late_delivery_confirms_what_was_assumed,
}

/// A sealed campaign for one, begun by a worker that is lost.
fn lost(world: &mut World, policy: InDoubtPolicy) -> (CampaignId, Claimed) {
    let campaign = world.running_with(policy, "example.test", 1);
    world.change(campaign, CampaignChange::Seal);
    let held = world.claim();
    world.begin(&held, 0);
    world.pass(LEASE);
    world.pass(LEASE);
    world.reap(world.now);
    (campaign, held)
}

/// The same, and claimed again by the policy `retry`.
fn taken_up(world: &mut World) -> (CampaignId, Claimed, Claimed) {
    let (campaign, held) = lost(world, InDoubtPolicy::Retry);
    world.pass(RETRY_AFTER);
    let again = world.claim();
    (campaign, held, again)
}

fn states(world: &World, held: &Claimed) -> Vec<&'static str> {
    let log = world.reader().log(held.tenant, 0, 100).unwrap();
    let of_it = log.iter().filter(|e| e.delivery == delivery(held, 0));
    of_it.map(|entry| entry.state.name()).collect()
}

fn hold_leaves_a_doubt_to_people(world: &mut World) {
    let (campaign, held) = lost(world, InDoubtPolicy::Hold);
    assert_eq!(world.idle(), None);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn retry_waits_and_sends_once_more_under_the_next_number(world: &mut World) {
    let (campaign, held) = lost(world, InDoubtPolicy::Retry);
    assert_eq!(world.idle(), Some(world.now.plus(RETRY_AFTER)));
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    world.pass(RETRY_AFTER);
    let again = world.claim();
    // What makes the message, and so its Message-ID, is the same.
    assert_eq!(again.campaign, held.campaign);
    assert_eq!(again.started_at, held.started_at);
    assert_eq!(again.recipients[0].recipient, held.recipients[0].recipient);
    assert_eq!(again.recipients[0].address, held.recipients[0].address);
    assert_eq!(again.recipients[0].variables, held.recipients[0].variables);
    assert_eq!(again.recipients[0].attempts, 1);
    assert_eq!(world.state(&held, 0), DeliveryState::Pending);
    world.deliver(&again, 0);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert!(receipt.is_retried_in_doubt() && !receipt.is_possible_duplicate);
    assert_eq!(receipt.attempts, 2);
    assert_eq!(states(world, &held), ["in_doubt", "pending", "delivered"]);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_cancelled_campaign_sends_nothing_again_when_some_of_it_is_retried(world: &mut World) {
    let campaign = world.running_with(InDoubtPolicy::Retry, "a.test", 2);
    world.change(campaign, CampaignChange::Seal);
    let held = world.claim();
    world.begin(&held, 0);
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&Request::Sweep { campaign });
    world.reap(Timestamp::NEVER);
    world.resolve_all(campaign, DeliveryState::Cancelled, "retry");
    let again = world.claim();
    assert_eq!(again.recipients.len(), 1);
    world.deliver(&again, 0);
    world.pass(Duration::from_secs(99_999));
    assert_eq!(world.idle(), None);
    let tally = world.tally(campaign);
    assert_eq!((tally[DeliveryState::InDoubt], tally.open()), (1, 0));
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn what_is_sent_again_by_policy_is_as_old_as_that_try(world: &mut World) {
    let (_, held) = lost(world, InDoubtPolicy::Retry);
    let of_the_doubt = world.receipt(delivery(&held, 0)).unwrap();
    assert!(of_the_doubt.first_attempt_at.is_some());
    world.pass(RETRY_AFTER);
    let request = world.claim_request(&[]);
    let replies = [world.ask_once(request.clone()), world.ask_once(request)];
    let [Reply::Claimed(again), Reply::Claimed(repeated)] = replies else {
        panic!("nothing to claim: {replies:?}");
    };
    assert_eq!(repeated, again, "also when the answer was lost");
    let recipient = &again.recipients[0];
    assert_eq!((recipient.attempts, recipient.first_attempt_at), (1, None));
    world.begin(&again, 0);
    let next_attempt_at = world.in_seconds(5);
    world.record(&again, 0, Outcome::Deferred { next_attempt_at });
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.first_attempt_at, Some(world.now));
    // The doubt stays in sight.
    assert!(receipt.is_retried_in_doubt() && receipt.doubt.is_some_and(|d| !d.is_settled));
}

fn retry_keeps_its_time_over_a_restart(world: &mut World) {
    lost(world, InDoubtPolicy::Retry);
    let due_at = world.now.plus(RETRY_AFTER);
    world.reopen();
    assert_eq!(world.idle(), Some(due_at));
}

fn retry_leaves_a_doubt_to_people_when_it_was_sent_again_often_enough(world: &mut World) {
    let (_, held) = lost(world, InDoubtPolicy::Retry);
    for _ in 0..postrider_store::bounds::DOUBT_RETRIES_MAX {
        world.pass(RETRY_AFTER);
        let again = world.claim();
        world.begin(&again, 0);
        assert_eq!(world.record(&again, 0, Outcome::InDoubt), DONE);
        world.end(again.token, Vec::new());
    }
    assert_eq!(world.idle(), None);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    world.resolve_all(held.campaign, DeliveryState::InDoubt, "delivered");
}

fn a_campaign_that_retries_is_not_finished_while_anything_is_in_doubt(world: &mut World) {
    let (campaign, held) = lost(world, InDoubtPolicy::Retry);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.record(&held, 0, Outcome::Delivered);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_doubt_that_is_settled_early_is_not_sent_again(world: &mut World) {
    let (_, held) = lost(world, InDoubtPolicy::Retry);
    world.record(&held, 0, Outcome::Delivered);
    world.pass(RETRY_AFTER);
    assert_eq!(world.idle(), None);
    assert_eq!(world.state(&held, 0), DeliveryState::Delivered);
}

fn a_late_refusal_settles_a_doubt_that_waits_for_its_retry(world: &mut World) {
    let (_, held) = lost(world, InDoubtPolicy::Retry);
    let next_attempt_at = world.in_seconds(5);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    assert_eq!(world.idle(), Some(next_attempt_at));
    world.pass(next_attempt_at.since(world.now));
    let again = world.claim();
    world.deliver(&again, 0);
    world.end(again.token, Vec::new());
    assert_eq!(world.idle(), None);
    assert!(
        !world
            .receipt(delivery(&held, 0))
            .unwrap()
            .is_retried_in_doubt()
    );
}

fn a_late_delivery_ends_what_retry_made_pending(world: &mut World) {
    let (campaign, held, again) = taken_up(world);
    world.end(again.token, Vec::new());
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert_eq!(world.idle(), None, "it is in no queue any more");
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.state, DeliveryState::Delivered);
    assert!(!receipt.is_possible_duplicate);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_late_delivery_ends_what_retry_deferred(world: &mut World) {
    let (_, held, again) = taken_up(world);
    let next_attempt_at = world.in_seconds(5);
    world.record(&again, 0, Outcome::Deferred { next_attempt_at });
    world.end(again.token, Vec::new());
    assert_eq!(world.idle(), Some(next_attempt_at));
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    world.pass(next_attempt_at.since(world.now));
    assert_eq!(world.idle(), None, "it is in no queue any more");
    assert!(
        !world
            .receipt(delivery(&held, 0))
            .unwrap()
            .is_possible_duplicate
    );
}

fn a_late_delivery_during_the_next_attempt_is_a_possible_duplicate(world: &mut World) {
    let (_, held, again) = taken_up(world);
    world.begin(&again, 0);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.state, DeliveryState::Delivered);
    assert!(receipt.is_possible_duplicate);
    // The next attempt's own outcome, whatever it is, is taken and changes nothing.
    for outcome in [Outcome::Bounced, Outcome::Delivered, Outcome::InDoubt] {
        assert_eq!(world.record(&again, 0, outcome), DONE);
        assert_eq!(world.receipt(delivery(&held, 0)), Some(receipt.clone()));
    }
    assert_eq!(world.end(again.token, Vec::new()), DONE);
}

fn a_late_delivery_after_the_next_is_a_possible_duplicate(world: &mut World) {
    let (_, held, again) = taken_up(world);
    world.deliver(&again, 0);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert!(
        world
            .receipt(delivery(&held, 0))
            .unwrap()
            .is_possible_duplicate
    );
}

fn a_late_delivery_after_the_next_was_refused_is_none(world: &mut World) {
    let (_, held, again) = taken_up(world);
    world.begin(&again, 0);
    world.record(&again, 0, Outcome::Bounced);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.state, DeliveryState::Delivered);
    assert!(!receipt.is_possible_duplicate);
}

fn a_late_refusal_of_the_next_leaves_the_first_to_be_settled(world: &mut World) {
    let (_, held, again) = taken_up(world);
    world.begin(&again, 0);
    world.record(&again, 0, Outcome::InDoubt);
    assert_eq!(world.record(&again, 0, Outcome::Bounced), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Bounced);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.state, DeliveryState::Delivered);
    assert!(!receipt.is_possible_duplicate);
}

fn another_late_outcome_changes_nothing_in_what_goes_on(world: &mut World) {
    let (_, held, again) = taken_up(world);
    for outcome in [Outcome::Bounced, Outcome::Returned] {
        let reply = world.record(&held, 0, outcome);
        assert_eq!(refused(&reply), &Refused::LeaseOver);
    }
    // Said again because the answer was lost, it is known.
    assert_eq!(world.record(&held, 0, Outcome::InDoubt), DONE);
    world.deliver(&again, 0);
}

fn what_waits_for_its_retry_is_not_held_by_its_old_lease(world: &mut World) {
    let campaign = world.running_with(InDoubtPolicy::Retry, "example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    world.ask(Request::Extend {
        token: held.token,
        until: world.now.plus(2 * RETRY_AFTER),
    });
    world.pass(RETRY_AFTER);
    let again = world.claim();
    assert_eq!(numbers(&again.recipients), [0]);
    // The old lease lives, and has nothing to say about it any more.
    let reply = world.ask(record_request(&held, 0, 2, Outcome::Bounced));
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(numbers(&world.claim().recipients), [1]);
    world.deliver(&again, 0);
    assert_eq!(world.tally(campaign)[DeliveryState::Delivered], 1);
}

fn a_paused_campaign_retries_when_it_runs_again(world: &mut World) {
    let (campaign, _, again) = taken_up(world);
    world.begin(&again, 0);
    world.change(campaign, CampaignChange::Pause);
    world.record(&again, 0, Outcome::InDoubt);
    world.end(again.token, Vec::new());
    world.pass(RETRY_AFTER);
    assert_eq!(world.idle(), None);
    world.change(campaign, CampaignChange::Resume);
    world.repeat(&Request::Unpark { campaign });
    assert_eq!(numbers(&world.claim().recipients), [0]);
}

fn a_cancelled_campaign_retries_nothing(world: &mut World) {
    let (campaign, held) = lost(world, InDoubtPolicy::Retry);
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&Request::Sweep { campaign });
    world.pass(RETRY_AFTER);
    assert_eq!(world.idle(), None);
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
}

fn assume_delivered_counts_a_doubt_as_delivered_and_logs_both(world: &mut World) {
    let (campaign, held) = lost(world, InDoubtPolicy::AssumeDelivered);
    assert_eq!(states(world, &held), ["in_doubt", "delivered"]);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
    assert!(!world.campaign(campaign).tally.is_incomplete());
    let reply = world.receipt(delivery(&held, 0)).unwrap().reply.unwrap();
    assert_eq!(reply.code, 0, "no server said so");
}

fn a_late_refusal_replaces_what_was_assumed(world: &mut World) {
    let (campaign, held) = lost(world, InDoubtPolicy::AssumeDelivered);
    let next_attempt_at = world.in_seconds(5);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.pass(next_attempt_at.since(world.now));
    let again = world.claim();
    world.deliver(&again, 0);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_late_delivery_confirms_what_was_assumed(world: &mut World) {
    let (_, held) = lost(world, InDoubtPolicy::AssumeDelivered);
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert_eq!(receipt.reply.unwrap().code, 250);
    assert!(!receipt.is_possible_duplicate);
    // What is known is not unsaid.
    let reply = world.record(&held, 0, Outcome::Bounced);
    assert_eq!(refused(&reply), &Refused::LeaseOver);
}
