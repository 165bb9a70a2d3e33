//! How long a deferred delivery waits before it is tried again.

use std::time::Duration;

/// A growing delay with a random part, and an age at which to give up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The delay after the first attempt; at most `delay_max`.
    pub delay_min: Duration,
    /// The longest delay.
    pub delay_max: Duration,
    /// What each delay is multiplied by to get the next; at least 1.
    pub factor: f64,
    /// The random part, as a share of the delay on both sides; 0 to 0.5.
    pub jitter: f64,
    /// The age, counted from the first attempt, at which a delivery expires.
    pub give_up_after: Duration,
}

impl Backoff {
    /// The delay after attempt number `attempts` (from 1).
    ///
    /// `chance` is a random number in `0.0..1.0`: 0.5 gives the delay itself, the ends give it
    /// less and more its jitter, so that the longest delay of all is `delay_max` and its jitter.
    ///
    /// # Panics
    /// With a jitter above 1, which would make a delay negative.
    pub fn delay(&self, attempts: u16, chance: f64) -> Duration {
        let power = i32::from(attempts.saturating_sub(1));
        let grown = self.delay_min.as_secs_f64() * self.factor.powi(power);
        let bounded = grown.min(self.delay_max.as_secs_f64());
        let spread = 1.0 + self.jitter * (2.0 * chance - 1.0);
        Duration::from_secs_f64(bounded * spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        delay_min: Duration::from_secs(10),
        delay_max: Duration::from_secs(60),
        factor: 2.0,
        jitter: 0.2,
        give_up_after: Duration::from_secs(3_600),
    };

    #[test]
    fn the_delay_doubles_up_to_its_bound() {
        let seconds: Vec<_> = (1..=5).map(|n| BACKOFF.delay(n, 0.5).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 60, 60]);
    }

    #[test]
    fn jitter_moves_the_delay_by_at_most_its_share() {
        assert_eq!(BACKOFF.delay(1, 0.0), Duration::from_secs(8));
        assert!(BACKOFF.delay(1, 0.999_999) <= Duration::from_secs(12));
    }

    #[test]
    fn the_largest_number_of_attempts_does_not_overflow() {
        assert_eq!(BACKOFF.delay(u16::MAX, 0.5), Duration::from_secs(60));
    }
}
