//! Seeds that every run tries.

use std::ops::ControlFlow;

use crate::simulation::{Options, Simulator};

/// Seeds that every run tries; `examples/simulate` tries any number.
const SEEDS: u64 = 300;

#[test]
fn whatever_goes_wrong_together_nobody_gets_it_twice_and_nobody_is_lost() {
    let mut failures = Vec::new();
    let counts = Simulator::new(Options::default()).run_all(0..SEEDS, |schedule| {
        failures.extend(schedule.violation.map(|what| (schedule.seed, what)));
        ControlFlow::Continue(())
    });
    println!("{counts}");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_same_seed_twice_gives_the_same_log() {
    for seed in 0..10 {
        let run = || Simulator::new(Options::default()).run(seed);
        assert_eq!(run().hash, run().hash, "seed {seed}");
    }
}
