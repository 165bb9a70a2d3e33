//! A run as text for people.
//!
//! What became of everyone stands first, because no speed matters before it; what was asked for,
//! what was achieved and what was allowed stand apart, because one number for them hides which of
//! them it is; the bottleneck is always named. What was not measured says so. The verdict is last,
//! where the eye ends, and a run that failed is called what it is: no result.

mod columns;
pub(crate) mod conditions;
pub(crate) mod doubts;
pub(crate) mod phrases;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::assertion::Check;
use crate::bounds::{REPORT_IN_DOUBT_MAX, REPORT_ROWS_MAX};
use crate::compare::{Change, Comparison};
use crate::figures;
use crate::run::{Run, Verdict};
use phrases::Pair;

/// What was found out about a run beside the run itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// The expectations of `--assert`, held against it.
    pub checks: Vec<Check>,
    /// The run held against a base, if one was given.
    pub comparison: Option<Comparison>,
    /// Files that were written.
    pub files: Vec<PathBuf>,
}

impl Findings {
    /// Whether every expectation is met and no figure is worse than the tolerance allows.
    pub fn are_met(&self) -> bool {
        let is_compared_well = self.comparison.as_ref().is_none_or(Comparison::is_met);
        self.checks.iter().all(|check| check.is_met) && is_compared_well
    }
}

/// The whole report, without a newline at its end.
pub fn text(run: &Run, findings: &Findings) -> String {
    let mut lines = outcome(run);
    lines.extend(rates(run));
    lines.push(String::new());
    lines.extend(times(run));
    lines.push(String::new());
    lines.extend(domains(run));
    lines.extend(limits(run));
    lines.extend(doors(run));
    lines.push(String::new());
    lines.extend(in_doubt_by_name(run));
    lines.extend(costs(run));
    lines.extend(findings.comparison.iter().flat_map(comparison));
    lines.extend(files(findings));
    lines.extend(assertions(&findings.checks));
    lines.extend(verdict(run));
    lines.join("\n")
}

fn outcome(run: &Run) -> Vec<String> {
    let people = &run.outcome;
    let in_doubt = match people.in_doubt {
        0 => "0".to_owned(),
        some => format!(
            "{} ({} had arrived)",
            figures::count(some),
            figures::count(people.in_doubt_arrived)
        ),
    };
    let counts = [
        ("planned", figures::count(people.planned)),
        ("delivered", figures::count(people.delivered)),
        ("bounced", figures::count(people.bounced)),
        ("in doubt", in_doubt),
        ("duplicates", figures::count(people.duplicates)),
        ("lost", figures::count(people.lost)),
        ("false receipts", figures::count(people.false_receipts)),
    ];
    let counts = counts.map(|(name, count)| format!("{name} {count}"));
    let took = figures::time(run.seconds * 1e6);
    let mut lines = vec![format!("{} · took {took}", counts.join(" · "))];
    let rare = phrases::rare_outcomes(run);
    if !rare.is_empty() {
        lines.push(format!("also        {}", rare.join(" · ")));
    }
    lines
}

fn in_doubt_by_name(run: &Run) -> Vec<String> {
    let listed = run.in_doubt_listed.iter().take(REPORT_IN_DOUBT_MAX);
    let mut lines: Vec<_> = listed
        .map(|one| {
            let arrived = if one.has_arrived {
                "had arrived"
            } else {
                "had not arrived"
            };
            format!("in doubt    {}  {}  {arrived}", one.campaign, one.recipient)
        })
        .collect();
    let unlisted = run.outcome.in_doubt.saturating_sub(lines.len() as u64);
    if unlisted > 0 && !lines.is_empty() {
        lines.push(format!("in doubt    and {} more", figures::count(unlisted)));
    }
    lines
}

fn rates(run: &Run) -> Vec<String> {
    let (allowed, used) = (phrases::allowed(run), phrases::utilisation(run));
    let allowed = match run.rate_allowed {
        Some(_) => format!("{allowed}, {used} used while they were needed"),
        None => allowed,
    };
    vec![
        format!("rate        target    {}", phrases::target(run)),
        format!("            achieved  {}", figures::rate(run.rate_achieved)),
        format!("            allowed   {allowed}"),
    ]
}

fn times(run: &Run) -> Vec<String> {
    let mut heading = vec![String::new()];
    heading.extend(phrases::PERCENTILES.map(str::to_owned));
    let mut rows = vec![heading];
    let distributions = phrases::distributions(run);
    for (name, found, _) in &distributions {
        let mut row = vec![(*name).to_owned()];
        row.extend(found.iter().copied().flat_map(phrases::percentiles));
        rows.push(row);
    }
    let mut lines = columns::lines(&rows);
    for (line, (_, found, meaning)) in lines.iter_mut().skip(1).zip(distributions) {
        let meaning = found.map_or(figures::NOT_MEASURED, |_| meaning);
        line.push_str("   ");
        line.push_str(meaning);
    }
    lines
}

