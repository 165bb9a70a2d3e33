//! What counts and remembers offences: a token bucket, and a penalty that grows.
//!
//! Pure: the time comes in as an argument, in microseconds since the epoch.

use crate::clock::micros;
use crate::units::{Rate, Span};

/// A token bucket, kept as the one time at which it would be even again (GCRA).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    even_at_ns: i64,
}

impl Bucket {
    /// Whether one more fits at that time; nothing changes.
    pub(crate) fn has_room(&self, rate: Rate, burst: u32, at_us: i64) -> bool {
        let tolerance_ns = interval_ns(rate).saturating_mul(i64::from(burst) - 1);
        let at_ns = at_us.saturating_mul(1000);
        self.even_at_ns.max(at_ns).saturating_sub(at_ns) <= tolerance_ns
    }

    /// Counts one.
    pub(crate) fn take(&mut self, rate: Rate, at_us: i64) {
        let at_ns = at_us.saturating_mul(1000);
        self.even_at_ns = self.even_at_ns.max(at_ns).saturating_add(interval_ns(rate));
    }
}

fn interval_ns(rate: Rate) -> i64 {
    i64::try_from(rate.interval_ns()).unwrap_or(i64::MAX)
}

/// A penalty for offences, as reputation blocks are: each one is longer than the last, and whoever
/// goes on during one begins the next. So a client that hammers never recovers.
///
/// What comes within the first tenth of a penalty was under way already and is no offence of its
/// own. After a quiet time as long as the last penalty, the offences are forgotten.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Block {
    offences: usize,
    from_us: i64,
    until_us: i64,
}

impl Block {
    /// Whether nothing is taken now; asking is coming, and may be an offence.
    pub(crate) fn meets(&mut self, penalties: &[Span], now_us: i64) -> bool {
        if now_us >= self.until_us {
            return false;
        }
        if now_us - self.from_us > (self.until_us - self.from_us) / 10 {
            self.offend(penalties, now_us);
        }
        true
    }

    /// An offence: nothing is taken for the next penalty.
    pub(crate) fn offend(&mut self, penalties: &[Span], now_us: i64) {
        let Some(last) = penalties.len().checked_sub(1) else {
            return;
        };
        if now_us >= self.until_us + (self.until_us - self.from_us) {
            self.offences = 0;
        }
        let penalty = penalties[self.offences.min(last)];
        self.offences += 1;
        self.from_us = now_us;
        self.until_us = now_us.saturating_add(micros(penalty.duration()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: i64 = 60_000_000;

    fn penalties() -> Vec<Span> {
        ["1m", "10m", "1h"]
            .map(|text| text.parse().unwrap())
            .to_vec()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let rate = "50/s".parse().unwrap();
        let mut bucket = Bucket::default();
        let mut at = |at_us| {
            let has_room = bucket.has_room(rate, 10, at_us);
            if has_room {
                bucket.take(rate, at_us);
            }
            has_room
        };
        assert!((0..10).all(|_| at(0)));
        assert_eq!([at(0), at(19_999), at(20_000)], [false, false, true]);
    }

    #[test]
    fn whoever_goes_on_during_a_penalty_begins_a_longer_one() {
        let (penalties, mut block) = (penalties(), Block::default());
        assert!(!block.meets(&penalties, 0));
        block.offend(&penalties, 0);
        assert!(
            block.meets(&penalties, MINUTE_US / 10),
            "under way when it began"
        );
        assert!(block.meets(&penalties, MINUTE_US / 2), "this one hammers");
        assert!(
            block.meets(&penalties, MINUTE_US),
            "the minute has become ten"
        );
        let later = MINUTE_US * 5;
        assert!(block.meets(&penalties, later), "and now an hour");
        assert!(!block.meets(&penalties, later + 60 * MINUTE_US));
    }

    #[test]
    fn whoever_waits_is_let_in_and_is_forgiven_after_as_long_again() {
        let (penalties, mut block) = (penalties(), Block::default());
        block.offend(&penalties, 0);
        assert!(!block.meets(&penalties, MINUTE_US));
        block.offend(&penalties, MINUTE_US * 3);
        assert!(
            !block.meets(&penalties, MINUTE_US * 4),
            "a first offence again"
        );
        block.offend(&penalties, MINUTE_US * 4);
        assert!(
            block.meets(&penalties, MINUTE_US * 5 - 1),
            "too soon: the second"
        );
        assert!(block.meets(&penalties, MINUTE_US * 6));
    }

    #[test]
    fn without_penalties_an_offence_has_no_sequel() {
        let mut block = Block::default();
        block.offend(&[], 0);
        assert!(!block.meets(&[], 0));
    }
}
