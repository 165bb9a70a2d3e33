//! Which figures a run can have, in which unit, and where they are in it.
//!
//! The keys are read from the complete run ([`sample`](crate::sample)), not listed here, so that
//! a figure that is added to the run can be asserted at once. Left out is what nobody measures:
//! the options, the machine, the series.

use std::collections::BTreeMap;

use postrider_mock_smtp::log::FaultKind;
use postrider_types::DeliveryState;
use serde_json::Value;

use super::AssertionError;
use crate::figures;
use crate::run::Run;
use crate::sample;

/// What stands for the name of any domain in the list of keys.
const ANY_DOMAIN: &str = "NAME";

/// Keys that are no figures; lists are none either.
const NOT_FIGURES: [&str; 6] = [
    "commit",
    "machine",
    "options",
    "seed",
    "series",
    "started_at",
];

/// Maps in which what did not happen is missing.
const COUNTED: [&str; 2] = ["faults.", "others."];

const FAULTS: [FaultKind; 8] = [
    FaultKind::CommandAfter421,
    FaultKind::PipelinedUnoffered,
    FaultKind::Synchronisation,
    FaultKind::Order,
    FaultKind::Syntax,
    FaultKind::LineTooLong,
    FaultKind::BareLineEnd,
    FaultKind::NoQuit,
];

/// A figure that every run can have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// Its dotted path, as in `run.json`.
    pub(super) path: String,
    /// What kind of figure it is.
    pub(super) measure: Measure,
    /// The domain that it belongs to, where it belongs to one.
    domain: Option<String>,
}

/// What kind of figure a key holds; what follows from its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measure {
    /// A time, and how many microseconds one of the figure is.
    Time { scale_us: f64 },
    /// Bytes.
    Size,
    /// Something a second.
    Rate,
    /// A share of 1, or a ratio.
    Share,
    /// Any other number.
    Number,
    /// A word, such as a verdict.
    Word,
}

impl Measure {
    fn of(name: &str, value: &Value) -> Self {
        let mut words = name.split('_');
        match () {
            () if value.is_string() => Self::Word,
            () if words.clone().any(|word| word == "us") => Self::Time { scale_us: 1.0 },
            () if name == "seconds" || name.ends_with("_at") => Self::Time { scale_us: 1e6 },
            () if words.clone().any(|word| word == "bytes") => Self::Size,
            () if words.any(|word| word == "rate") => Self::Rate,
            () if name == "utilisation" || name == "ratio" => Self::Share,
            () => Self::Number,
        }
    }

    /// How many units of comparison one of the figure is.
    pub(super) const fn scale(self) -> f64 {
        match self {
            Self::Time { scale_us } => scale_us,
            _ => 1.0,
        }
    }

    /// What an expression may give for it.
    pub(super) const fn takes(self) -> &'static str {
        match self {
            Self::Time { .. } => "takes a time: a number with us, ms, s, m or h",
            Self::Size => "takes a size: a number with B, kB, MB, GB, KiB, MiB or GiB",
            Self::Rate => "takes a rate: a number with /s, /m or /h",
            Self::Share => "takes a share: a number such as 0.98, or 98%",
            Self::Number => "takes a number without a unit",
            Self::Word => "takes a word",
        }
    }

    /// A value of it as people read it.
    pub(super) fn shown(self, value: Option<&Value>) -> String {
        let Some(value) = value else {
            return figures::NOT_MEASURED.to_owned();
        };
        let Some(number) = value.as_f64() else {
            return value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
        };
        match self {
            Self::Time { scale_us } => figures::time(number * scale_us),
            Self::Size => figures::bytes(number),
            Self::Rate => figures::rate(number),
            Self::Share => figures::share(number),
            Self::Number | Self::Word => figures::number(number),
        }
    }
}

impl Key {
    /// The figure in a run that [`tree`] made; `None` when it was not measured.
    pub(super) fn find_in(&self, run: &Value) -> Option<Value> {
        let found = match &self.domain {
            None => self.path.split('.').try_fold(run, |at, name| at.get(name)),
            Some(domain) => {
                let named = |at: &&Value| at["name"] == domain.as_str();
                let domain = run["domains"].as_array()?.iter().find(named);
                let (_, name) = self.path.rsplit_once('.')?;
                domain.and_then(|domain| domain.get(name))
            }
        };
        let is_counted = COUNTED.iter().any(|map| self.path.starts_with(map));
        let none = is_counted.then(|| Value::from(0));
        found.cloned().or(none).filter(|found| !found.is_null())
    }
}

/// A run as the tree that its keys lead into.
pub(super) fn tree(run: &Run) -> Value {
    serde_json::to_value(run).expect("a run has only names as keys")
}

