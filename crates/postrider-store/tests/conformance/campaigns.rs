//! What people do with campaigns.

use postrider_store::bounds::{CHUNK_COST, STEP_COST_MAX, UNPARK_CHUNKS_MAX};
use postrider_store::request::CampaignChange::{self, Cancel, Pause, Resume, Seal, Start};
use postrider_store::{Refused, Reply, Request};
use postrider_types::{CampaignId, CampaignState, DeliveryState, Outcome, Timestamp};

use crate::requests::end_request;
use crate::world::{DONE, World, delivery, numbers, refused};

scenes! {
    an_unsealed_campaign_never_finishes,
    an_empty_campaign_finishes_when_it_is_sealed,
    a_sealed_draft_finishes_when_it_starts_empty,
    each_state_allows_its_changes_and_no_others,
    a_draft_sends_nothing_until_it_starts,
    pausing_parks_what_a_claim_meets_and_resuming_puts_it_back,
    parked_chunks_come_back_in_steps_and_in_order,
    what_waits_for_a_change_of_limits_is_due_when_its_campaign_resumes,
    cancelling_ends_what_waits_in_steps,
    cancelling_ends_what_is_parked,
    a_claim_that_meets_a_cancelled_chunk_ends_it,
    what_is_leased_ends_with_the_sweep_and_what_is_begun_with_its_lease,
    a_lost_worker_of_a_cancelled_campaign_leaves_doubt_and_nothing_open,
    a_started_campaign_keeps_its_date,
    a_campaign_has_run_since_it_was_last_resumed,
    only_a_cancelled_campaign_is_swept,
}

fn an_unsealed_campaign_never_finishes(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.deliver(&held, 0);
    world.end(held.token, Vec::new());
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.change(campaign, Seal);
    let sealed = world.campaign(campaign);
    assert_eq!(
        (sealed.state, sealed.ended_at),
        (CampaignState::Finished, Some(world.now))
    );
}

fn an_empty_campaign_finishes_when_it_is_sealed(world: &mut World) {
    let campaign = world.create("empty");
    world.change(campaign, Start);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.change(campaign, Seal);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_sealed_draft_finishes_when_it_starts_empty(world: &mut World) {
    let campaign = world.create("empty");
    world.change(campaign, Seal);
    assert_eq!(world.campaign(campaign).state, CampaignState::Draft);
    world.change(campaign, Start);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn each_state_allows_its_changes_and_no_others(world: &mut World) {
    use CampaignState::{Cancelled, Draft, Finished, Paused, Running};
    let table: [(&[CampaignChange], CampaignState, &[CampaignChange]); 5] = [
        (&[], Draft, &[Seal, Start, Cancel]),
        (&[Start], Running, &[Seal, Start, Resume, Pause, Cancel]),
        (&[Start, Pause], Paused, &[Seal, Resume, Pause, Cancel]),
        (&[Cancel], Cancelled, &[Cancel]),
        (&[Start, Seal], Finished, &[Seal]),
    ];
    for (way, state, allowed) in table {
        for change in [Seal, Start, Pause, Resume, Cancel] {
            let campaign = world.create(&format!("{state} {change:?}"));
            for step in way {
                world.change(campaign, *step);
            }
            assert_eq!(world.campaign(campaign).state, state);
            let reply = world.change(campaign, change);
            if allowed.contains(&change) {
                assert!(matches!(reply, Reply::Campaign(_)), "{state} {change:?}");
            } else {
                let expect = Refused::Campaign { state };
                assert_eq!(refused(&reply), &expect, "{change:?}");
            }
        }
    }
    let reply = world.change(CampaignId(9_999), Start);
    assert_eq!(refused(&reply), &Refused::NoCampaign);
}

fn a_draft_sends_nothing_until_it_starts(world: &mut World) {
    let campaign = world.create("draft");
    world.file(campaign, "a.test", 2);
    assert_eq!(world.idle(), None);
    world.change(campaign, Start);
    assert_eq!(world.idle(), None);
    assert_eq!(world.ask(Request::Unpark { campaign }), DONE);
    assert_eq!(numbers(&world.claim().recipients), [0, 1]);
}

fn pausing_parks_what_a_claim_meets_and_resuming_puts_it_back(world: &mut World) {
    let paused = world.running("a.test", 2);
    world.change(paused, Pause);
    let running = world.running("a.test", 1);
    assert_eq!(world.reader().lanes(9).unwrap()[0].chunks, 2);
    assert_eq!(world.claim().campaign, running);
    assert_eq!(world.idle(), None);
    assert!(world.reader().lanes(9).unwrap().is_empty());
    // A campaign that does not run is not unparked.
    assert_eq!(world.ask(Request::Unpark { campaign: paused }), DONE);
    assert_eq!(world.idle(), None);
    world.change(paused, Resume);
    assert_eq!(world.ask(Request::Unpark { campaign: paused }), DONE);
    assert_eq!(world.claim().campaign, paused);
}

fn parked_chunks_come_back_in_steps_and_in_order(world: &mut World) {
    let campaign = world.create("draft");
    let chunks = u32::try_from(UNPARK_CHUNKS_MAX).unwrap() + 1;
    for _ in 0..chunks {
        world.ask_once(crate::requests::file_request(campaign, "a.test", 1));
    }
    world.change(campaign, Start);
    let unpark = Request::Unpark { campaign };
    assert_eq!(world.ask_once(unpark.clone()), Reply::Done { more: true });
    assert_eq!(
        world.reader().lanes(9).unwrap()[0].chunks,
        u64::from(chunks) - 1
    );
    assert_eq!(world.ask_once(unpark), DONE);
    for expect in 0..chunks {
        let request = world.claim_request(&[]);
        let Reply::Claimed(held) = world.ask_once(request) else {
            panic!()
        };
        assert_eq!(numbers(&held.recipients), [expect]);
    }
}

fn what_waits_for_a_change_of_limits_is_due_when_its_campaign_resumes(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.change(campaign, Pause);
    let filing = postrider_store::Filing {
        recipient: held.recipients[0].recipient,
        lane: held.lane.clone(),
        due_at: Timestamp::NEVER,
    };
    world.end(held.token, vec![filing]);
    world.ask(Request::Wake);
    world.change(campaign, Resume);
    world.ask(Request::Unpark { campaign });
    assert_eq!(numbers(&world.claim().recipients), [0]);
}

fn cancelling_ends_what_waits_in_steps(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let chunks = STEP_COST_MAX / CHUNK_COST + 1;
    for _ in 0..chunks {
        world.file(campaign, "b.test", 1);
    }
    world.change(campaign, Cancel);
    let sweep = Request::Sweep { campaign };
    assert_eq!(world.ask(sweep.clone()), Reply::Done { more: true });
    assert!(world.tally(campaign)[DeliveryState::Pending] > 0);
    world.repeat(&sweep);
    assert_eq!(world.ask(sweep), DONE);
    let tally = world.tally(campaign);
    assert_eq!(tally[DeliveryState::Cancelled], tally.audience());
    assert!(world.reader().lanes(9).unwrap().is_empty());
    assert_eq!(world.idle(), None);
}

fn cancelling_ends_what_is_parked(world: &mut World) {
    let campaign = world.create("draft");
    world.file(campaign, "a.test", 2);
    world.change(campaign, Cancel);
    assert_eq!(world.ask(Request::Sweep { campaign }), DONE);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 2);
}

fn a_claim_that_meets_a_cancelled_chunk_ends_it(world: &mut World) {
    let campaign = world.running("a.test", 2);
    world.change(campaign, Cancel);
    let other = world.running("a.test", 1);
    assert_eq!(world.claim().campaign, other);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 2);
}

