//! Times as HDR histograms: lateness, and how long each transaction took.
//!
//! Values are whole microseconds with three significant digits; only the longest is exact. A
//! histogram has one size, whatever is recorded.

use std::io::{self, Write};

use hdrhistogram::Histogram;

use crate::run::{Percentiles, Quantile};

/// The longest time that is told from a longer one: a day, in microseconds.
const LONGEST_US: u64 = 24 * 3_600 * 1_000_000;

/// Significant decimal digits of every value.
const DIGITS: u8 = 3;

/// Steps in each half of the remaining distance to 100 %, as HdrHistogram's own tools use.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// Times of one kind, as a histogram of bounded size (about 200 KB, whatever is recorded).
#[derive(Debug, Clone)]
pub struct Times {
    histogram: Histogram<u64>,
    max_us: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self::new()
    }
}

impl Times {
    /// Nothing recorded.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        Self {
            histogram: histogram.expect("the bounds are constants in their range"),
            max_us: 0,
        }
    }

    /// Records one time in microseconds; more than a day counts as a day.
    pub fn record(&mut self, us: u64) {
        let us = us.min(LONGEST_US);
        self.max_us = self.max_us.max(us);
        self.histogram.saturating_record(us);
    }

    /// Records the time of one SMTP transaction, from its MAIL to its dot, both in microseconds
    /// since the epoch; one that the clock set back counts as 0.
    pub fn record_transaction(&mut self, mail_at_us: i64, dot_at_us: i64) {
        let us = u64::try_from(dot_at_us.saturating_sub(mail_at_us)).unwrap_or(0);
        self.record(us);
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// The distribution in six figures; all 0 when nothing is recorded.
    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(self.max_us);
        Percentiles {
            count: self.histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.max_us,
        }
    }

    /// The distribution as points for a plot, denser towards its end; the last is at quantile 1.
    /// Empty when nothing is recorded.
    pub fn quantiles(&self) -> Vec<Quantile> {
        let values = self.histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE);
        let values = values.map(|value| Quantile {
            quantile: value.quantile(),
            us: value.value_iterated_to().min(self.max_us),
        });
        values.collect()
    }

    /// Writes the percentile output format of HdrHistogram (`run.hgrm`), values in milliseconds,
    /// which its plotters and `hgrm` readers take.
    ///
    /// # Errors
    /// What writing says.
    pub fn write_hgrm(&self, out: &mut impl Write) -> io::Result<()> {
        let ms = |us: f64| us / 1e3;
        writeln!(
            out,
            "       Value     Percentile TotalCount 1/(1-Percentile)\n"
        )?;
        for value in self.histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
            let us = value.value_iterated_to().min(self.max_us);
            let (value_ms, quantile) = (ms(us as f64), value.quantile_iterated_to());
            let count = self.histogram.count_between(0, value.value_iterated_to());
            write!(out, "{value_ms:12.3} {quantile:14.12} {count:10}")?;
            if quantile < 1.0 {
                write!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
            }
            writeln!(out)?;
        }
        let (mean, deviation) = (ms(self.histogram.mean()), ms(self.histogram.stdev()));
        writeln!(
            out,
            "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"
        )?;
        let (max, count) = (ms(self.max_us as f64), self.histogram.len());
        writeln!(out, "#[Max     = {max:12.3}, Total count    = {count:12}]")?;
        let (buckets, halves) = (self.histogram.buckets(), 2 * 10_u32.pow(u32::from(DIGITS)));
        let halves = halves.next_power_of_two();
        writeln!(
            out,
            "#[Buckets = {buckets:12}, SubBuckets     = {halves:12}]"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: i64 = 1_000_000;

    #[test]
    fn percentiles_have_three_digits_and_the_exact_longest() {
        let mut times = Times::new();
        (1..=10_000).for_each(|us| times.record(us * 7));
        let found = times.percentiles();
        let check = |found: u64, exact: u64| {
            let error = found.abs_diff(exact) as f64 / exact as f64;
            assert!(error <= 0.001, "{found} for {exact}");
        };
        check(found.p50_us, 35_000);
        check(found.p90_us, 63_000);
        check(found.p99_us, 69_300);
        check(found.p999_us, 69_930);
        assert_eq!((found.max_us, found.count), (70_000, 10_000));
    }

    #[test]
    fn nothing_recorded_is_zero_and_no_points() {
        let times = Times::new();
        assert!(times.is_empty());
        assert_eq!(times.percentiles(), Percentiles::default());
        assert!(times.quantiles().is_empty());
    }

    #[test]
    fn more_than_a_day_counts_as_a_day() {
        let mut times = Times::new();
        times.record(u64::MAX);
        assert_eq!(times.percentiles().max_us, LONGEST_US);
    }

    #[test]
    fn a_transaction_takes_from_mail_to_dot() {
        let mut times = Times::new();
        times.record_transaction(START_US, START_US + 62_000);
        times.record_transaction(START_US, START_US - 1);
        assert_eq!(times.percentiles().max_us, 62_000);
        assert_eq!(times.percentiles().p50_us, 0);
    }

    #[test]
    fn quantiles_rise_to_the_longest() {
        let mut times = Times::new();
        (1..=100_000).for_each(|us| times.record(us));
        let points = times.quantiles();
        assert!(points.is_sorted_by(|a, b| a.quantile <= b.quantile && a.us <= b.us));
        let last = points.last().unwrap();
        assert_eq!((last.quantile, last.us), (1.0, 100_000));
        assert!(points.len() < 200, "{} points", points.len());
    }

    #[test]
    fn hgrm_has_a_row_for_each_step_and_ends_at_all_of_them() {
        let mut times = Times::new();
        (1..=1_000).for_each(|us| times.record(us * 1_000));
        let mut out = Vec::new();
        times.write_hgrm(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (rows, marks): (Vec<_>, Vec<_>) = text
            .lines()
            .skip(1)
            .filter(|line| !line.is_empty())
            .partition(|line| !line.starts_with('#'));
        let last: Vec<_> = rows.last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["1000.000", "1.000000000000", "1000"]);
        let half: Vec<_> = rows[5].split_whitespace().collect();
        assert_eq!(half[1..], ["0.500000000000", "500", "2.00"]);
        assert!(marks[1].contains("Max     =     1000.000"), "{marks:?}");
        assert!(marks[1].contains("Total count    =         1000"));
    }
}