/// The key that a path means; `_us` at its end may be left out.
pub(super) fn find(path: &str) -> Result<Key, AssertionError> {
    let known = known();
    let (domain, general) = of_domain(path);
    let with_unit = format!("{general}_us");
    let found = [general.as_str(), with_unit.as_str()]
        .into_iter()
        .find_map(|path| {
            let measure = known.get(path)?;
            Some((path, *measure))
        });
    let Some((found, measure)) = found else {
        return Err(AssertionError::Key {
            key: path.to_owned(),
            nearest: nearest(&general, &known),
            known: known.into_keys().collect::<Vec<_>>().join(", "),
        });
    };
    let path = match &domain {
        Some(domain) => found.replace(ANY_DOMAIN, domain),
        None => found.to_owned(),
    };
    Ok(Key {
        path,
        measure,
        domain,
    })
}

/// The domain that a path names, and the path for any domain.
fn of_domain(path: &str) -> (Option<String>, String) {
    let inside = path.strip_prefix("domains.");
    match inside.and_then(|inside| inside.rsplit_once('.')) {
        Some((domain, name)) => (
            Some(domain.to_owned()),
            format!("domains.{ANY_DOMAIN}.{name}"),
        ),
        None => (None, path.to_owned()),
    }
}

fn known() -> BTreeMap<String, Measure> {
    let run = tree(&sample::run());
    let mut keys = BTreeMap::new();
    for (name, value) in run.as_object().into_iter().flatten() {
        if !NOT_FIGURES.contains(&name.as_str()) {
            add(&mut keys, name, value);
        }
    }
    add(
        &mut keys,
        &format!("domains.{ANY_DOMAIN}"),
        &run["domains"][0],
    );
    let states = DeliveryState::ALL.map(DeliveryState::name);
    let named = ["delivered", "bounced", "deferred", "in_doubt"];
    let others = states.iter().filter(|state| !named.contains(state));
    keys.extend(others.map(|state| (format!("others.{state}"), Measure::Number)));
    keys.extend(FAULTS.map(|kind| (format!("faults.{}", kind.name()), Measure::Number)));
    keys
}

fn add(keys: &mut BTreeMap<String, Measure>, path: &str, value: &Value) {
    if let Some(map) = value.as_object() {
        for (name, value) in map {
            add(keys, &format!("{path}.{name}"), value);
        }
        return;
    }
    if value.is_array() {
        return;
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    keys.insert(path.to_owned(), Measure::of(name, value));
}

/// The key that differs least, if it differs little; without `_us` where that was left out.
fn nearest(path: &str, known: &BTreeMap<String, Measure>) -> Option<String> {
    let spellings = known.keys().flat_map(|key| {
        let short = key.strip_suffix("_us");
        [Some(key.as_str()), short].into_iter().flatten()
    });
    let by_distance = spellings.map(|key| (strsim::damerau_levenshtein(path, key), key));
    let (distance, key) = by_distance.min()?;
    (distance <= 3).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_complete_run_is_missing() {
        fn check(path: &str, value: &Value) {
            assert!(!value.is_null(), "{path} is null");
            for (name, value) in value.as_object().into_iter().flatten() {
                check(&format!("{path}.{name}"), value);
            }
        }
        check("run", &tree(&sample::run()));
    }

    #[test]
    fn what_a_figure_is_follows_from_its_name() {
        let keys = known();
        let check = |key: &str, measure| assert_eq!(keys.get(key), Some(&measure), "{key}");
        check("lateness.p99_us", Measure::Time { scale_us: 1.0 });
        check("cpu_us_per_message", Measure::Time { scale_us: 1.0 });
        check("seconds", Measure::Time { scale_us: 1e6 });
        check("domains.NAME.last_at", Measure::Time { scale_us: 1e6 });
        check("rss_bytes_max", Measure::Size);
        check("bytes_per_recipient", Measure::Size);
        check("rate_allowed", Measure::Rate);
        check("intake_rate", Measure::Rate);
        check("domains.NAME.rate_limit", Measure::Rate);
        check("utilisation", Measure::Share);
        check("baseline.ratio", Measure::Share);
        check("duplicates", Measure::Number);
        check("others.expired", Measure::Number);
        check("verdict", Measure::Word);
        for no_figure in [
            "seed",
            "limits",
            "reasons",
            "options.recipients",
            "series.kills",
        ] {
            assert!(!keys.contains_key(no_figure), "{no_figure}");
        }
    }

    #[test]
    fn a_domain_that_was_not_planned_has_no_figures() {
        let run = tree(&sample::run());
        let found = |path: &str| find(path).unwrap().find_in(&run);
        assert_eq!(
            found("domains.limited.test.planned"),
            Some(Value::from(450))
        );
        assert_eq!(found("domains.other.test.planned"), None);
    }
}
