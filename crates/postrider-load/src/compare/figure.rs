//! The key figures of a comparison: where each is in a run, and which way it gets better.

use super::{Change, Row, Tolerance};
use crate::figures;
use crate::run::Run;

/// Which way a figure gets better.
#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// A key figure: how to take it from a run and how to read it.
pub(super) struct Figure {
    name: &'static str,
    direction: Direction,
    /// Values below count as this.
    floor: f64,
    of: fn(&Run) -> Option<f64>,
    show: fn(f64) -> String,
}

const fn figure(
    name: &'static str,
    direction: Direction,
    of: fn(&Run) -> Option<f64>,
    show: fn(f64) -> String,
) -> Figure {
    Figure {
        name,
        direction,
        floor: 0.0,
        of,
        show,
    }
}

pub(super) const FIGURES: [Figure; 9] = [
    figure(
        "rate",
        Direction::Up,
        |run| Some(run.rate_achieved),
        figures::rate,
    ),
    figure(
        "utilisation",
        Direction::Up,
        |run| run.utilisation,
        figures::share,
    ),
    figure(
        "intake rate",
        Direction::Up,
        |run| Some(run.intake_rate),
        figures::rate,
    ),
    figure(
        "cpu per message",
        Direction::Down,
        |run| Some(run.cpu_us_per_message),
        figures::time,
    ),
    figure(
        "memory, most",
        Direction::Down,
        |run| Some(run.rss_bytes_max as f64),
        figures::bytes,
    ),
    Figure {
        floor: 1_000.0,
        ..figure(
            "lateness p99",
            Direction::Down,
            |run| run.lateness.map(|lateness| lateness.p99_us as f64),
            figures::time,
        )
    },
    figure(
        "round trips per message",
        Direction::Down,
        |run| run.round_trips_per_message,
        figures::number,
    ),
    figure(
        "commits per message",
        Direction::Down,
        |run| run.commits_per_message,
        figures::number,
    ),
    figure(
        "stored per recipient",
        Direction::Down,
        |run| run.bytes_per_recipient,
        figures::bytes,
    ),
];

impl Figure {
    /// The figure of two runs.
    pub(super) fn row(&self, base: &Run, new: &Run, tolerance: Tolerance) -> Row {
        let (base, new) = ((self.of)(base), (self.of)(new));
        let ratio = base.zip(new).map(|(base, new)| {
            let (base, new) = (base.max(self.floor), new.max(self.floor));
            if base == new { 1.0 } else { new / base }
        });
        Row {
            name: self.name,
            base: figures::measured(base, self.show),
            new: figures::measured(new, self.show),
            ratio,
            change: ratio.map_or(Change::Unknown, |ratio| self.change(ratio, tolerance)),
        }
    }

    fn change(&self, ratio: f64, Tolerance(tolerance): Tolerance) -> Change {
        let (up, down) = match self.direction {
            Direction::Up => (Change::Better, Change::Worse),
            Direction::Down => (Change::Worse, Change::Better),
        };
        match ratio {
            ratio if ratio > 1.0 + tolerance => up,
            ratio if ratio < 1.0 - tolerance => down,
            _ => Change::Same,
        }
    }
}
