//! Counting in sliding windows: was a rate ever exceeded?

use std::time::Duration;

use crate::clock::micros;

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
    fn nothing_holds_nothing() {
        assert_eq!(most_in_window(&[], SECOND), 0);
        assert_eq!(most_in_window(&[1, 1], Duration::ZERO), 0);
    }
}