fn what_is_leased_ends_with_the_sweep_and_what_is_begun_with_its_lease(world: &mut World) {
    let campaign = world.running("a.test", 4);
    let held = world.claim();
    world.deliver(&held, 0);
    let next_attempt_at = world.in_seconds(9);
    world.record(&held, 1, Outcome::Deferred { next_attempt_at });
    world.begin(&held, 2);
    world.change(campaign, Cancel);
    assert_eq!(world.ask(Request::Sweep { campaign }), DONE);
    assert_eq!(world.tally(campaign).open(), 1);
    world.record(&held, 2, Outcome::Returned);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    let tally = world.tally(campaign);
    assert_eq!((tally.open(), tally[DeliveryState::Cancelled]), (0, 3));
    assert_eq!(world.state(&held, 0), DeliveryState::Delivered);
    assert_eq!(world.receipt(delivery(&held, 1)).unwrap().attempts, 1);
    assert_eq!(world.idle(), None);
}

fn a_lost_worker_of_a_cancelled_campaign_leaves_doubt_and_nothing_open(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.change(campaign, Cancel);
    world.reap(Timestamp::NEVER);
    let tally = world.tally(campaign);
    assert_eq!(
        (
            tally[DeliveryState::InDoubt],
            tally[DeliveryState::Cancelled]
        ),
        (1, 1)
    );
    let reply = world.ask(end_request(held.token, Vec::new()));
    assert_eq!(refused(&reply), &Refused::LeaseOver);
}

fn a_started_campaign_keeps_its_date(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let started_at = world.campaign(campaign).started_at;
    assert_eq!(started_at, Some(world.now));
    world.pass(crate::world::LEASE);
    world.change(campaign, Pause);
    world.change(campaign, Resume);
    assert_eq!(world.campaign(campaign).started_at, started_at);
    assert_eq!(Some(world.claim().started_at), started_at);
}

fn a_campaign_has_run_since_it_was_last_resumed(world: &mut World) {
    let campaign = world.create("draft");
    assert_eq!(world.campaign(campaign).running_since, None);
    world.file(campaign, "a.test", 1);
    for change in [Start, Resume] {
        world.pass(crate::world::LEASE);
        world.change(campaign, change);
        let since = world.now;
        world.pass(crate::world::LEASE);
        // Said again, because the answer was lost.
        world.change(campaign, change);
        world.reopen();
        assert_eq!(world.campaign(campaign).running_since, Some(since));
        world.ask(Request::Unpark { campaign });
        let held = world.claim();
        assert_eq!(held.running_since, since);
        world.end(held.token, Vec::new());
        world.change(campaign, Pause);
        assert_eq!(world.campaign(campaign).running_since, Some(since));
    }
}

fn only_a_cancelled_campaign_is_swept(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let state = CampaignState::Running;
    let reply = world.ask(Request::Sweep { campaign });
    assert_eq!(refused(&reply), &Refused::Campaign { state });
    let nobody = CampaignId(77);
    let reply = world.ask(Request::Sweep { campaign: nobody });
    assert_eq!(refused(&reply), &Refused::NoCampaign);
    let reply = world.ask(Request::Unpark { campaign: nobody });
    assert_eq!(refused(&reply), &Refused::NoCampaign);
}
