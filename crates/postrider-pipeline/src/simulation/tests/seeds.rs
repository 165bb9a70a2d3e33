//! Seeds that every run tries.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::simulation::{Counts, Options, Simulator};

/// Seeds that every run tries; `examples/simulate` tries any number.
const SEEDS: u64 = 300;

#[test]
fn whatever_goes_wrong_together_nobody_gets_it_twice_and_nobody_is_lost() {
    let simulator = Simulator::new(Options::default());
    let next = AtomicU64::new(0);
    let total = Mutex::new((Counts::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    let schedule = simulator.run(seed);
                    let mut total = total.lock().unwrap();
                    total.0.add(&schedule.counts);
                    let failure = schedule.violation.map(|what| (seed, what));
                    total.1.extend(failure);
                }
            });
        }
    });
    let (counts, failures) = total.into_inner().unwrap();
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
