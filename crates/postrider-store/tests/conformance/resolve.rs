//! What a person decides about deliveries in doubt, and how they are selected.

use std::time::Duration;

use postrider_store::bounds::SELECTED_MAX;
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Claimed, Reply, Request};
use postrider_types::{CampaignId, DeliveryState, InDoubtPolicy, Outcome, RecipientId};

use crate::requests::resolve_request;
use crate::world::{DONE, RETRY_AFTER, World, delivery, numbers, refused};

scenes! {
    a_person_settles_a_doubt_either_way,
    the_truth_is_believed_after_a_person_too,
    a_doubt_is_retried_only_when_it_is_old_enough,
    a_doubt_under_a_live_lease_is_retried_by_that_lease,
    a_retry_by_a_person_comes_before_that_of_the_policy,
    a_dry_run_counts_and_changes_nothing,
    a_selection_is_by_number_domain_and_reply,
    what_cannot_be_decided_is_refused_with_a_sentence,
}

/// A finished campaign for `count`, all of whom had `outcome`.
pub(crate) fn finished(world: &mut World, count: u32, outcome: Outcome) -> (CampaignId, Claimed) {
    let campaign = world.sealed("example.test", count);
    let held = world.claim();
    for place in 0..held.recipients.len() {
        assert_eq!(world.begin(&held, place), DONE);
        assert_eq!(world.record(&held, place, outcome), DONE);
    }
    world.end(held.token, Vec::new());
    (campaign, held)
}

pub(crate) fn retry(campaign: CampaignId, states: &[DeliveryState]) -> Request {
    resolve_request(campaign, Selection::of(states), Resolution::Retry)
}

pub(crate) const fn step(matched: u64, too_early: u64) -> Reply {
    Reply::Step {
        matched,
        too_early,
        next: None,
    }
}

fn a_person_settles_a_doubt_either_way(world: &mut World) {
    let (campaign, held) = finished(world, 2, Outcome::InDoubt);
    for (place, into, state) in [
        (0, Resolution::Delivered, DeliveryState::Delivered),
        (1, Resolution::Bounced, DeliveryState::Bounced),
    ] {
        let select = Selection {
            recipients: Some(vec![RecipientId(place)]),
            ..Selection::of(&[DeliveryState::InDoubt])
        };
        assert_eq!(
            world.ask_once(resolve_request(campaign, select, into)),
            step(1, 0)
        );
        let receipt = world.receipt(delivery(&held, place as usize)).unwrap();
        assert_eq!(receipt.state, state);
        assert!(
            receipt
                .reply
                .unwrap()
                .text
                .contains("the server's log says so")
        );
    }
}

fn the_truth_is_believed_after_a_person_too(world: &mut World) {
    let (campaign, held) = finished(world, 1, Outcome::InDoubt);
    world.resolve_all(campaign, DeliveryState::InDoubt, "bounced");
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert_eq!(world.state(&held, 0), DeliveryState::Delivered);
}

fn a_doubt_is_retried_only_when_it_is_old_enough(world: &mut World) {
    let (campaign, held) = finished(world, 1, Outcome::InDoubt);
    let request = retry(campaign, &[DeliveryState::InDoubt]);
    world.pass(RETRY_AFTER - Duration::from_micros(1));
    assert_eq!(world.ask_once(request.clone()), step(0, 1));
    assert_eq!(world.state(&held, 0), DeliveryState::InDoubt);
    world.pass(Duration::from_micros(1));
    assert_eq!(world.ask_once(request), step(1, 0));
    let again = world.claim();
    assert_eq!(again.recipients[0].first_attempt_at, None);
    world.deliver(&again, 0);
    let receipt = world.receipt(delivery(&held, 0)).unwrap();
    assert!(receipt.is_retried_in_doubt());
    assert_eq!(receipt.attempts, 2);
    // The first try was delivered too.
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert!(
        world
            .receipt(delivery(&held, 0))
            .unwrap()
            .is_possible_duplicate
    );
}