fn domains(run: &Run) -> Vec<String> {
    let rows = run
        .domains
        .iter()
        .map(|domain| phrases::domain_cells(domain).to_vec());
    let heading = phrases::DOMAIN_HEADING.map(str::to_owned).to_vec();
    table(heading, rows, run.domains_left_out, "domain")
}

fn limits(run: &Run) -> Vec<String> {
    if run.limits.is_empty() {
        return Vec::new();
    }
    let rows = run
        .limits
        .iter()
        .map(|limit| phrases::limit_cells(limit).to_vec());
    let heading = phrases::LIMIT_HEADING.map(str::to_owned).to_vec();
    let mut lines = vec![String::new()];
    lines.extend(table(heading, rows, 0, "limit"));
    lines
}

fn doors(run: &Run) -> Vec<String> {
    if run.doors.is_empty() {
        return Vec::new();
    }
    let rows = run
        .doors
        .iter()
        .map(|door| phrases::door_cells(door).to_vec());
    let heading = phrases::DOOR_HEADING.map(str::to_owned).to_vec();
    let mut lines = vec![String::new()];
    lines.extend(table(heading, rows, 0, "door"));
    lines
}

/// The first rows, and how many are not shown.
fn table(
    heading: Vec<String>,
    rows: impl ExactSizeIterator<Item = Vec<String>>,
    left_out: u64,
    noun: &str,
) -> Vec<String> {
    let left_out = left_out + rows.len().saturating_sub(REPORT_ROWS_MAX) as u64;
    let mut shown = vec![heading];
    shown.extend(rows.take(REPORT_ROWS_MAX));
    let mut lines = columns::lines(&shown);
    if left_out > 0 {
        lines.push(format!("and {} more", figures::counted(left_out, noun)));
    }
    lines
}

fn costs(run: &Run) -> Vec<String> {
    let line = |name: &str, pairs: Vec<Pair>| {
        let pairs = pairs.iter().map(|(name, value)| format!("{name} {value}"));
        format!("{name:<12}{}", pairs.collect::<Vec<_>>().join(" · "))
    };
    let mut lines = vec![
        line("cost", phrases::costs(run)),
        line("wire", phrases::wire(run)),
        line("doubt", doubts::doubts(run)),
        line("done to it", doubts::disturbances(run)),
        line("mock", phrases::mock(run)),
    ];
    let baseline = phrases::baseline(run);
    lines.extend(baseline.map(|baseline| format!("baseline    {baseline}")));
    lines.extend([
        format!("bottleneck  {}", phrases::bottleneck(run)),
        line("asked", conditions::options(&run.options)),
        line("machine", conditions::machine(run)),
    ]);
    lines
}

fn comparison(found: &Comparison) -> Vec<String> {
    let heading = ["compared", "base", "new", "ratio", ""];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(found.rows.iter().map(|row| {
        let ratio = row.ratio.map_or_else(String::new, figures::ratio);
        let word = row.change.word().to_owned();
        vec![
            row.name.to_owned(),
            row.base.clone(),
            row.new.clone(),
            ratio,
            word,
        ]
    }));
    let mut lines = vec![String::new()];
    lines.extend(columns::lines(&rows));
    if !found.differences.is_empty() {
        lines.push("the runs did not do the same, so the ratios say little:".to_owned());
        lines.extend(found.differences.iter().map(|one| format!("  {one}")));
    }
    let worse = found.rows.iter().filter(|row| row.change == Change::Worse);
    let sentence = match worse.count() {
        0 => "no figure is worse".to_owned(),
        1 => "1 figure is worse".to_owned(),
        many => format!("{many} figures are worse"),
    };
    lines.push(format!("{sentence} by more than {}", found.tolerance));
    lines.push(String::new());
    lines
}

/// A comparison as text on its own, for `load compare`; without a newline at its end.
pub fn comparison_text(found: &Comparison) -> String {
    comparison(found).join("\n").trim_matches('\n').to_owned()
}

fn files(findings: &Findings) -> Option<String> {
    let files = findings.files.iter().map(|path| path.display().to_string());
    let files: Vec<_> = files.collect();
    (!files.is_empty()).then(|| format!("files       {}", files.join(" · ")))
}

fn assertions(checks: &[Check]) -> Vec<String> {
    if checks.is_empty() {
        return Vec::new();
    }
    let missed = checks.iter().filter(|check| !check.is_met).count();
    let met = checks.len() - missed;
    let mut lines = vec![format!("ASSERTIONS  {met} met, {missed} missed")];
    lines.extend(checks.iter().map(|check| format!("  {check}")));
    lines
}

fn verdict(run: &Run) -> Vec<String> {
    if run.verdict == Verdict::Pass {
        return vec!["VERDICT  PASS: every receipt agrees with what the mock saw".to_owned()];
    }
    let mut lines = vec!["VERDICT  FAIL: this run is no result".to_owned()];
    lines.extend(run.reasons.iter().map(|reason| format!("  {reason}")));
    lines
}
