//! Counting in sliding windows: was a rate ever exceeded?

use std::collections::VecDeque;
use std::time::Duration;

use crate::bounds::{WINDOW_BACKLOG, WINDOW_TIMES_MAX};
use crate::clock::micros;

/// The windows in which a client is judged, in seconds.
pub(crate) const WIDTHS: [u64; 3] = [1, 10, 60];

const SECOND_US: i64 = 1_000_000;

/// The fullest window of each width, counted as the instants come.
///
/// Only what can still share a window with something new is kept. Instants may come a little out
/// of order, as the connections of a mock bring them.
#[derive(Debug, Default)]
pub(crate) struct Sliding {
    /// In order.
    times_us: VecDeque<i64>,
    /// How many of the oldest are outside the newest window of each width.
    outside: [usize; WIDTHS.len()],
    most: [usize; WIDTHS.len()],
}

impl Sliding {
    /// One more instant. False when it is so late that its windows are gone.
    pub(crate) fn add(&mut self, at_us: i64) -> bool {
        match self.times_us.back() {
            Some(newest) if at_us < *newest => return self.add_late(at_us),
            _ => self.times_us.push_back(at_us),
        }
        let count = self.times_us.len();
        for ((width, outside), most) in WIDTHS.iter().zip(&mut self.outside).zip(&mut self.most) {
            let start_us = at_us - width_us(*width);
            while self.times_us[*outside] <= start_us {
                *outside += 1;
            }
            *most = (*most).max(count - *outside);
        }
        self.forget();
        true
    }

    /// The most instants that any window held, for each of [`WIDTHS`].
    pub(crate) fn most(&self) -> [usize; WIDTHS.len()] {
        self.most
    }

    /// Puts it where it belongs, and looks at every window that ends at it or at a later instant
    /// and holds it.
    fn add_late(&mut self, at_us: i64) -> bool {
        let at = self.times_us.partition_point(|time_us| *time_us <= at_us);
        let newest_us = self.times_us.back().copied().unwrap_or(at_us);
        if newest_us - at_us >= kept_us() {
            return false;
        }
        self.times_us.insert(at, at_us);
        for ((width, outside), most) in WIDTHS.iter().zip(&mut self.outside).zip(&mut self.most) {
            let width_us = width_us(*width);
            let ends = self.times_us.range(at..).enumerate();
            for (after, end_us) in ends.take_while(|(_, end_us)| **end_us - at_us < width_us) {
                let start_us = end_us - width_us;
                let first = self
                    .times_us
                    .partition_point(|time_us| *time_us <= start_us);
                *most = (*most).max(at + after + 1 - first);
            }
            let start_us = newest_us - width_us;
            *outside = self
                .times_us
                .partition_point(|time_us| *time_us <= start_us);
        }
        true
    }

    fn forget(&mut self) {
        let newest_us = self.times_us.back().copied().unwrap_or_default();
        let is_old = |time_us: &i64| newest_us - time_us >= kept_us();
        while self.times_us.len() > WINDOW_TIMES_MAX || self.times_us.front().is_some_and(is_old) {
            self.times_us.pop_front();
            for outside in &mut self.outside {
                *outside = outside.saturating_sub(1);
            }
        }
    }
}

fn width_us(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / SECOND_US) * SECOND_US
}

/// How far back instants are kept.
fn kept_us() -> i64 {
    width_us(WIDTHS[WIDTHS.len() - 1]) + micros(WINDOW_BACKLOG)
}

/// The most of `times_us` (microseconds, in any order) that any window of `width` holds.
///
/// A window includes its start and excludes its end, so two instants exactly `width` apart are
/// never in one window; it may start anywhere. Nothing in it gives 0, and so does a width of 0.
pub fn most_in_window(times_us: &[i64], width: Duration) -> usize {
    let mut times_us = times_us.to_vec();
    times_us.sort_unstable();
    let width_us = micros(width);
    let mut oldest = 0;
    let mut most = 0;
    for (newest, at_us) in times_us.iter().enumerate() {
        while oldest <= newest && at_us.saturating_sub(times_us[oldest]) >= width_us {
            oldest += 1;
        }
        most = most.max(newest + 1 - oldest);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::draw;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_even_pace_never_exceeds_its_rate() {
        let times_us: Vec<i64> = (0..1000).map(|n| n * 20_000).collect();
        assert_eq!(most_in_window(&times_us, SECOND), 50);
        assert_eq!(most_in_window(&times_us, SECOND * 10), 500);
    }

    #[test]
    fn a_burst_across_a_full_second_is_seen_whole() {
        assert_eq!(
            most_in_window(&[1_000_001, 999_990, 0, 1_000_000, 999_999], SECOND),
            4
        );
    }

    #[test]
    fn the_end_of_a_window_is_outside() {
        assert_eq!(most_in_window(&[0, 1_000_000], SECOND), 1);
        assert_eq!(most_in_window(&[0, 999_999], SECOND), 2);
        assert_eq!(most_in_window(&[5, 5, 5], SECOND), 3);
    }

    #[test]
    fn counting_as_they_come_finds_what_counting_afterwards_does() {
        for seed in 0..20 {
            let mut sliding = Sliding::default();
            // Bursts and gaps, and every third instant up to a second late.
            let chance = |what, n: i64| draw(seed, what, &n.to_string(), 0);
            let mut at_us = 0;
            let times_us: Vec<i64> = (0..3000)
                .map(|n| {
                    at_us += if chance("gap", n) < 0.02 {
                        900_000
                    } else {
                        20_000
                    };
                    at_us
                        - if chance("late", n) < 0.3 {
                            n % 10 * 100_000
                        } else {
                            0
                        }
                })
                .collect();
            for at_us in &times_us {
                assert!(sliding.add(*at_us));
            }
            let afterwards = WIDTHS
                .map(|width| most_in_window(&times_us, SECOND * u32::try_from(width).unwrap()));
            assert_eq!(sliding.most(), afterwards, "seed {seed}");
        }
    }

    #[test]
    fn only_what_can_still_share_a_window_is_kept() {
        let mut sliding = Sliding::default();
        for n in 0..100_000 {
            assert!(sliding.add(n * 100_000));
        }
        assert_eq!(sliding.times_us.len(), 1200);
        assert_eq!(sliding.most(), [10, 100, 600]);
        assert!(!sliding.add(0), "its windows are gone");
    }

    #[test]
    fn nothing_holds_nothing() {
        assert_eq!(most_in_window(&[], SECOND), 0);
        assert_eq!(most_in_window(&[1, 1], Duration::ZERO), 0);
    }
}