fn a_doubt_under_a_live_lease_is_retried_by_that_lease(world: &mut World) {
    let campaign = world.running("example.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    let until = world.now.plus(2 * RETRY_AFTER);
    world.ask(Request::Extend {
        token: held.token,
        until,
    });
    world.pass(RETRY_AFTER);
    assert_eq!(
        world.ask_once(retry(campaign, &[DeliveryState::InDoubt])),
        step(1, 0)
    );
    assert_eq!(world.idle(), None, "the lease has it");
    world.end(held.token, Vec::new());
    let rest = [world.claim(), world.claim()];
    let mut all: Vec<_> = rest
        .iter()
        .flat_map(|held| numbers(&held.recipients))
        .collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1]);
}

fn a_retry_by_a_person_comes_before_that_of_the_policy(world: &mut World) {
    let campaign = world.running_with(InDoubtPolicy::Retry, "example.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    world.end(held.token, Vec::new());
    world.pass(RETRY_AFTER);
    assert_eq!(
        world.ask_once(retry(campaign, &[DeliveryState::InDoubt])),
        step(1, 0)
    );
    let again = world.claim();
    assert_eq!(again.recipients[0].first_attempt_at, None);
    assert_eq!(world.idle(), None, "it is filed once");
    world.deliver(&again, 0);
    assert_eq!(
        world.receipt(delivery(&held, 0)).unwrap().retries_in_doubt,
        1
    );
}

fn a_dry_run_counts_and_changes_nothing(world: &mut World) {
    let (campaign, _) = finished(world, 100, Outcome::Bounced);
    let mut request = retry(campaign, &[DeliveryState::Bounced]);
    if let Request::Resolve { is_dry_run, .. } = &mut request {
        *is_dry_run = true;
    }
    let before = crate::examine::Snapshot::take(world.reader());
    assert_eq!(world.ask(request), step(100, 0));
    before.expect_unchanged(world.reader(), "a dry run");
}

fn a_selection_is_by_number_domain_and_reply(world: &mut World) {
    let (campaign, _) = finished(world, 3, Outcome::Bounced);
    let all = || Selection::of(&[DeliveryState::Bounced]);
    let mut check = |select: Selection, matched| {
        let mut request = resolve_request(campaign, select, Resolution::Retry);
        if let Request::Resolve { is_dry_run, .. } = &mut request {
            *is_dry_run = true;
        }
        assert_eq!(world.ask(request), step(matched, 0));
    };
    check(all(), 3);
    let recipients = Some(vec![
        RecipientId(2),
        RecipientId(0),
        RecipientId(2),
        RecipientId(9),
    ]);
    check(
        Selection {
            recipients,
            ..all()
        },
        2,
    );
    let domain = |name: &str| Some(name.parse().unwrap());
    check(
        Selection {
            domain: domain("example.test"),
            ..all()
        },
        3,
    );
    check(
        Selection {
            domain: domain("other.test"),
            ..all()
        },
        0,
    );
    check(
        Selection {
            reply_code: Some(550),
            ..all()
        },
        3,
    );
    check(
        Selection {
            reply_code: Some(0),
            ..all()
        },
        0,
    );
    let text = |text: &str| Some(text.to_owned());
    check(
        Selection {
            reply_text: text("No Such User"),
            ..all()
        },
        3,
    );
    check(
        Selection {
            reply_text: text("quota"),
            ..all()
        },
        0,
    );
}

fn what_cannot_be_decided_is_refused_with_a_sentence(world: &mut World) {
    let campaign = world.running("example.test", 1);
    let mut check = |request: Request, expect: &str| {
        let reply = world.ask(request);
        let sentence = refused(&reply).to_string();
        assert!(sentence.contains(expect), "{sentence}");
    };
    check(
        retry(CampaignId(99), &[DeliveryState::Bounced]),
        "no such campaign",
    );
    check(
        retry(campaign, &[DeliveryState::Delivered]),
        "delivered cannot be made retry",
    );
    check(retry(campaign, &[]), "at least one state");
    let recipients = Some(vec![RecipientId(0); SELECTED_MAX + 1]);
    let many = Selection {
        recipients,
        ..Selection::of(&[DeliveryState::Bounced])
    };
    check(
        resolve_request(campaign, many, Resolution::Retry),
        "at most 1000",
    );
    let mut request = retry(campaign, &[DeliveryState::Bounced]);
    if let Request::Resolve { reason, .. } = &mut request {
        reason.clear();
    }
    check(request, "a reason has 1 to");
}
