//! The configuration: one file, one table of keys, and every problem at once.
//!
//! The defaults are [`Config::default`]; a TOML file and then `POSTRIDER_` variables say what
//! differs. Each key stands once in the table of keys (`keys.rs`) with its unit, its allowed range
//! and its meaning; `config/default.toml` and `docs/configuration.md` are printed from that table
//! and tested against it. The file is walked with the positions of its keys and values, so that a
//! [`Problem`] can name its line, and reading goes on after each problem.
//!
//! Units are always written (`"20/s"`, `"5m"`, `"64MiB"`): a bare number is refused where a unit
//! is meant, because whoever reads it would have to guess.
//!
//! Nothing here opens a file, and only [`environment::read`] reads the environment. Nothing here
//! checks what the machine says about a value: whether a port is free, a directory writable or a
//! relay reachable shows when the service starts.

mod dkim;
pub mod environment;
mod given;
mod keys;
mod kind;
mod lookup;
mod print;
mod problem;
mod relations;
#[cfg(test)]
mod tests;
mod unit;
mod values;
mod walk;

use std::collections::BTreeMap;

use toml::de::DeTable;

pub use dkim::Dkim;
pub use print::{default_toml, reference};
pub use problem::{Place, Problem};
pub use values::{
    Cache, Config, Deliver, Email, InDoubt, Intake, Lease, Limit, Limits, Log, LogFormat, Message,
    Mx, Retention, Route, Secret, Server, Tables, Timeouts, TlsChoice, Trial, Workers,
};

use lookup::Target;
use problem::Lines;
use walk::Setting;

impl Config {
    /// The defaults, changed by the text of a file and then by variables of the environment.
    ///
    /// `file_name` is only named in problems; an empty `text` is a valid file. Of `environment`
    /// only names that begin with `POSTRIDER_` are looked at.
    ///
    /// # Errors
    /// All problems of both, those of the file first and in its order.
    pub fn load(
        text: &str,
        file_name: &str,
        environment: &[(String, String)],
    ) -> Result<Self, Vec<Problem>> {
        let lines = Lines::new(file_name, text);
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut problems = problem::of_toml(&errors, &lines);
        let mut settings = walk::file(document.get_ref(), &lines, &mut problems);
        settings.extend(environment::settings(environment, &mut problems));

        let mut config = Self {
            dkim: dkim::read(document.get_ref(), &lines, &mut problems),
            ..Self::default()
        };
        let mut places = BTreeMap::new();
        // A domain starts from `limits.default` and a named route from `route`, which must be
        // complete by then.
        settings.sort_by_key(|setting| !matches!(setting.target, Target::Config(_)));
        for setting in settings {
            config.apply(setting, &mut places, &mut problems);
        }
        relations::check(&config, &places, &mut problems);

        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problem::in_order(problems))
        }
    }

    /// Sets one value, or says why it cannot be.
    fn apply(
        &mut self,
        setting: Setting<'_>,
        places: &mut BTreeMap<String, Place>,
        problems: &mut Vec<Problem>,
    ) {
        let result = match setting.target {
            Target::Config(key) => key.kind.set(self, &setting.given),
            Target::Route(name, key) => {
                let default = self.route.clone();
                let own = self.routes.remove(&name);
                // The key is that of the default route, so the named one stands in for it.
                self.route = own.unwrap_or_else(|| default.clone());
                let result = key.kind.set(self, &setting.given);
                let changed = std::mem::replace(&mut self.route, default);
                self.routes.insert(name, changed);
                result
            }
            Target::Domain(domain, key) => {
                let default = self.limits.default;
                let limit = self.limits.domain.entry(domain).or_insert(default);
                key.kind.set(limit, &setting.given)
            }
        };
        if let Err(text) = result {
            problems.push(Problem::new(&setting.place, &setting.path, text));
        }
        // TOML itself refuses a key that is repeated letter by letter, but a domain has many
        // spellings.
        if let (Some(Place::File { line, .. }), Place::File { .. }) =
            (places.get(&setting.path), &setting.place)
        {
            let text = format!("is given twice, also in line {line}");
            problems.push(Problem::new(&setting.place, &setting.path, text));
        }
        places.insert(setting.path, setting.place);
    }
}
