//! One picture: its size, its axes, its text, and where the service was killed and paused.
//!
//! Plotters knows no fonts here and only guesses how wide a text is. Nothing depends on the guess:
//! every text hangs on an anchor that the browser resolves (to the right of the y axis, centred
//! below the x axis), and the space for it is fixed. Pictures are drawn twice as large as they are
//! shown, because plotters places everything on whole units.

use std::io;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::palette::{DEATH, GOOD, GRID, Ink, KILL, MUTED, PAUSE};
use crate::html::PlotError;
use crate::html::markup::escape;
use crate::run::Series;

/// What plotters says when it cannot draw.
pub(crate) type DrawError = DrawingAreaErrorKind<io::Error>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a> =
    ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Width and height of a picture in its own units, of which two are a pixel of the page.
pub(super) type Size = (u32, u32);

/// As wide as the page.
pub(super) const WIDE: Size = (1_920, 480);

/// A third of it.
pub(super) const NARROW: Size = (640, 360);

/// Height of all text; 11 pixels of the page.
const TEXT: f64 = 22.0;

/// What plotters divides the size of a font by before it writes it.
const PLOTTERS_FONT_RATIO: f64 = 1.24;

/// Width of a line that carries data.
pub(super) const STROKE: u32 = 3;

/// Draws a picture as an `<svg>` element that says what it shows to those who do not see it.
pub(super) fn draw(
    plot: &'static str,
    label: &str,
    size: Size,
    paint: impl FnOnce(&Area<'_>) -> Result<(), DrawError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let painted = paint(&area).and_then(|()| area.present());
    painted.map_err(|source| PlotError { plot, source })?;
    drop(area);
    let opening = format!("<svg role=\"img\" aria-label=\"{}\"", escape(label));
    Ok(svg.replacen("<svg", &opening, 1))
}

/// A chart over `x`, from 0 to `y_max`, with a line and a label at round values.
pub(super) fn axes<'a>(
    area: &Area<'a>,
    x: Range<f64>,
    y_max: f64,
    x_label: &dyn Fn(f64) -> String,
    y_label: &dyn Fn(f64) -> String,
) -> Result<Chart<'a>, DrawError> {
    let (width, _) = area.dim_in_pixel();
    let (x_labels, y_label_width) = if width >= WIDE.0 { (10, 144) } else { (5, 112) };
    let mut chart = ChartBuilder::on(area)
        .margin_top(24)
        .margin_right(44)
        .x_label_area_size(52)
        .y_label_area_size(y_label_width)
        .build_cartesian_2d(x, 0.0..y_max)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(line(GRID, 2))
        .axis_style(line(GRID, 2))
        .set_all_tick_mark_size(6)
        .x_labels(x_labels)
        .y_labels(4)
        .label_style(text(MUTED))
        .x_label_formatter(&|at| x_label(*at))
        .y_label_formatter(&|at| y_label(*at))
        .draw()?;
    Ok(chart)
}

/// A line of an ink.
pub(super) fn line(ink: Ink, width: u32) -> ShapeStyle {
    ink.light.stroke_width(width)
}

/// Text of an ink.
pub(super) fn text(ink: Ink) -> TextStyle<'static> {
    let font = ("sans-serif", TEXT * PLOTTERS_FONT_RATIO);
    font.into_font().color(&ink.light)
}

/// A label above a place, ending there.
pub(super) fn label_ending_at(
    chart: &mut Chart<'_>,
    place: (f64, f64),
    label: String,
    ink: Ink,
) -> Result<(), DrawError> {
    let style = text(ink).pos(Pos::new(HPos::Right, VPos::Bottom));
    let label = EmptyElement::at(place) + Text::new(label, (0, -2), style);
    chart.draw_series([label]).map(drop)
}

