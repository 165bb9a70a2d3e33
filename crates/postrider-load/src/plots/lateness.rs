//! Lateness by percentile, the picture that HdrHistogram made known: each nine has the same width,
//! so that the last in a thousand is seen as well as the half.

use plotters::prelude::*;

use super::canvas::{self, STROKE, WIDE, line};
use super::palette::SERVICE;
use crate::figures;
use crate::html::PlotError;
use crate::run::{Quantile, Run};

/// Lateness up to which share of all MAIL commands; `None` when nothing could be late.
pub(crate) fn lateness(run: &Run) -> Result<Option<String>, PlotError> {
    let points = &run.series.lateness;
    let (Some(found), Some(last)) = (run.lateness, points.last()) else {
        return Ok(None);
    };
    let nines_max = (found.count.max(10) as f64).log10();
    let place = |point: &Quantile| (nines(point.quantile).min(nines_max), point.us as f64);
    let first = points.first().map(|first| (0.0, first.us as f64));
    let y_max = canvas::with_headroom(last.us as f64);
    let label = format!(
        "lateness by percentile: half at most {}, 99% at most {}, longest {}",
        figures::time(found.p50_us as f64),
        figures::time(found.p99_us as f64),
        figures::time(found.max_us as f64)
    );
    let svg = canvas::draw("lateness", &label, WIDE, |area| {
        let mut chart = canvas::axes(area, 0.0..nines_max, y_max, &percent_at, &figures::time)?;
        // The first point stands at the end of all that are as good as it.
        let places = || first.into_iter().chain(points.iter().map(place));
        chart.draw_series(AreaSeries::new(places(), 0.0, SERVICE.light.mix(0.16)))?;
        chart.draw_series(LineSeries::new(places(), line(SERVICE, STROKE)))?;
        let longest = format!("longest {}", figures::time(found.max_us as f64));
        canvas::label_ending_at(&mut chart, (nines_max, last.us as f64), longest, SERVICE)
    })?;
    Ok(Some(svg))
}

/// How many nines a share has: 0.9 has one, 0.999 three; all of it has as many as there are.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).max(f64::MIN_POSITIVE).log10()
}

/// The percentage at a number of nines, for whole numbers only.
fn percent_at(nines: f64) -> String {
    let whole = (0..=9_u8).find(|whole| (nines - f64::from(*whole)).abs() < 1e-6);
    match whole {
        Some(0) => "0%".to_owned(),
        Some(1) => "90%".to_owned(),
        Some(2) => "99%".to_owned(),
        Some(more) => format!("99.{}%", "9".repeat(usize::from(more) - 2)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn each_nine_has_its_label() {
        let check = |nines, label| assert_eq!(percent_at(nines), label);
        check(0.0, "0%");
        check(1.0, "90%");
        check(1.5, "");
        check(3.0, "99.9%");
        check(4.0, "99.99%");
        assert!((nines(0.999) - 3.0).abs() < 1e-9);
        assert!(nines(1.0).is_finite());
    }

    #[test]
    fn the_picture_says_its_figures_in_words() {
        let svg = lateness(&sample::run()).unwrap().unwrap();
        assert!(svg.contains("99% at most 10 ms"), "{svg}");
        assert_eq!(canvas::lines_of(&svg, SERVICE), 1);
    }

    #[test]
    fn without_limits_there_is_no_picture() {
        let mut run = sample::run();
        run.series.lateness.clear();
        assert_eq!(lateness(&run).unwrap(), None);
        run.lateness = None;
        assert_eq!(lateness(&run).unwrap(), None);
    }

    #[test]
    fn nobody_late_is_drawn_too() {
        let mut run = sample::run();
        for point in &mut run.series.lateness {
            point.us = 0;
        }
        assert!(lateness(&run).unwrap().is_some());
    }
}
