//! Accepts a second over time: everything together, then each domain with its limit.
//!
//! What was accepted is an area without an outline, so that the limit, which a good run touches
//! all the time, is the only line there.

use plotters::prelude::*;

use super::canvas::{self, DrawError, NARROW, STROKE, Size, WIDE, line};
use super::palette::{LIMIT, SERVICE};
use super::time::TimeAxis;
use crate::bounds::PLOT_STEPS_MAX;
use crate::figures;
use crate::html::PlotError;
use crate::report::phrases;
use crate::run::{DomainSeries, Run};

/// What stands over the sum.
const TOGETHER: &str = "all domains";

/// One picture with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panel {
    /// The domain, or `all domains`.
    pub(crate) title: String,
    /// Its figures in one phrase.
    pub(crate) caption: String,
    /// The picture.
    pub(crate) svg: String,
}

/// Everything together first, then the domains, busiest first; only the one when there is one, and
/// none when nothing was counted.
pub(crate) fn panels(run: &Run) -> Result<Vec<Panel>, PlotError> {
    let series = &run.series.domains;
    match series.as_slice() {
        [] => Ok(Vec::new()),
        [one] => Ok(vec![panel(run, one, WIDE)?]),
        several => {
            let mut panels = vec![panel(run, &together(several), WIDE)?];
            for domain in several {
                panels.push(panel(run, domain, NARROW)?);
            }
            Ok(panels)
        }
    }
}

/// Seconds in each step of every panel; more than 1 when a run is longer than a picture is wide.
pub(crate) fn step_seconds(run: &Run) -> usize {
    let seconds = run
        .series
        .domains
        .iter()
        .map(|domain| domain.accepted.len());
    seconds.max().unwrap_or(0).div_ceil(PLOT_STEPS_MAX).max(1)
}

/// The sum of all domains; it has no limit, because domains that have ended allow nothing more.
fn together(series: &[DomainSeries]) -> DomainSeries {
    let seconds = series.iter().map(|domain| domain.accepted.len()).max();
    let mut accepted = vec![0; seconds.unwrap_or(0)];
    for domain in series {
        for (sum, count) in accepted.iter_mut().zip(&domain.accepted) {
            *sum += count;
        }
    }
    DomainSeries {
        name: TOGETHER.to_owned(),
        rate_limit: None,
        accepted,
    }
}

fn panel(run: &Run, domain: &DomainSeries, size: Size) -> Result<Panel, PlotError> {
    let steps = Steps::of(&domain.accepted, step_seconds(run));
    let caption = caption(run, domain);
    let axis = TimeAxis::of_accepts(&run.series);
    let highest = domain.rate_limit.unwrap_or(0.0).max(steps.highest());
    let y_max = canvas::with_headroom(highest);
    let label = format!("accepts a second at {} over time: {caption}", domain.name);
    let svg = canvas::draw("throughput", &label, size, |area| {
        let mut chart = canvas::axes(
            area,
            axis.range.clone(),
            y_max,
            &|at| axis.label(at),
            &figures::number,
        )?;
        let corners = steps.corners(|second| axis.at(second));
        chart.draw_series(AreaSeries::new(corners, 0.0, SERVICE.light.mix(0.5)))?;
        if let Some(limit) = domain.rate_limit {
            draw_limit(&mut chart, limit, axis.range.clone())?;
        }
        canvas::disturbances(&mut chart, &run.series, |second| axis.at(second), y_max)
    })?;
    Ok(Panel {
        title: domain.name.clone(),
        caption,
        svg,
    })
}

fn draw_limit(
    chart: &mut canvas::Chart<'_>,
    limit: f64,
    x: std::ops::Range<f64>,
) -> Result<(), DrawError> {
    let ends = [(x.start, limit), (x.end, limit)];
    chart.draw_series(LineSeries::new(ends, line(LIMIT, STROKE)))?;
    let label = format!("limit {}", figures::rate(limit));
    canvas::label_ending_at(chart, (x.end, limit), label, LIMIT)
}

