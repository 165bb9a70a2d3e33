//! The claims of the configuration as a whole.

mod dkim;
mod pages;
mod problems;
mod ranges;
mod routes;
mod variables;

use postrider_types::Rate;

use super::Config;

fn load(text: &str) -> Config {
    Config::load(text, "postrider.toml", &[]).unwrap()
}

fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let problems = Config::load(text, "postrider.toml", &pairs(environment)).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

fn pairs(environment: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    environment.iter().map(owned).collect()
}

/// Checks the one problem of a file.
fn check(text: &str, expect: &str) {
    assert_eq!(problems(text, &[]), [expect], "{text}");
}

fn rate(text: &str) -> Option<Rate> {
    Some(text.parse().unwrap())
}
