//! What chance does in the scenes: delays and faults, beside what [`Chance`] gives everybody.

use std::time::Duration;

use rand::RngExt;

use super::receiver::Does;
use crate::chance::Chance;

impl Chance {
    /// The store answers within 10 ms, and now and then after seconds.
    pub(super) fn answer_delay(&mut self) -> Duration {
        let most = if self.is_unlucky(100) {
            Duration::from_secs(20)
        } else {
            Duration::from_millis(10)
        };
        self.within(most)
    }

    /// One thing in fifty goes wrong.
    pub(super) fn is_amiss(&mut self) -> bool {
        self.is_unlucky(50)
    }

    /// What the receiver does with a message.
    pub(super) fn does(&mut self) -> Does {
        let delay = self.network();
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
