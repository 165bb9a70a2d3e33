//! The sections of the page that have pictures.

use super::PlotError;
use super::markup::{escape, section, sentence, table};
use crate::figures;
use crate::plots::{self, Panel};
use crate::report::phrases;
use crate::run::Run;

/// Accepts a second over time.
pub(super) fn throughput(run: &Run) -> Result<String, PlotError> {
    let panels = plots::panels(run)?;
    let Some((first, rest)) = panels.split_first() else {
        return Ok(section("Throughput", "No message was accepted.", ""));
    };
    let rest: String = rest.iter().map(panel).collect();
    let pictures = if rest.is_empty() {
        panel(first)
    } else {
        format!("{}<div class=\"panels\">\n{rest}</div>\n", panel(first))
    };
    let step = match plots::step_seconds(run) {
        1 => String::new(),
        several => format!(" A step is the mean of {several} s."),
    };
    let note = format!(
        "Messages accepted a second. Every picture has its own scale and the same time.{step}"
    );
    let content = legend(&throughput_keys(run)) + &pictures;
    Ok(section("Throughput", &note, &content))
}

fn panel(panel: &Panel) -> String {
    format!(
        "<figure>\n<figcaption><b>{}</b> {}</figcaption>\n{}</figure>\n",
        escape(&panel.title),
        escape(&panel.caption),
        panel.svg
    )
}

/// An ink by its name in the style sheet, and what it means.
type Key = (&'static str, &'static str);

/// What the colours mean.
fn legend(keys: &[Key]) -> String {
    let key = |(ink, words): &Key| format!("<span class=\"key {ink}\">{words}</span> ");
    match keys {
        [] => String::new(),
        keys => format!(
            "<p class=\"legend\">{}</p>\n",
            keys.iter().map(key).collect::<String>()
        ),
    }
}

fn throughput_keys(run: &Run) -> Vec<Key> {
    let mut domains = run.series.domains.iter();
    let limit = domains.any(|domain| domain.rate_limit.is_some());
    let limit = limit.then_some(("limit", "limit"));
    limit.into_iter().chain(disturbance_keys(run)).collect()
}

/// What happened to the service, as far as it did.
fn disturbance_keys(run: &Run) -> impl Iterator<Item = Key> {
    let series = &run.series;
    let kill = (!series.kills.is_empty()).then_some(("kill", "the service was killed"));
    let pause =
        (!series.pauses.is_empty()).then_some(("pause", "the service was stopped for a while"));
    let start = (!series.starts.is_empty()).then_some(("good", "the service took work again"));
    let death =
        (!series.deaths.is_empty()).then_some(("death", "a worker died that nobody had killed"));
    [kill, start, pause, death].into_iter().flatten()
}

/// How late, and how long transactions took.
pub(super) fn times(run: &Run) -> Result<String, PlotError> {
    let mut heading = [""; 6];
    heading[1..].copy_from_slice(&phrases::PERCENTILES);
    let rows = phrases::distributions(run).map(|(name, found, _)| {
        let dashes = || [const { String::new() }; 5].map(|_| figures::NOT_MEASURED.to_owned());
        let [p50, p90, p99, p999, max] = found.map_or_else(dashes, phrases::percentiles);
        [name.to_owned(), p50, p90, p99, p999, max]
    });
    let meanings = phrases::distributions(run);
    let meanings = meanings.map(|(name, _, meaning)| format!("{name} is {meaning}"));
    let picture = plots::lateness(run)?.map(|svg| {
        format!(
            "<figure>\n<figcaption><b>lateness</b> by percentile, each nine as wide as the one before</figcaption>\n{svg}</figure>\n"
        )
    });
    let content = format!(
        "{}{}",
        table(heading, &rows, |_| false),
        picture.unwrap_or_default()
    );
    Ok(section("Times", &sentence(&meanings.join("; ")), &content))
}

/// Memory over time.
pub(super) fn memory(run: &Run) -> Result<String, PlotError> {
    let Some(svg) = plots::memory(run)? else {
        return Ok(section("Memory", "Memory was not measured.", ""));
    };
    let mut keys = vec![("service", "service"), ("mock", "mock")];
    keys.extend(disturbance_keys(run));
    let note = "Resident memory. Second 0 is the first MAIL; the intake is before it.";
    let picture = format!("{}<figure>\n{svg}</figure>\n", legend(&keys));
    Ok(section("Memory", note, &picture))
}
