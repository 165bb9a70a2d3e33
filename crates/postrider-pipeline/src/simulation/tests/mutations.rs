//! Every check that is left out is noticed by some seed.
//!
//! The others, which chance seldom meets, are met on purpose in `directed`.

use std::ops::ControlFlow;

use crate::simulation::{Mutation, Options, Simulator};

/// Seeds that are tried until one notices.
const SEEDS: u64 = 300;

/// The first seed found that notices, and what it says.
fn first_to_notice(mutation: Mutation) -> Option<(u64, String)> {
    let simulator = Simulator::new(Options {
        mutation: Some(mutation),
        is_logged: false,
    });
    let mut noticed = None;
    simulator.run_all(0..SEEDS, |schedule| match schedule.violation {
        Some(what) => {
            noticed.get_or_insert((schedule.seed, what));
            ControlFlow::Break(())
        }
        None => ControlFlow::Continue(()),
    });
    noticed
}

fn check(mutation: Mutation) {
    let noticed = first_to_notice(mutation);
    let (seed, what) = noticed.unwrap_or_else(|| panic!("{mutation}: no seed notices"));
    println!("{mutation}: seed {seed} notices: {what}");
}

#[test]
fn a_begun_delivery_that_is_armed_again_at_the_end_of_its_lease_is_noticed() {
    check(Mutation::RearmAtLeaseEnd);
}

#[test]
fn a_begin_in_a_campaign_that_does_not_run_is_noticed() {
    check(Mutation::BeginWithoutCampaign);
}

#[test]
fn an_attempt_that_is_not_counted_is_noticed() {
    check(Mutation::BeginWithoutCount);
}

#[test]
fn an_end_without_a_lease_is_noticed() {
    check(Mutation::EndWithoutLease);
}

#[test]
fn what_is_recovered_to_the_head_of_its_lane_is_noticed() {
    check(Mutation::ReapToHead);
}

#[test]
fn a_death_of_which_nobody_is_suspected_is_noticed() {
    check(Mutation::ReapWithoutSuspects);
}

#[test]
fn a_trial_whose_verdict_is_not_heard_is_noticed() {
    check(Mutation::ReapWithoutVerdicts);
}

#[test]
fn a_death_alone_that_is_held_against_nobody_is_noticed() {
    check(Mutation::ReapWithoutSolo);
}

#[test]
fn a_retry_without_a_wait_is_noticed() {
    check(Mutation::RetryWithoutWait);
}

#[test]
fn a_dot_before_its_begin_is_durable_is_noticed() {
    check(Mutation::DotBeforeBegin);
}

#[test]
fn a_dot_after_the_lease_is_noticed() {
    check(Mutation::DotAfterLease);
}

#[test]
fn an_erasure_that_leaves_somebody_open_is_noticed() {
    check(Mutation::EraseWithoutEnding);
}

#[test]
fn a_claim_from_the_share_of_another_is_noticed() {
    check(Mutation::ClaimWithoutShare);
}

#[test]
fn a_worker_that_begins_with_the_quotas_of_another_is_noticed() {
    check(Mutation::FullQuotas);
}

#[test]
fn limits_of_whole_seconds_are_noticed() {
    check(Mutation::WholeSeconds);
}
