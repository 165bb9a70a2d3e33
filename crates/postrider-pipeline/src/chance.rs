//! Chance for the scenes of the core and for the simulator, all of it from one seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Every decision of a schedule that is left to chance.
#[derive(Debug)]
pub(crate) struct Chance {
    /// For the cores, which draw from the same seed.
    pub(crate) rng: StdRng,
    /// Without it only delays are left.
    pub(crate) is_faulty: bool,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self {
            rng,
            is_faulty: true,
        }
    }

    /// A number from 0, below `most`.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.rng.random_range(0..most)
    }

    /// A place in a list of so many.
    pub(crate) fn index(&mut self, of: usize) -> usize {
        self.rng.random_range(0..of)
    }

    /// Whether one thing in so many happens, also when nothing goes wrong.
    pub(crate) fn one_in(&mut self, so_many: u64) -> bool {
        self.below(so_many) == 0
    }

    /// Whether one thing in so many goes wrong; nothing does when faults are off.
    pub(crate) fn is_unlucky(&mut self, so_many: u64) -> bool {
        self.is_faulty && self.one_in(so_many)
    }

    /// A span below `most`.
    pub(crate) fn within(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.below(most.max(1)))
    }

    /// The way over the network: up to 50 ms.
    pub(crate) fn network(&mut self) -> Duration {
        self.within(Duration::from_millis(50))
    }
}
