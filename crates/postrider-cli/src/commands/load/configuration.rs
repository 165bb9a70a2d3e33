//! Whether the service takes the configuration of a run, found out before anything is started.
//!
//! What the service reads is made of options, of the profile, of what a load needs and of the file
//! of `--config`, so it is read here as a whole, as the service does. A problem is told where
//! somebody wrote the value: in that file, or with the option.

use std::path::Path;

use postrider_load::load;
use postrider_load::plan::Plan;
use postrider_service::config::{Place, Problem, Reading};
use postrider_service::wiring;

use crate::exit::{Exit, stop};

/// The option that is a key of the service, and the key.
const RETRY_AFTER: (&str, &str) = ("--in-doubt-retry-after", "in_doubt.retry_after");

/// Refuses a plan whose service would refuse its configuration; `file` is where
/// [`Options::config`](postrider_load::plan::options::Options::config) comes from.
pub(super) fn check(plan: &Plan, file: Option<&Path>) -> anyhow::Result<()> {
    let name = file.map(|path| path.display().to_string());
    let given = plan.options.config.as_deref().unwrap_or_default();
    let given = Reading::of(given, &name.unwrap_or_default(), &[]);
    let is_toml = given.problems.iter().all(|problem| !problem.key.is_empty());
    if !is_toml {
        return refuse(given.problems.iter().map(ToString::to_string));
    }
    // The service of a run has no environment.
    let whole = Reading::of(&load::configuration(plan)?, "", &[]);
    let mut problems = wiring::problems(&whole);
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort_by_key(|problem| place_in(&given, &problem.key));
    refuse(problems.iter().map(|problem| told(problem, plan, &given)))
}

/// Where the value of a key was given.
fn place_in(given: &Reading, key: &str) -> Option<Place> {
    let mut problems = given.problems.iter();
    let unread = || Some(&problems.find(|problem| problem.key == key)?.place);
    given.places.of(key).or_else(unread).cloned()
}

/// A problem of the whole, with the option or the place in the file that it comes from.
fn told(problem: &Problem, plan: &Plan, given: &Reading) -> String {
    let Problem { key, text, .. } = problem;
    let (option, of_option) = RETRY_AFTER;
    if key == of_option && plan.options.in_doubt_retry_after.is_some() {
        return format!("{option}: {key}: {text}");
    }
    match place_in(given, key) {
        Some(place) => format!("{place}: {key}: {text}"),
        None => format!("{key}: {text}"),
    }
}

fn refuse(lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let lines: String = lines.map(|line| format!("\n  {line}")).collect();
    let sentence = format!("the service would not take the configuration of this run{lines}");
    Err(stop(Exit::Usage, sentence))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use postrider_mock_smtp::BuiltIn;

    use super::super::options::OptionArguments;
    use super::*;
    use crate::arguments::Globals;
    use crate::exit;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        globals: Globals,
        #[command(flatten)]
        options: OptionArguments,
    }

    /// What is said of these options and of a file with this text.
    fn checked(options: &[&str], text: &str) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("own.toml");
        std::fs::write(&path, text)?;
        let file = ["load", "--config", path.to_str().unwrap_or_default()];
        let line = Line::try_parse_from([&file, options].concat())?;
        let plan = line.options.plan(&line.globals)?;
        check(&plan, Some(&path))
    }

    fn refused(options: &[&str], text: &str, expect: &str) {
        let error = checked(options, text).unwrap_err();
        assert_eq!(exit::of(&error), Exit::Usage);
        let error = error.to_string();
        assert!(error.contains(expect), "{error} is without {expect}");
    }

    #[test]
    fn a_doubt_that_would_be_sent_again_too_early_is_refused_before_anything_starts() {
        let options = ["--in-doubt", "retry", "--in-doubt-retry-after", "1s"];
        refused(
            &options,
            "",
            "\n  --in-doubt-retry-after: in_doubt.retry_after: is not longer than timeouts.dot",
        );
        let text = "[in_doubt]\nretry_after = '21s'\n";
        refused(
            &["--in-doubt", "retry"],
            text,
            "own.toml:2:15: in_doubt.retry_after: is shorter than timeouts.dot and lease.time",
        );
        checked(&["--in-doubt", "retry"], "").unwrap();
        let short = "[timeouts]\ndot = '1s'\n[lease]\ntime = '2s'\nslice = '1s'";
        checked(&["--in-doubt-retry-after", "3s"], short).unwrap();
    }

    #[test]
    fn what_is_wrong_with_the_given_file_is_told_with_its_lines() {
        refused(
            &[],
            "[lease]\ntme = '2s'\n[route]\nca_file = '/nowhere/ca.pem'\n",
            "own.toml:2:1: lease.tme: unknown key; did you mean lease.time?\n",
        );
        refused(
            &[],
            "[lease]\ntme = '2s'\n[route]\nca_file = '/nowhere/ca.pem'\n",
            "own.toml:4:11: route.ca_file: cannot be used: ",
        );
        refused(&[], "[lease\n", "own.toml:1:7: unclosed table");
    }

    #[test]
    fn every_profile_makes_a_configuration_that_the_service_takes() {
        for profile in BuiltIn::all() {
            checked(&["--profile", profile.name], "").unwrap();
        }
    }
}
