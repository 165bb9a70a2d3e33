//! `postrider load`: a load test that reconciles every recipient.

mod configuration;
#[cfg(test)]
mod documented;
mod options;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use postrider_load::compare::{CompareError, Sameness, Tolerance, compare, foresee, read_run};
use postrider_load::load::{Finished, Surroundings};
use postrider_load::plan::options::OptionsError;
use postrider_load::run::Verdict;
use postrider_load::{Run, assertion, html, load, report};

use crate::call::Call;
use crate::exit::{Exit, stop};
use crate::signals::Stop;

const RUN_EXAMPLE: &str = "\
Examples:
  postrider load run --recipients 20k --profile providers-like --out run.json --html report.html
  postrider load run --recipients 1M --baseline smtp-source --assert 'lost==0'
  postrider load run --kill-every 2s --pause-every 5s --seed 7

The service and a mock run as processes of their own, and mail goes nowhere else. Exit code 0 is a
clean verdict, 1 is none, 99 is a missed --assert or a --compare beyond the tolerance.";

const COMPARE_EXAMPLE: &str = "\
Example:
  postrider load compare base.json run.json --tolerance 10%";

/// What can be done with loads.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send to a pretend audience, and hold every receipt against what the receiver saw
    #[command(after_help = RUN_EXAMPLE)]
    Run(Box<RunArguments>),
    /// Hold one run against another
    #[command(after_help = COMPARE_EXAMPLE)]
    Compare(CompareArguments),
}

/// What a run is asked to do.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    options: options::OptionArguments,
    #[command(flatten)]
    results: Results,
}

/// What becomes of its results.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
struct Results {
    /// Write the run to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write a report with plots to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// What must hold of the run, such as duplicates==0 or lateness.p99<=250ms; any number
    #[arg(long = "assert", value_name = "EXPR")]
    assertions: Vec<assertion::Assertion>,
    /// Hold the run against this earlier one
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    #[command(flatten)]
    likeness: Likeness,
}

/// How alike two runs must be.
#[derive(Debug, Args)]
struct Likeness {
    /// How much worse a figure may be than in the earlier run
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    tolerance: Tolerance,
    /// Compare runs with other options or from another machine too
    #[arg(long)]
    anyway: bool,
}

/// What is held against what.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The earlier run
    base: PathBuf,
    /// The later run
    new: PathBuf,
    #[command(flatten)]
    likeness: Likeness,
}

impl Likeness {
    const fn sameness(&self) -> Sameness {
        if self.anyway {
            Sameness::Waived
        } else {
            Sameness::Required
        }
    }
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => run_load(arguments, call).await,
        Command::Compare(arguments) => compare_runs(arguments, call),
    }
}

async fn run_load(arguments: &RunArguments, call: &Call) -> anyhow::Result<Exit> {
    let results = &arguments.results;
    let plan = arguments.options.plan(&call.globals)?;
    configuration::check(&plan, call.globals.config.as_deref())?;
    for path in [&results.out, &results.html].into_iter().flatten() {
        writable(path)?;
    }
    let base = results.compare.as_deref().map(read_run).transpose();
    let usage = |error: CompareError| stop(Exit::Usage, error.to_string());
    let base = base.map_err(usage)?;
    if let Some(base) = &base {
        foresee(base, &plan, results.likeness.sameness()).map_err(usage)?;
    }
    let executable = std::env::current_exe().context("this program does not find itself")?;
    let say = |sentence: &str| call.output.note(sentence);
    let around = Surroundings {
        executable: &executable,
        say: &say,
    };
    let stop = Stop::listen()?;
    let finished = tokio::select! {
        finished = load::run(&plan, &around) => finished.map_err(unusable)?,
        () = stop.asked() => {
            call.output.warn("stopped; a run that did not end is no result");
            return Ok(Exit::Partly);
        }
    };
    report_on(&finished, results, base.as_ref(), call)
}

/// An option that is found out to be none when the run begins.
fn unusable(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<OptionsError>() {
        Some(error) => stop(Exit::Usage, error.to_string()),
        None => error,
    }
}

/// Refuses a file for which there is no folder, so that nobody waits for an hour to be told.
fn writable(path: &Path) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let is_missing = !folder.is_dir();
    if is_missing || path.is_dir() {
        let (path, folder) = (path.display(), folder.display());
        let why = match is_missing {
            true => format!("there is no folder {folder}"),
            false => "it is a folder".to_owned(),
        };
        return Err(stop(Exit::Usage, format!("cannot write {path}: {why}")));
    }
    Ok(())
}

fn report_on(
    finished: &Finished,
    results: &Results,
    base: Option<&Run>,
    call: &Call,
) -> anyhow::Result<Exit> {
    let run = &finished.run;
    let mut findings = report::Findings {
        checks: assertion::check(run, &results.assertions),
        ..report::Findings::default()
    };
    let mut uncompared = None;
    if let Some(base) = base {
        let likeness = &results.likeness;
        match compare(base, run, likeness.tolerance, likeness.sameness()) {
            Ok(comparison) => findings.comparison = Some(comparison),
            Err(error) => uncompared = Some(error),
        }
    }
    if let Some(path) = &results.out {
        let mut text = serde_json::to_string_pretty(run)?;
        text.push('\n');
        write(path, text.as_bytes())?;
        findings.files.push(path.clone());
        if let Some(lateness) = &finished.lateness {
            let path = path.with_extension("hgrm");
            let mut text = Vec::new();
            lateness.write_hgrm(&mut text)?;
            write(&path, &text)?;
            findings.files.push(path);
        }
    }
    if let Some(path) = &results.html {
        write(path, html::page(run, &findings)?.as_bytes())?;
        findings.files.push(path.clone());
    }
    if call.output.is_json() {
        call.output.json(run)?;
    } else {
        call.output.line(report::text(run, &findings))?;
    }
    if let Some(error) = uncompared {
        return Err(anyhow::Error::from(error).context("the run is not compared"));
    }
    Ok(if !findings.are_met() {
        Exit::Missed
    } else if run.verdict == Verdict::Pass {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn compare_runs(arguments: &CompareArguments, call: &Call) -> anyhow::Result<Exit> {
    let usage = |error: CompareError| stop(Exit::Usage, error.to_string());
    let base = read_run(&arguments.base).map_err(usage)?;
    let new = read_run(&arguments.new).map_err(usage)?;
    let likeness = &arguments.likeness;
    let found = compare(&base, &new, likeness.tolerance, likeness.sameness())?;
    if call.output.is_json() {
        call.output.json(&found)?;
    } else {
        call.output.line(report::comparison_text(&found))?;
    }
    Ok(if found.is_met() {
        Exit::Done
    } else {
        Exit::Missed
    })
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[test]
    fn a_file_that_cannot_be_written_is_refused_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let check = |path: &Path, expect: &str| {
            let error = writable(path).unwrap_err();
            assert_eq!(exit::of(&error), Exit::Usage);
            assert!(error.to_string().contains(expect), "{error}");
        };
        check(&folder.path().join("none/run.json"), "there is no folder");
        check(folder.path(), "it is a folder");
        writable(&folder.path().join("run.json")).unwrap();
        writable(Path::new("run.json")).unwrap();
    }

    #[test]
    fn an_option_that_turns_out_to_be_none_is_the_callers_mistake() {
        let error = OptionsError::Text("--data: no".to_owned());
        assert_eq!(exit::of(&unusable(error.into())), Exit::Usage);
        let error = anyhow::anyhow!("the mock is gone");
        assert_eq!(exit::of(&unusable(error)), Exit::Failed);
    }
}