/// Short upright lines at the top where the service was killed and started again, where it was
/// paused, and where a worker died; a line through the data would hide the gap that it explains.
pub(super) fn disturbances(
    chart: &mut Chart<'_>,
    series: &Series,
    at: impl Fn(f64) -> f64,
    y_max: f64,
) -> Result<(), DrawError> {
    let events = [
        (PAUSE, &series.pauses),
        (GOOD, &series.starts),
        (DEATH, &series.deaths),
        (KILL, &series.kills),
    ];
    for (ink, seconds) in events {
        let upright = |second: &f64| {
            let x = at(*second);
            PathElement::new([(x, y_max * 0.93), (x, y_max)], line(ink, STROKE + 1))
        };
        chart.draw_series(seconds.iter().map(upright))?;
    }
    Ok(())
}

/// Room above the highest value, so that a label fits over it.
pub(super) fn with_headroom(highest: f64) -> f64 {
    if highest > 0.0 { highest * 1.25 } else { 1.0 }
}

/// How often a picture has a line of an ink; for tests.
#[cfg(test)]
pub(super) fn lines_of(svg: &str, ink: Ink) -> usize {
    let stroke = format!("stroke=\"{}\"", super::palette::hex(ink.light));
    let lines = svg.lines();
    lines
        .filter(|line| line.starts_with("<polyline") && line.contains(&stroke))
        .count()
}

#[cfg(test)]
mod tests {
    use super::super::palette::LIMIT;
    use super::*;

    /// The width of a digit in the widest of the common fonts, as a share of its height.
    const LETTER: f64 = 0.64;

    fn number(line: &str, attribute: &str) -> f64 {
        let (_, value) = line.split_once(&format!(" {attribute}=\"")).unwrap();
        value.split('"').next().unwrap().parse().unwrap()
    }

    fn check_labels(size: Size, y_max: f64, y_label: &dyn Fn(f64) -> String) {
        let svg = draw("test", "a \"test\" & more", size, |area| {
            let x_label = |at: f64| format!("{at} min");
            let mut chart = axes(area, 0.0..60.0, y_max, &x_label, y_label)?;
            label_ending_at(
                &mut chart,
                (60.0, y_max * 0.8),
                "limit 1,000/s".to_owned(),
                LIMIT,
            )
        });
        let svg = svg.unwrap();
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        let mut lines = svg.lines().peekable();
        let mut labels = 0;
        while let Some(line) = lines.next() {
            if !line.starts_with("<text") {
                continue;
            }
            labels += 1;
            let letters = lines.peek().unwrap().chars().count();
            let (x, y, wide) = (
                number(line, "x"),
                number(line, "y"),
                letters as f64 * TEXT * LETTER,
            );
            let (left, right) = if line.contains("text-anchor=\"end\"") {
                (x - wide, x)
            } else {
                assert!(line.contains("text-anchor=\"middle\""), "{line}");
                (x - wide / 2.0, x + wide / 2.0)
            };
            assert!(
                left >= 0.0 && right <= width,
                "{left} to {right} of {width}: {line}"
            );
            assert!(
                (0.0..=height - TEXT / 2.0).contains(&y),
                "{y} of {height}: {line}"
            );
        }
        assert!(labels >= 6, "{labels} labels");
    }

    #[test]
    fn every_label_hangs_on_an_anchor_and_stays_in_the_picture() {
        let number = |at: f64| crate::figures::number(at);
        check_labels(WIDE, 120_000.0, &number);
        check_labels(NARROW, 120_000.0, &number);
        check_labels(WIDE, 900_000.0, &crate::figures::time);
        check_labels(WIDE, 2_000.0, &|at| format!("{} MiB", number(at)));
    }

    #[test]
    fn a_picture_says_what_it_shows_to_those_who_do_not_see_it() {
        let svg = draw("test", "a \"test\" & more", NARROW, |_| Ok(())).unwrap();
        assert!(svg.starts_with("<svg role=\"img\" aria-label=\"a &quot;test&quot; &amp; more\""));
    }
}
