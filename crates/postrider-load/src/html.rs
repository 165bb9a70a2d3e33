//! The report as one page: `--html report.html`.
//!
//! **Invariant: the page is whole.** Style and pictures are in it, there is no script, and nothing
//! is loaded from anywhere, so that it opens in ten years and from an e-mail as it does now. It
//! follows the reader's light or dark setting, and prints light.
//!
//! The order is that of the text report: first whether the run counts and what became of everyone,
//! then the figures, then the pictures, last what was asked for and where it ran.

pub(crate) mod markup;
mod pictures;
#[cfg(test)]
mod tests;

use crate::compare::{Change, Comparison};
use crate::figures;
use crate::plots::{DrawError, palette};
use crate::report::{Findings, conditions, doubts, phrases};
use crate::run::{Run, Verdict};
use markup::{definitions, escape, list, section, sentence, table_section};

const MISSED: &str = "missed";

const STYLE: &str = include_str!("html/page.css");

/// A picture that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw {plot}")]
pub struct PlotError {
    /// Which one.
    pub(crate) plot: &'static str,
    /// What plotters says.
    pub(crate) source: DrawError,
}

/// The page of a run.
///
/// # Errors
/// [`PlotError`] when a picture cannot be drawn, which only a fault in this crate can cause.
pub fn page(run: &Run, findings: &Findings) -> Result<String, PlotError> {
    let sections = [
        head(run, findings),
        outcome(run),
        assertions(findings),
        pictures::throughput(run)?,
        pictures::times(run)?,
        pictures::memory(run)?,
        costs(run),
        domains(run),
        limits(run),
        doors(run),
        findings
            .comparison
            .as_ref()
            .map(comparison)
            .unwrap_or_default(),
        in_doubt(run),
        conditions(run),
    ];
    let title = format!(
        "{}: {} · Postrider load",
        verdict_word(run),
        run.options.profile
    );
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n\
         </body>\n</html>\n",
        escape(&title),
        palette::style_sheet(),
        sections.concat()
    ))
}

const fn verdict_word(run: &Run) -> &'static str {
    match run.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
    }
}

fn head(run: &Run, findings: &Findings) -> String {
    let (class, sentence) = match run.verdict {
        Verdict::Pass => ("pass", "Every receipt agrees with what the mock saw."),
        Verdict::Fail => ("fail", "This run is no result."),
    };
    let reasons = match run.verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail => list("reasons", &run.reasons),
    };
    let missed = if findings.are_met() {
        ""
    } else {
        " <b class=\"fail\">It missed what was expected of it.</b>"
    };
    format!(
        "<header>\n<p class=\"from\">Postrider load test · {} · {}</p>\n\
         <h1><span class=\"verdict {class}\">{}</span> {}, {}</h1>\n\
         <p class=\"lead\">{sentence}{missed} Bottleneck: {}.</p>\n{reasons}</header>\n",
        escape(&run.started_at),
        escape(&run.commit),
        verdict_word(run),
        audience(run),
        escape(&run.options.profile),
        escape(&phrases::bottleneck(run)),
    )
}

fn audience(run: &Run) -> String {
    let recipients = figures::counted(run.options.recipients, "recipient");
    match run.options.campaigns {
        0 | 1 => recipients,
        more => format!("{more} campaigns to {recipients}"),
    }
}

/// A figure in large type; in the colour of trouble when it is trouble.
fn figure(name: &str, value: &str, note: &str, is_trouble: bool) -> String {
    let class = if is_trouble { " class=\"trouble\"" } else { "" };
    let note = match note {
        "" => String::new(),
        note => format!("<small>{}</small>", escape(note)),
    };
    format!(
        "<div{class}><dt>{}</dt><dd>{}{note}</dd></div>\n",
        escape(name),
        escape(value)
    )
}

fn outcome(run: &Run) -> String {
    let people = &run.outcome;
    let arrived = match people.in_doubt {
        0 => String::new(),
        _ => format!("{} had arrived", figures::count(people.in_doubt_arrived)),
    };
    let good = |name, count| figure(name, &figures::count(count), "", false);
    let never = |name, count| figure(name, &figures::count(count), "", count > 0);
    let all = [
        good("planned", people.planned),
        good("delivered", people.delivered),
        good("bounced", people.bounced),
        figure(
            "in doubt",
            &figures::count(people.in_doubt),
            &arrived,
            false,
        ),
        never("duplicates", people.duplicates),
        never("lost", people.lost),
        never("false receipts", people.false_receipts),
    ];
    let rates = [
        figure("target", &phrases::target(run), "", false),
        figure("achieved", &figures::rate(run.rate_achieved), "", false),
        figure("allowed", &phrases::allowed(run), "", false),
        figure("used", &phrases::utilisation(run), "", false),
        figure("took", &figures::time(run.seconds * 1e6), "", false),
    ];
    let rare = phrases::rare_outcomes(run);
    let rare = match rare.as_slice() {
        [] => String::new(),
        some => format!("<p class=\"note\">Also {}.</p>\n", escape(&some.join(", "))),
    };
    format!(
        "<section class=\"outcome\">\n<dl class=\"figures\">\n{}</dl>\n{rare}\
         <dl class=\"figures words\">\n{}</dl>\n</section>\n",
        all.concat(),
        rates.concat()
    )
}

