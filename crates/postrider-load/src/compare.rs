//! `--compare base.json`: the key figures of this run as ratios of those of another.
//!
//! A ratio says something only when nothing else differs, and when both runs are results. So a
//! comparison of runs with other options, or from another machine, is refused unless it is asked
//! for ([`Sameness::Waived`]), and then says what differs; one with a run whose verdict is not
//! clean is always refused, because such a run measured something else than delivering mail.
//!
//! Each figure has a direction, and is worse when it is beyond the tolerance in the wrong one.
//! Times below a millisecond count as one (`floor`): that 30 µs became 60 µs is no news.
//! A figure that either run did not measure is shown without a ratio, and is not worse.

mod figure;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use crate::figures;
use crate::plan::Plan;
use crate::run::{Run, Verdict};
use figure::FIGURES;

/// How much worse a figure may be, as a share; 5 % unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tolerance(f64);

impl Default for Tolerance {
    fn default() -> Self {
        Self(0.05)
    }
}

impl Tolerance {
    /// As a share of 1.
    pub const fn share(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&figures::share(self.0))
    }
}

impl FromStr for Tolerance {
    type Err = CompareError;

    fn from_str(text: &str) -> Result<Self, CompareError> {
        let share: Option<f64> = match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .map(|percent: f64| percent / 100.0),
            None => text.trim().parse().ok(),
        };
        let share = share.filter(|share| (0.0..1.0).contains(share));
        share
            .map(Self)
            .ok_or_else(|| CompareError::Tolerance(text.to_owned()))
    }
}

/// Whether runs have to be alike to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// Options and machine must be the same.
    Required,
    /// What differs is only listed.
    Waived,
}

/// Why two runs are not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A tolerance that is none.
    #[error("`{0}` is no tolerance: write a share from 0% to less than 100%, such as 5%")]
    Tolerance(String),
    /// A run that is no result.
    #[error("{which} is no result to compare: its verdict is fail ({reasons})")]
    NoResult {
        /// `the base run` or `the new run`.
        which: &'static str,
        /// Why it failed.
        reasons: String,
    },
    /// Runs that did not do the same.
    #[error(
        "the runs did not do the same, so their ratios would say nothing: {}; with --anyway \
         they are compared all the same",
        .0.join(", ")
    )]
    Different(Vec<String>),
    /// A file that cannot be read.
    #[error("cannot read the run in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What reading says.
        source: io::Error,
    },
    /// A file that is no run, or one of another version.
    #[error("{} is no run.json of this version", path.display())]
    NoRun {
        /// The file.
        path: PathBuf,
        /// Where it is not.
        source: serde_json::Error,
    },
}

/// Reads a run from its `run.json`.
///
/// # Errors
/// [`CompareError::Unreadable`] or [`CompareError::NoRun`].
pub fn read_run(path: &Path) -> Result<Run, CompareError> {
    let text = fs::read(path).map_err(|source| CompareError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| CompareError::NoRun {
        path: path.to_owned(),
        source,
    })
}

/// How a figure has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Beyond the tolerance in the right direction.
    Better,
    /// Within the tolerance.
    Same,
    /// Beyond the tolerance in the wrong direction.
    Worse,
    /// One of the runs has no such figure.
    Unknown,
}

impl Change {
    /// What a person reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Worse => "WORSE",
            Self::Unknown => "–",
        }
    }
}

/// One figure of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is, such as `cpu per message`.
    pub name: &'static str,
    /// The figure of the base run as people read it.
    pub base: String,
    /// The figure of the new run.
    pub new: String,
    /// New divided by base.
    pub ratio: Option<f64>,
    /// Whether that is good.
    pub change: Change,
}

/// Two runs held against each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The key figures.
    pub rows: Vec<Row>,
    /// What the runs did differently, base first, such as `recipients 500 and 900`; empty for like
    /// runs.
    pub differences: Vec<String>,
    /// How much worse a figure may be.
    pub tolerance: Tolerance,
}

impl Comparison {
    /// Whether no figure is worse beyond the tolerance.
    pub fn is_met(&self) -> bool {
        self.rows.iter().all(|row| row.change != Change::Worse)
    }
}

/// Says before a run what would keep it from being compared afterwards, so that nobody waits for
/// an hour to be told: a base that is no result, and other options or another seed.
///
/// # Errors
/// As [`compare`].
pub fn foresee(base: &Run, plan: &Plan, sameness: Sameness) -> Result<(), CompareError> {
    is_result("the base run", base)?;
    let done = json!({ "options": base.options, "seed": base.seed });
    let planned = plan.shown(base.options.config_hash.clone());
    let planned = json!({ "options": planned, "seed": plan.options.seed });
    let mut differences = Vec::new();
    differ(&mut differences, "", &done, &planned);
    if sameness == Sameness::Required && !differences.is_empty() {
        return Err(CompareError::Different(differences));
    }
    Ok(())
}

/// Holds a new run against a base.
///
/// # Errors
/// [`CompareError::NoResult`] when one of them failed, and [`CompareError::Different`] when they
/// did not do the same on the same machine and that is required.
pub fn compare(
    base: &Run,
    new: &Run,
    tolerance: Tolerance,
    sameness: Sameness,
) -> Result<Comparison, CompareError> {
    is_result("the base run", base)?;
    is_result("the new run", new)?;
    let differences = differences(base, new);
    if sameness == Sameness::Required && !differences.is_empty() {
        return Err(CompareError::Different(differences));
    }
    let rows = FIGURES
        .iter()
        .map(|figure| figure.row(base, new, tolerance));
    Ok(Comparison {
        rows: rows.collect(),
        differences,
        tolerance,
    })
}

fn is_result(which: &'static str, run: &Run) -> Result<(), CompareError> {
    if run.verdict == Verdict::Pass {
        return Ok(());
    }
    let reasons = run.reasons.join("; ");
    Err(CompareError::NoResult { which, reasons })
}

/// What two runs did differently: options, seed and machine.
fn differences(base: &Run, new: &Run) -> Vec<String> {
    let did = |run: &Run| {
        json!({
            "options": run.options,
            "seed": run.seed,
            "machine": run.machine,
        })
    };
    let mut found = Vec::new();
    differ(&mut found, "", &did(base), &did(new));
    found
}

fn differ(found: &mut Vec<String>, name: &str, base: &Value, new: &Value) {
    if let (Value::Object(base), Value::Object(new)) = (base, new) {
        for (name, base) in base {
            differ(found, name, base, new.get(name).unwrap_or(&Value::Null));
        }
    } else if base != new {
        let (name, base, new) = (name.replace('_', " "), shown(base), shown(new));
        found.push(format!("{name} {base} and {new}"));
    }
}

/// An option as people read it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
