//! How late each MAIL was.
//!
//! **Lateness is counted from the moment that was planned, never from the MAIL before.** The n-th
//! MAIL of a domain under rate r, from 0, may be sent from `start + n / r` on, whatever became of
//! the others. A sender that stands still for two seconds is therefore late for every message of
//! these two seconds and for all that they push back, not for one. Were the distance from one MAIL
//! to the next counted, a stall of two seconds would be one long distance among thousands of good
//! ones, because the sender, by standing still, leaves out exactly the measurements that would tell
//! of it: coordinated omission.
//!
//! What came before its moment (a burst that the receiver allows) has lateness 0, never less.
//! Nothing here reads a clock.

use std::time::Duration;

/// The moments from which the MAIL commands of one domain were allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    start_us: i64,
    rate: f64,
    burst: u32,
}

impl Pace {
    /// From `start_us` (microseconds since the epoch) on, `rate` a second.
    ///
    /// Of the first MAIL commands, `burst` are allowed at once; 1, and 0 too, mean that they are
    /// evenly spaced from the first. A rate of 0 or less allows nothing ever, so that nothing is
    /// late under it.
    pub const fn new(start_us: i64, rate: f64, burst: u32) -> Self {
        Self {
            start_us,
            rate,
            burst,
        }
    }

    /// The earliest allowed moment of the n-th MAIL, from 0; microseconds since the epoch.
    pub fn earliest_us(&self, nth: u64) -> i64 {
        let waits = nth.saturating_sub(u64::from(self.burst.saturating_sub(1)));
        if self.rate <= 0.0 {
            return if waits == 0 { self.start_us } else { i64::MAX };
        }
        let wait = Duration::try_from_secs_f64(waits as f64 / self.rate).unwrap_or(Duration::MAX);
        let wait_us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        self.start_us.saturating_add(wait_us)
    }

    /// How much later than allowed the n-th MAIL came, microseconds; 0 when it was early.
    pub fn lateness_us(&self, nth: u64, mail_at_us: i64) -> u64 {
        let late = mail_at_us.saturating_sub(self.earliest_us(nth));
        u64::try_from(late).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::times::Times;

    const START_US: i64 = 1_000_000;

    fn late(times: &mut Times, pace: Pace, mails_us: impl IntoIterator<Item = i64>) {
        for (nth, at_us) in (0..).zip(mails_us) {
            times.record(pace.lateness_us(nth, at_us));
        }
    }

    #[test]
    fn the_nth_mail_is_allowed_n_intervals_after_the_start() {
        let pace = Pace::new(START_US, 50.0, 1);
        let check = |nth, earliest| assert_eq!(pace.earliest_us(nth), START_US + earliest);
        check(0, 0);
        check(1, 20_000);
        check(50, 1_000_000);
        check(1_000_000, 20_000_000_000);
    }

    #[test]
    fn a_burst_is_allowed_at_once() {
        let pace = Pace::new(START_US, 50.0, 10);
        assert_eq!(pace.earliest_us(9), START_US);
        assert_eq!(pace.earliest_us(10), START_US + 20_000);
    }

    #[test]
    fn early_is_never_negative() {
        let pace = Pace::new(START_US, 50.0, 1);
        assert_eq!(pace.lateness_us(3, START_US), 0);
        assert_eq!(pace.lateness_us(3, START_US + 60_000), 0);
        assert_eq!(pace.lateness_us(3, START_US + 60_001), 1);
        assert_eq!(pace.lateness_us(3, i64::MIN), 0);
    }

    #[test]
    fn without_a_rate_nothing_is_late() {
        for rate in [0.0, -1.0] {
            let pace = Pace::new(START_US, rate, 1);
            assert_eq!(pace.lateness_us(7, START_US + 1_000_000), 0, "{rate}");
        }
        let slow = Pace::new(START_US, 1e-300, 1);
        assert_eq!(slow.earliest_us(u64::MAX), i64::MAX);
    }

    #[test]
    fn one_stall_makes_everything_behind_it_late() {
        // 100 a second for ten seconds, and two seconds of silence after the first five.
        let stalled = (0..1_000).map(|nth: i64| {
            let stall_us = if nth < 500 { 0 } else { 2_000_000 };
            START_US + nth * 10_000 + stall_us
        });
        let mut times = Times::new();
        late(&mut times, Pace::new(START_US, 100.0, 1), stalled);
        let found = times.percentiles();
        assert_eq!(found.p50_us, 0);
        assert!(found.p90_us >= 1_999_000, "{found:?}");
    }
}
