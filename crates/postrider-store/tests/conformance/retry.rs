//! Retry by a person: what has ended is sent again, and campaigns that are over run again.

use postrider_store::bounds::RESOLVE_CHANGES_MAX;
use postrider_store::removal::PurgeTarget;
use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Reply, Request};
use postrider_types::{CampaignState, DeliveryState, InDoubtPolicy, Outcome, RecipientId};

use crate::requests::{begin_request, record_request};
use crate::resolve::{finished, retry, step};
use crate::world::{DONE, RETRY_AFTER, World, delivery, numbers, refused};

scenes! {
    a_retry_makes_a_finished_campaign_run_again_for_exactly_those,
    a_retry_keeps_numbers_variables_and_attempts_and_counts_the_age_anew,
    a_retry_of_many_goes_in_steps_and_together,
    a_cancelled_campaign_runs_again_when_it_is_swept,
    a_retry_of_a_paused_campaign_waits_for_it,
    what_is_retried_under_a_live_lease_leaves_that_lease,
    what_a_person_guessed_and_retries_counts_as_a_doubt_that_was_sent_again,
    the_age_of_a_doubt_counts_from_when_it_arose_whatever_was_decided_since,
    what_was_taken_up_and_cancelled_since_waits_for_nothing,
}

fn a_retry_makes_a_finished_campaign_run_again_for_exactly_those(world: &mut World) {
    let campaign = world.sealed("example.test", 3);
    let held = world.claim();
    for (place, outcome) in [Outcome::Delivered, Outcome::Bounced, Outcome::Failed]
        .into_iter()
        .enumerate()
    {
        if outcome != Outcome::Failed {
            world.begin(&held, place);
            world.record(&held, place, outcome);
        }
    }
    let failed = record_request(&held, 2, 0, Outcome::Failed);
    assert_eq!(world.ask(failed), DONE);
    world.end(held.token, Vec::new());
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
    let states = [DeliveryState::Bounced, DeliveryState::Failed];
    assert_eq!(world.ask_once(retry(campaign, &states)), step(2, 0));
    let running = world.campaign(campaign);
    assert_eq!(
        (running.state, running.ended_at),
        (CampaignState::Running, None)
    );
    let again = world.claim();
    assert_eq!(numbers(&again.recipients), [1, 2]);
    world.deliver(&again, 0);
    world.deliver(&again, 1);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_retry_keeps_numbers_variables_and_attempts_and_counts_the_age_anew(world: &mut World) {
    let (campaign, held) = finished(world, 2, Outcome::Bounced);
    world.ask_once(retry(campaign, &[DeliveryState::Bounced]));
    let again = world.claim();
    assert_eq!(again.started_at, held.started_at);
    for (before, now) in held.recipients.iter().zip(&again.recipients) {
        assert_eq!(before.recipient, now.recipient);
        assert_eq!(before.address, now.address);
        assert_eq!(before.variables, now.variables);
        assert_eq!((now.attempts, now.first_attempt_at), (1, None));
    }
    assert_eq!(world.campaign(campaign).running_since, Some(world.now));
}

fn a_retry_of_many_goes_in_steps_and_together(world: &mut World) {
    let count = u32::try_from(RESOLVE_CHANGES_MAX).unwrap() + 1;
    let (campaign, _) = finished(world, count, Outcome::Bounced);
    let reply = world.ask_once(retry(campaign, &[DeliveryState::Bounced]));
    let last = RecipientId(count - 1);
    let expect = Reply::Step {
        matched: RESOLVE_CHANGES_MAX,
        too_early: 0,
        next: Some(last),
    };
    assert_eq!(reply, expect);
    let mut rest = retry(campaign, &[DeliveryState::Bounced]);
    if let Request::Resolve { from, .. } = &mut rest {
        *from = last;
    }
    assert_eq!(world.ask_once(rest), step(1, 0));
    assert_eq!(world.claim().recipients.len() as u64, RESOLVE_CHANGES_MAX);
    assert_eq!(numbers(&world.claim().recipients), [count - 1]);
}

fn a_cancelled_campaign_runs_again_when_it_is_swept(world: &mut World) {
    let campaign = world.running("example.test", 2);
    world.change(campaign, CampaignChange::Cancel);
    let request = retry(campaign, &[DeliveryState::Cancelled]);
    assert_eq!(refused(&world.ask(request.clone())), &Refused::Cancelling);
    world.repeat(&Request::Sweep { campaign });
    assert_eq!(world.ask_once(request), step(2, 0));
    let again = world.campaign(campaign);
    assert_eq!(
        (again.state, again.is_sealed),
        (CampaignState::Running, true)
    );
    let held = world.claim();
    assert_eq!(numbers(&held.recipients), [0, 1]);
    world.deliver(&held, 0);
    world.deliver(&held, 1);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_retry_of_a_paused_campaign_waits_for_it(world: &mut World) {
    let campaign = world.running("example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::Bounced);
    world.end(held.token, Vec::new());
    world.change(campaign, CampaignChange::Pause);
    assert_eq!(
        world.ask_once(retry(campaign, &[DeliveryState::Bounced])),
        step(1, 0)
    );
    assert_eq!(world.idle(), None);
    assert_eq!(world.campaign(campaign).state, CampaignState::Paused);
    world.change(campaign, CampaignChange::Resume);
    world.repeat(&Request::Unpark { campaign });
    assert_eq!(
        world.claim().recipients.len() + world.claim().recipients.len(),
        2
    );
}

fn what_is_retried_under_a_live_lease_leaves_that_lease(world: &mut World) {
    let campaign = world.running("example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::Bounced);
    assert_eq!(
        world.ask_once(retry(campaign, &[DeliveryState::Bounced])),
        step(1, 0)
    );
    // The old lease can neither begin it nor file it a second time.
    let reply = world.ask(begin_request(&held, 0, 2));
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    let all = [world.claim(), world.claim()];
    let mut all: Vec<_> = all.iter().flat_map(|h| numbers(&h.recipients)).collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1]);
    assert_eq!(world.idle(), None);
}

fn what_a_person_guessed_and_retries_counts_as_a_doubt_that_was_sent_again(world: &mut World) {
    let (campaign, held) = finished(world, 1, Outcome::InDoubt);
    world.resolve_all(campaign, DeliveryState::InDoubt, "bounced");
    let request = retry(campaign, &[DeliveryState::Bounced]);
    assert_eq!(world.ask_once(request.clone()), step(0, 1), "too early");
    world.pass(RETRY_AFTER);
    assert_eq!(world.ask_once(request), step(1, 0));
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert!(receipt.is_retried_in_doubt());
}

fn the_age_of_a_doubt_counts_from_when_it_arose_whatever_was_decided_since(world: &mut World) {
    let (guessed, _) = finished(world, 1, Outcome::InDoubt);
    let purged = world.running_with(InDoubtPolicy::Retry, "example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    world.end(held.token, Vec::new());
    world.pass(RETRY_AFTER / 2);
    world.resolve_all(guessed, DeliveryState::InDoubt, "bounced");
    world.walk(|cursor| Request::Purge {
        target: PurgeTarget::Campaign(purged),
        with_in_doubt: true,
        is_dry_run: false,
        cursor,
    });
    let requests = [
        retry(guessed, &[DeliveryState::Bounced]),
        retry(purged, &[DeliveryState::Cancelled]),
    ];
    for request in &requests {
        assert_eq!(world.ask_once(request.clone()), step(0, 1), "too early");
    }
    world.reopen();
    world.pass(RETRY_AFTER - RETRY_AFTER / 2);
    for request in requests {
        assert_eq!(world.ask_once(request), step(1, 0));
    }
}

fn what_was_taken_up_and_cancelled_since_waits_for_nothing(world: &mut World) {
    let campaign = world.running_with(InDoubtPolicy::Retry, "example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    world.end(held.token, Vec::new());
    world.pass(RETRY_AFTER);
    let again = world.claim();
    world.end(again.token, Vec::new());
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&Request::Sweep { campaign });
    let request = retry(campaign, &[DeliveryState::Cancelled]);
    assert_eq!(world.ask_once(request), step(1, 0));
}
