//! The configuration of a service that this process runs.

use std::path::Path;

use postrider_service::Config;
use postrider_service::config::{Problem, environment};

use crate::arguments::Globals;
use crate::content;
use crate::exit::{Exit, stop};

/// The configuration from `--config` and the environment.
pub(crate) fn load(globals: &Globals) -> anyhow::Result<Config> {
    match &globals.config {
        Some(path) => from_file(path),
        None => from_text("", "the configuration"),
    }
}

/// The configuration from a file and the environment.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<Config> {
    let name = path.display().to_string();
    let text = String::from_utf8(content::bytes(path)?);
    let text = text.map_err(|_| stop(Exit::Usage, format!("{name} is not UTF-8")))?;
    from_text(&text, &name)
}

/// The configuration from a text and the environment.
pub(crate) fn from_text(text: &str, name: &str) -> anyhow::Result<Config> {
    let loaded = Config::load(text, name, &environment::read());
    loaded.map_err(|problems| stop(Exit::Usage, sentence(&problems)))
}

/// All problems, one a line.
fn sentence(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| format!("\n  {problem}"));
    format!(
        "the configuration cannot be used{}",
        lines.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_at_once_and_is_the_callers_mistake() {
        let text = "[server]\nlissen = \"127.0.0.1:1\"\n[retry]\njitter = 9.0\n";
        let error = from_text(text, "own.toml").unwrap_err();
        assert_eq!(crate::exit::of(&error), Exit::Usage);
        let error = error.to_string();
        assert!(error.contains("\n  own.toml:2:"), "{error}");
        assert!(error.contains("\n  own.toml:4:"), "{error}");
    }

    #[test]
    fn the_sample_configuration_can_be_used() {
        let config = from_text(crate::sample::CONFIG, "dev.toml").unwrap();
        let big = "bigmail.test".parse().unwrap();
        let rate = config.limits.of(&big).rate;
        assert_eq!(rate, Some("50/s".parse().unwrap()));
    }
}
