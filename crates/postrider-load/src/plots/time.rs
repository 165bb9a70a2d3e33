//! The time axis: seconds of a short run, minutes and hours of longer ones.

use std::ops::Range;

use crate::run::Series;

/// From when to when, and in which unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimeAxis {
    /// First and last moment, in units.
    pub(super) range: Range<f64>,
    /// Seconds in a unit.
    seconds_per_unit: f64,
    /// `s`, `min` or `h`.
    unit: &'static str,
}

impl TimeAxis {
    /// The time in which anything was accepted, the same for every domain.
    pub(super) fn of_accepts(series: &Series) -> Self {
        let seconds = series.domains.iter().map(|domain| domain.accepted.len());
        Self::new(0.0, seconds.max().unwrap_or(0).max(1) as f64)
    }

    /// The time in which memory was measured, from before the intake.
    pub(super) fn of_memory(series: &Series) -> Self {
        let seconds = series.memory.iter().map(|point| point.second);
        let first = seconds.clone().fold(0.0, f64::min);
        Self::new(first, seconds.fold(first + 1.0, f64::max))
    }

    fn new(first: f64, last: f64) -> Self {
        let (seconds_per_unit, unit) = match last - first {
            long if long > 3.0 * 3_600.0 => (3_600.0, "h"),
            long if long > 300.0 => (60.0, "min"),
            _ => (1.0, "s"),
        };
        Self {
            range: first / seconds_per_unit..last / seconds_per_unit,
            seconds_per_unit,
            unit,
        }
    }

    /// Where a second is.
    pub(super) fn at(&self, second: f64) -> f64 {
        second / self.seconds_per_unit
    }

    /// What stands below a place on the axis.
    pub(super) fn label(&self, place: f64) -> String {
        // Axis steps are 1, 2 or 5 of some power of ten: anything behind the digits is rounding.
        let place = (place * 1_000.0).round() / 1_000.0 + 0.0;
        format!("{place} {}", self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_runs_have_longer_units() {
        let check = |last, second, label: &str| {
            let axis = TimeAxis::new(0.0, last);
            assert_eq!(axis.label(axis.at(second)), label);
        };
        check(60.0, 30.0, "30 s");
        check(600.0, 90.0, "1.5 min");
        check(36_000.0, 7_200.0, "2 h");
        check(60.0, -0.000_000_1, "0 s");
    }
}
