//! A configuration as it was read: what it says, where it says so, and what is wrong with it.
//!
//! Reading goes on after each problem, and what could not be read is as in the defaults. So whoever
//! checks a file can go on to what it names, and tell everything at once.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::lookup::Target;
use super::problem::{self, Lines, Place, Problem};
use super::walk::{self, Setting};
use super::{Config, dkim, environment, relations};

/// What was read of a file and of the environment.
#[derive(Debug)]
pub struct Reading {
    /// What they say; where something is wrong with a value, the default.
    pub config: Config,
    /// Where they say so.
    pub places: Places,
    /// What is wrong: with the file first, in its order.
    pub problems: Vec<Problem>,
}

/// Where values were written, by the paths of their keys; what has no place is a default.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, Place>);

impl Places {
    /// Where the value of a key was written, whose path is as TOML writes it. A key of a table
    /// `[[dkim]]` is that of its number, from 0, as in `dkim[0].key_file`.
    pub fn of(&self, path: &str) -> Option<&Place> {
        self.0.get(path)
    }

    pub(super) fn insert(&mut self, path: String, place: Place) {
        self.0.insert(path, place);
    }
}

impl Reading {
    /// Reads the text of a file and then variables of the environment, as [`Config::load`] does.
    pub fn of(text: &str, file_name: &str, environment: &[(String, String)]) -> Self {
        let lines = Lines::new(file_name, text);
        let (document, errors) = DeTable::parse_recoverable(text);
        let document = document.get_ref();
        let mut problems = problem::of_toml(&errors, &lines);
        let mut settings = walk::file(document, &lines, &mut problems);
        settings.extend(environment::settings(environment, &mut problems));

        let mut places = Places::default();
        let config = Config {
            dkim: dkim::read(document, &lines, &mut places, &mut problems),
            ..Config::default()
        };
        let mut reading = Self {
            config,
            places,
            problems,
        };
        // A domain starts from `limits.default` and a named route from `route`, which must be
        // complete by then.
        settings.sort_by_key(|setting| !matches!(setting.target, Target::Config(_)));
        for setting in settings {
            reading.apply(setting);
        }
        relations::check(&reading.config, &reading.places.0, &mut reading.problems);
        reading.problems = problem::in_order(reading.problems);
        reading
    }

    /// Whether something is wrong with the value of a key.
    pub(crate) fn blames(&self, path: &str) -> bool {
        self.problems.iter().any(|problem| problem.key == path)
    }

    /// Sets one value, or says why it cannot be.
    fn apply(&mut self, setting: Setting<'_>) {
        let config = &mut self.config;
        let result = match setting.target {
            Target::Config(key) => key.kind.set(config, &setting.given),
            Target::Route(name, key) => {
                let default = config.route.clone();
                let own = config.routes.remove(&name);
                // The key is that of the default route, so the named one stands in for it.
                config.route = own.unwrap_or_else(|| default.clone());
                let result = key.kind.set(config, &setting.given);
                let changed = std::mem::replace(&mut config.route, default);
                config.routes.insert(name, changed);
                result
            }
            Target::Domain(domain, key) => {
                let default = config.limits.default;
                let limit = config.limits.domain.entry(domain).or_insert(default);
                key.kind.set(limit, &setting.given)
            }
        };
        let mut push = |text| {
            let problem = Problem::new(&setting.place, &setting.path, text);
            self.problems.push(problem);
        };
        if let Err(text) = result {
            push(text);
        }
        // TOML itself refuses a key that is repeated letter by letter, but a domain has many
        // spellings.
        if let (Some(Place::File { line, .. }), Place::File { .. }) =
            (self.places.of(&setting.path), &setting.place)
        {
            push(format!("is given twice, also in line {line}"));
        }
        self.places.insert(setting.path, setting.place);
    }
}