/// The figures of a panel; its rate is the one of the run, not another that counts whole seconds.
fn caption(run: &Run, domain: &DomainSeries) -> String {
    let accepted: u64 = domain.accepted.iter().sum();
    let mut listed = run.domains.iter();
    let rate = match domain.name.as_str() {
        TOGETHER => Some(run.rate_achieved),
        name => listed
            .find(|listed| listed.name == name)
            .and_then(phrases::domain_rate),
    };
    let rate = rate.map(|rate| format!("at {}", figures::rate(rate)));
    let limit = domain
        .rate_limit
        .map(|limit| format!("limit {}", figures::rate(limit)));
    let words = [
        Some(format!("{} accepted", figures::count(accepted))),
        rate,
        limit,
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Counts of seconds, several of them in one step when there are many.
struct Steps {
    /// Seconds in a step; the last may have fewer.
    seconds: usize,
    /// Accepts a second.
    rates: Vec<f64>,
    /// Seconds in all.
    end: usize,
}

impl Steps {
    fn of(accepted: &[u64], seconds: usize) -> Self {
        let mean = |step: &[u64]| step.iter().sum::<u64>() as f64 / step.len() as f64;
        Self {
            seconds,
            rates: accepted.chunks(seconds).map(mean).collect(),
            end: accepted.len(),
        }
    }

    fn highest(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// The outline: two corners for each step.
    fn corners(&self, at: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let corners = self.rates.iter().enumerate().flat_map(|(step, rate)| {
            let first = step * self.seconds;
            let last = (first + self.seconds).min(self.end);
            [(at(first as f64), *rate), (at(last as f64), *rate)]
        });
        corners.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::palette::{DEATH, GOOD, KILL, PAUSE};
    use super::*;
    use crate::sample;

    #[test]
    fn a_limited_domain_has_its_limit_drawn_and_another_has_none() {
        let panels = panels(&sample::run()).unwrap();
        let titles: Vec<_> = panels.iter().map(|panel| panel.title.as_str()).collect();
        assert_eq!(titles, ["all domains", "limited.test", "free.test"]);
        let limits = panels
            .iter()
            .map(|panel| canvas::lines_of(&panel.svg, LIMIT));
        assert_eq!(limits.collect::<Vec<_>>(), [0, 1, 0]);
        assert!(panels[1].svg.contains("limit 50/s"));
        assert!(!panels[2].svg.contains("limit"));
    }

    #[test]
    fn what_happened_to_the_service_is_marked_in_every_panel() {
        for panel in panels(&sample::run()).unwrap() {
            let inks = [KILL, GOOD, PAUSE, DEATH];
            let found = inks.map(|ink| canvas::lines_of(&panel.svg, ink));
            assert_eq!(found, [1; 4], "{}", panel.title);
        }
    }

    #[test]
    fn one_domain_has_one_panel_and_nothing_has_none() {
        let mut run = sample::run();
        run.series.domains.truncate(1);
        let found = panels(&run).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(canvas::lines_of(&found[0].svg, LIMIT), 1);
        run.series.domains.clear();
        assert!(panels(&run).unwrap().is_empty());
    }

    #[test]
    fn a_panel_says_the_rate_that_the_table_says() {
        let mut run = sample::run();
        run.domains.truncate(1);
        let captions = panels(&run).unwrap().into_iter().map(|panel| panel.caption);
        let expected = [
            "707 accepted · at 150/s",
            "260 accepted · at 49.5/s · limit 50/s",
            "447 accepted",
        ];
        assert_eq!(captions.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn domains_add_up() {
        let sum = together(&sample::run().series.domains);
        assert_eq!(sum.accepted, [270, 229, 97, 12, 50, 49]);
        assert_eq!(sum.rate_limit, None);
    }

    #[test]
    fn a_step_is_what_was_counted_in_its_second() {
        let steps = Steps::of(&[5, 7], 1);
        let corners = steps.corners(|second| second);
        assert_eq!(corners, [(0.0, 5.0), (1.0, 5.0), (1.0, 7.0), (2.0, 7.0)]);
    }

    #[test]
    fn a_long_run_has_steps_of_several_seconds_that_are_their_mean() {
        let seconds = PLOT_STEPS_MAX * 3 - 1;
        let mut run = sample::run();
        let accepted: Vec<_> = (0..seconds as u64).map(|second| second % 3).collect();
        run.series.domains[0].accepted = accepted.clone();
        assert_eq!(step_seconds(&run), 3);
        let steps = Steps::of(&accepted, 3);
        assert_eq!((steps.rates.len(), steps.rates[0]), (PLOT_STEPS_MAX, 1.0));
        let last = steps.corners(|second| second).pop().unwrap();
        assert_eq!(last, (seconds as f64, 0.5));
        run.series.domains[0].accepted.truncate(6);
        assert_eq!(step_seconds(&run), 1);
    }

    #[test]
    fn a_domain_that_accepted_nothing_is_drawn_too() {
        let mut run = sample::run();
        run.series.domains[0].accepted = vec![];
        run.series.domains[1].accepted = vec![0];
        assert_eq!(panels(&run).unwrap().len(), 3);
    }
}
