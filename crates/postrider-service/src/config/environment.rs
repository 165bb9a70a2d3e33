//! Variables of the environment: `POSTRIDER_` and the path of a key in upper case, two
//! underscores for a dot, as in `POSTRIDER_LIMITS__DEFAULT__RATE=20/s`.
//!
//! A variable outweighs the file. One that names no key is an error too, because a misspelled
//! limit is a limit that does not hold. This is the only place that reads the environment of the
//! process; everything else takes the pairs as an argument.

use super::Place;
use super::given::Given;
use super::keys::keys;
use super::lookup::{Known, lookup, nearest};
use super::problem::Problem;
use super::walk::Setting;

/// What every variable of ours begins with.
pub const PREFIX: &str = "POSTRIDER_";

/// The variables of ours that are no keys of the configuration, with what they mean.
pub const OTHERS: &[(&str, &str)] = &[
    ("POSTRIDER_CONFIG", "The path of the configuration file."),
    (
        "POSTRIDER_ENDPOINT",
        "Where a client finds the API, such as `http://127.0.0.1:8420`.",
    ),
    ("POSTRIDER_KEY", "The API key that a client sends."),
];

/// The variables of this process that begin with [`PREFIX`], in the order of their names.
///
/// What is not UTF-8 in a value becomes U+FFFD, which no key takes.
pub fn read() -> Vec<(String, String)> {
    let mut pairs: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let value = value.to_string_lossy().into_owned();
            name.starts_with(PREFIX).then_some((name, value))
        })
        .collect();
    pairs.sort();
    pairs
}

/// The value of one variable among pairs.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(known, _)| known == name)?;
    Some(&pair.1)
}

/// The variable that sets a key.
pub(crate) fn name_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// Every setting among the variables; what has no key becomes a problem.
pub(crate) fn settings<'a>(
    pairs: &'a [(String, String)],
    problems: &mut Vec<Problem>,
) -> Vec<Setting<'a>> {
    let mut settings = Vec::new();
    for (name, value) in pairs {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if OTHERS.iter().any(|(other, _)| other == name) {
            continue;
        }
        let place = Place::Variable(name.clone());
        let path = rest.to_lowercase();
        let path: Vec<_> = path.split("__").collect();
        match lookup(&path) {
            Known::Value(target) => settings.push(Setting {
                path: target.path(),
                target,
                given: Given::Variable(value),
                place,
            }),
            _ => problems.push(Problem::new(&place, "", unknown(&path.join(".")))),
        }
    }
    settings
}

/// What to say of a variable that is not known; `path` is what it would name.
fn unknown(path: &str) -> String {
    let keys = keys().map(|key| key.path.to_owned());
    let others = OTHERS
        .iter()
        .map(|(other, _)| other[PREFIX.len()..].to_lowercase());
    match nearest(path, keys.chain(others)) {
        Some(known) => format!("unknown variable; did you mean {}?", name_of(&known)),
        None => format!(
            "unknown variable; expected {PREFIX} and a key, such as {}",
            name_of("route.relay")
        ),
    }
}
