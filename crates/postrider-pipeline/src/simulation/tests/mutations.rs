//! Every check that is left out is noticed by some seed.
//!
//! The others, which chance seldom meets, are met on purpose in `directed`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::simulation::{Mutation, Options, Simulator};

/// Seeds that are tried until one notices.
const SEEDS: u64 = 300;

/// The first seed found that notices, and what it says.
fn first_to_notice(mutation: Mutation) -> Option<(u64, String)> {
    let simulator = Simulator::new(Options {
        mutation: Some(mutation),
        is_logged: false,
    });
    let (next, is_found) = (AtomicU64::new(0), AtomicBool::new(false));
    let noticed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_found.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    if let Some(what) = simulator.run(seed).violation {
                        is_found.store(true, Ordering::Relaxed);
                        noticed.lock().unwrap().push((seed, what));
                    }
                }
            });
        }
    });
    noticed.into_inner().unwrap().into_iter().min()
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
fn a_death_that_is_not_counted_is_noticed() {
    check(Mutation::ReapWithoutDeaths);
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
fn limits_of_whole_seconds_are_noticed() {
    check(Mutation::WholeSeconds);
}
