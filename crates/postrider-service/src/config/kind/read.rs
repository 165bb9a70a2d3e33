//! How single values are read: each gives the value, or says what is wrong with what was given.
//!
//! What is said is shown to people and kept in logs, so it holds nothing that may be a secret.

use std::ops::RangeInclusive;
use std::str::FromStr;

use postrider_smtp::Relay;
use postrider_types::{Rate, RateError};
use tracing_subscriber::EnvFilter;

use crate::config::given::Given;
use crate::config::values::Secret;

/// How no limit is written.
pub(super) const NONE: &str = "none";

/// The levels of a log, from nothing to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The value when it is in the range; what is not a number is in none.
pub(super) fn within<T: PartialOrd>(
    range: &RangeInclusive<T>,
    value: T,
    given: &Given<'_>,
) -> Result<T, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(given.out_of_range())
    }
}

pub(super) fn parse<T: FromStr>(given: &Given<'_>) -> Result<T, String> {
    let parsed = given.text()?.parse();
    parsed.map_err(|_| format!("{} is not valid", given.shown()))
}

/// A value, or nothing where the text is empty.
pub(super) fn optional<T>(
    given: &Given<'_>,
    read: impl Fn(&Given<'_>) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match given.text()? {
        "" => Ok(None),
        _ => read(given).map(Some),
    }
}

/// A text on one line, and not nothing.
pub(super) fn line(given: &Given<'_>) -> Result<String, String> {
    line_of(given.text()?)
}

fn line_of(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let is_foreign = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    if text.contains(is_foreign) {
        // Not shown: it may be a whole key, written where the path of its file belongs.
        return Err("has a line break or another character that is no text".to_owned());
    }
    Ok(text.to_owned())
}

/// The URL of a relay, as it was written. What comes before an `@` is not shown, because it may be
/// a password.
pub(super) fn relay_of(text: &str) -> Result<String, String> {
    let text = line_of(text)?;
    if text.contains('@') {
        let wrong = "has a user or a password in it; the keys user and password_file are for them";
        return Err(wrong.to_owned());
    }
    if text.contains(char::is_whitespace) {
        return Err(format!("{text:?} has a blank in it"));
    }
    match text.parse::<Relay>() {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{text:?} is no relay: {error}")),
    }
}

/// A secret. What is wrong with it is said without showing it.
pub(super) fn secret(given: &Given<'_>) -> Result<Secret, String> {
    let text = match given {
        Given::Toml(_) if given.text() == Ok("") => "",
        Given::Toml(_) => return Err("is a secret, which does not stand in this file".to_owned()),
        Given::Variable(text) => *text,
    };
    if text.chars().any(char::is_control) {
        return Err("has a control character, such as a line break".to_owned());
    }
    Ok(Secret::new(text))
}

pub(super) fn rate(given: &Given<'_>) -> Result<Option<Rate>, String> {
    let text = given.with_unit()?;
    if text == NONE {
        return Ok(None);
    }
    match text.parse() {
        Ok(rate) => Ok(Some(rate)),
        Err(RateError::Form) => Err(format!("{} is not a rate", given.shown())),
        Err(error) => Err(format!("{}: {error}", given.shown())),
    }
}

/// `tracing` takes a misspelled level for the name of a target and then logs nothing else; so a
/// word alone must be a level here, and each target must have one.
pub(super) fn filter(given: &Given<'_>) -> Result<String, String> {
    let text = line(given)?;
    for part in text.split(',') {
        let level = part.rsplit('=').next().unwrap_or(part).trim();
        if !LEVELS.contains(&level) {
            return Err(format!("{level:?} is not a level"));
        }
    }
    match EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(format!("{} is not valid", given.shown())),
    }
}
