//! Chance, as a source of delays and faults that one seed repeats.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::receiver::Does;

/// Delays and faults from one seed.
pub(super) struct Chance {
    pub(super) rng: StdRng,
    /// Without it only delays are left.
    pub(super) is_faulty: bool,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self {
            rng,
            is_faulty: true,
        }
    }

    /// Up to 50 ms on the wire.
    pub(super) fn delay(&mut self) -> Duration {
        Duration::from_micros(self.rng.random_range(0..50_000))
    }

    /// The store answers within 10 ms, and now and then after seconds.
    pub(super) fn answer_delay(&mut self) -> Duration {
        let is_slow = self.is_faulty && self.rng.random_ratio(1, 100);
        let most = if is_slow { 20_000_000 } else { 10_000 };
        Duration::from_micros(self.rng.random_range(0..most))
    }

    /// One thing in fifty goes wrong.
    pub(super) fn is_unlucky(&mut self) -> bool {
        self.is_faulty && self.rng.random_ratio(1, 50)
    }

    /// What the receiver does with a message.
    pub(super) fn does(&mut self) -> Does {
        let delay = self.delay();
        let long = Duration::from_millis(self.rng.random_range(0..60_000));
        if !self.is_faulty {
            return Does::Slowly(delay);
        }
        match self.rng.random_range(0..40) {
            0 => Does::RefuseAtRcpt(451),
            1 => Does::RefuseAtRcpt(550),
            2 => Does::RefuseAtDot(452),
            3 => Does::RefuseAtDot(554),
            4 | 5 => Does::LoseBeforeGate,
            6 | 7 => Does::LoseAtGate,
            8 => Does::AcceptAndLose,
            9 => Does::CannotBuild,
            10 => Does::Slowly(long),
            11 => Does::RefuseSlowly(451, long),
            12 => Does::RefuseSlowly(421, delay),
            13 => Does::RefuseInBody(452),
            14 => Does::RefuseInBody(554),
            15 => Does::AcceptAndClose,
            16 => Does::FallOutOfStep,
            _ => Does::Slowly(delay),
        }
    }
}
