//! Resident memory of service and mock over time, from before the intake to the end.

use plotters::prelude::*;

use super::canvas::{self, STROKE, WIDE, line};
use super::palette::{MOCK, SERVICE};
use super::time::TimeAxis;
use crate::bounds::PLOT_STEPS_MAX;
use crate::figures;
use crate::html::PlotError;
use crate::run::{MemoryPoint, Run};

/// Memory over time; `None` when it was never measured.
pub(crate) fn memory(run: &Run) -> Result<Option<String>, PlotError> {
    let points = thinned(&run.series.memory);
    if points.is_empty() {
        return Ok(None);
    }
    let axis = TimeAxis::of_memory(&run.series);
    let sizes = points
        .iter()
        .map(|point| point.service_bytes.max(point.mock_bytes));
    let y_max = canvas::with_headroom(sizes.max().unwrap_or(0) as f64);
    let label = format!(
        "resident memory over time: service at most {}, mock at most {}",
        figures::bytes(run.rss_bytes_max as f64),
        figures::bytes(run.mock_rss_bytes_max as f64)
    );
    let unit = f64::from(1 << 20);
    let svg = canvas::draw("memory", &label, WIDE, |area| {
        let in_units = |size: f64| format!("{} MiB", figures::number(size));
        let mut chart = canvas::axes(
            area,
            axis.range.clone(),
            y_max / unit,
            &|at| axis.label(at),
            &in_units,
        )?;
        for (ink, size) in [
            (MOCK, (|point| point.mock_bytes) as fn(&MemoryPoint) -> u64),
            (SERVICE, |point| point.service_bytes),
        ] {
            for life in points.split(|point| size(point) == 0) {
                let places = life
                    .iter()
                    .map(|point| (axis.at(point.second), size(point) as f64 / unit));
                chart.draw_series(LineSeries::new(places, line(ink, STROKE)))?;
            }
        }
        canvas::disturbances(
            &mut chart,
            &run.series,
            |second| axis.at(second),
            y_max / unit,
        )
    })?;
    Ok(Some(svg))
}

/// At most as many points as a picture has room for: of each stretch the highest, or one at which
/// the service was down.
fn thinned(points: &[MemoryPoint]) -> Vec<MemoryPoint> {
    let stretch = points.len().div_ceil(PLOT_STEPS_MAX).max(1);
    let weight = |point: &&MemoryPoint| match point.service_bytes {
        0 => u64::MAX,
        size => size,
    };
    let stretches = points.chunks(stretch);
    let highest = stretches.filter_map(|stretch| stretch.iter().max_by_key(weight));
    highest.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::palette::{KILL, PAUSE};
    use super::*;
    use crate::sample;

    #[test]
    fn the_line_of_the_service_has_a_gap_where_it_was_down() {
        let svg = memory(&sample::run()).unwrap().unwrap();
        assert_eq!(canvas::lines_of(&svg, SERVICE), 2);
        assert_eq!(canvas::lines_of(&svg, MOCK), 1);
        assert_eq!(canvas::lines_of(&svg, KILL), 1);
        assert_eq!(canvas::lines_of(&svg, PAUSE), 1);
    }

    #[test]
    fn what_was_never_measured_is_not_drawn() {
        let mut run = sample::run();
        run.series.memory.clear();
        assert_eq!(memory(&run).unwrap(), None);
    }

    #[test]
    fn thinning_keeps_the_highest_and_the_gaps() {
        let point = |second: u32, service_bytes| MemoryPoint {
            second: second.into(),
            service_bytes,
            mock_bytes: 1,
        };
        let count = u32::try_from(PLOT_STEPS_MAX * 4).unwrap();
        let mut points: Vec<_> = (0..count).map(|second| point(second, 10)).collect();
        points[9].service_bytes = 99;
        points[42].service_bytes = 0;
        let thin = thinned(&points);
        assert_eq!(thin.len(), PLOT_STEPS_MAX);
        let sizes = |wanted| {
            thin.iter()
                .filter(|point| point.service_bytes == wanted)
                .count()
        };
        assert_eq!((sizes(99), sizes(0)), (1, 1));
    }
}