fn assertions(findings: &Findings) -> String {
    let rows = findings.checks.iter().map(|check| {
        let word = if check.is_met { "met" } else { MISSED };
        [
            check.expected.clone(),
            check.actual.clone(),
            word.to_owned(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let heading = ["expected", "found", ""];
    table_section("Assertions", "", heading, &rows, |row| row[2] == MISSED)
}

fn costs(run: &Run) -> String {
    let all = [
        phrases::costs(run),
        phrases::wire(run),
        doubts::disturbances(run),
        phrases::mock(run),
    ]
    .concat();
    let baseline =
        phrases::baseline(run).map(|baseline| sentence(&format!("baseline: {baseline}")));
    section("Cost", &baseline.unwrap_or_default(), &definitions(all))
}

fn domains(run: &Run) -> String {
    let rows: Vec<_> = run.domains.iter().map(phrases::domain_cells).collect();
    let note = match run.domains_left_out {
        0 => String::new(),
        more => format!("{} more are not listed.", figures::counted(more, "domain")),
    };
    table_section("Domains", &note, phrases::DOMAIN_HEADING, &rows, |_| false)
}

fn limits(run: &Run) -> String {
    let rows: Vec<_> = run.limits.iter().map(phrases::limit_cells).collect();
    let note = "The fullest window of each width, counted at MAIL, and what it may hold: \
                rate × (width + jitter) + burst.";
    let is_exceeded = |row: &[String; 7]| row[6] == phrases::EXCEEDED;
    table_section("Limits", note, phrases::LIMIT_HEADING, &rows, is_exceeded)
}

fn doors(run: &Run) -> String {
    let rows: Vec<_> = run.doors.iter().map(phrases::door_cells).collect();
    let note = "Most connections at once at each provider's own door, most messages on one of \
                them, and what it allows.";
    let is_exceeded = |row: &[String; 4]| row[3] == phrases::EXCEEDED;
    table_section("Doors", note, phrases::DOOR_HEADING, &rows, is_exceeded)
}

fn comparison(found: &Comparison) -> String {
    let rows = found.rows.iter().map(|row| {
        let ratio = row.ratio.map_or_else(String::new, figures::ratio);
        let word = row.change.word().to_owned();
        let name = row.name.to_owned();
        [name, row.base.clone(), row.new.clone(), ratio, word]
    });
    let rows: Vec<_> = rows.collect();
    let note = match found.differences.as_slice() {
        [] => format!("New divided by base; worse is beyond {}.", found.tolerance),
        some => format!(
            "The runs differ, so ratios say little: {}.",
            some.join(", ")
        ),
    };
    let heading = ["figure", "base", "new", "ratio", ""];
    let is_worse = |row: &[String; 5]| row[4] == Change::Worse.word();
    table_section("Compared", &note, heading, &rows, is_worse)
}

fn in_doubt(run: &Run) -> String {
    let rows = run.in_doubt_listed.iter().map(|one| {
        let arrived = if one.has_arrived {
            "had arrived"
        } else {
            "had not arrived"
        };
        let (recipient, campaign) = (one.recipient.clone(), one.campaign.clone());
        [recipient, campaign, arrived.to_owned()]
    });
    let rows: Vec<_> = rows.collect();
    let note = match run.outcome.in_doubt.saturating_sub(rows.len() as u64) {
        0 => String::new(),
        more => format!("{} more are not listed.", figures::count(more)),
    };
    let heading = ["recipient", "campaign", ""];
    let section = section("Doubt", "", &definitions(doubts::doubts(run)));
    section + &table_section("In doubt", &note, heading, &rows, |_| false)
}

fn conditions(run: &Run) -> String {
    let asked = definitions(conditions::options(&run.options));
    let machine = definitions(conditions::machine(run));
    section("Asked for", "", &asked) + &section("Machine", "", &machine)
}
