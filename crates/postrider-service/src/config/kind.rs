//! The kinds of value: how each is read, what it allows, and how it is written.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use postrider_types::{Domain, Rate, RateError};

use super::given::Given;
use super::unit;
use super::values::LogFormat;

/// Where the value of a key lives in a `C`.
pub(crate) type Field<C, T> = fn(&mut C) -> &mut T;

/// What a value is, its allowed range, and its field.
pub(crate) enum Kind<C> {
    /// An IP address and a port.
    Socket(Field<C, SocketAddr>),
    /// A path of a directory.
    Path(Field<C, PathBuf>),
    /// A URL; only checked to be there and to be one word.
    Url(Field<C, String>),
    /// A host name.
    Domain(Field<C, Domain>),
    /// A number of things.
    Count(RangeInclusive<u32>, Field<C, u32>),
    /// A number without a unit.
    Factor(RangeInclusive<f64>, Field<C, f64>),
    /// A length of time.
    Time(RangeInclusive<Duration>, Field<C, Duration>),
    /// A size.
    Bytes(RangeInclusive<u64>, Field<C, u64>),
    /// A rate, or none.
    Rate(Field<C, Option<Rate>>),
    /// Levels of a log.
    Filter(Field<C, String>),
    /// Text or JSON.
    LogFormat(Field<C, LogFormat>),
}

/// How no limit is written.
const NO_RATE: &str = "none";

/// The levels of a log, from nothing to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl<C> Kind<C> {
    /// Reads a value into its field. The error says what is wrong and what is allowed.
    pub(crate) fn set(&self, target: &mut C, given: &Given<'_>) -> Result<(), String> {
        self.try_set(target, given)
            .map_err(|wrong| format!("{wrong}; expected {}", self.allowed()))
    }

    fn try_set(&self, target: &mut C, given: &Given<'_>) -> Result<(), String> {
        match self {
            Self::Socket(field) => *field(target) = parse(given)?,
            Self::Path(field) => *field(target) = PathBuf::from(line(given)?),
            Self::Url(field) => *field(target) = word(given)?,
            Self::Domain(field) => *field(target) = parse(given)?,
            Self::Count(range, field) => *field(target) = within(range, given.count()?, given)?,
            Self::Factor(range, field) => *field(target) = within(range, given.number()?, given)?,
            Self::Time(range, field) => {
                let time = unit::parse_time(given.with_unit()?)?;
                *field(target) = within(range, time, given)?;
            }
            Self::Bytes(range, field) => {
                let bytes = unit::parse_bytes(given.with_unit()?)?;
                *field(target) = within(range, bytes, given)?;
            }
            Self::Rate(field) => *field(target) = rate(given)?,
            Self::Filter(field) => *field(target) = filter(given)?,
            Self::LogFormat(field) => *field(target) = log_format(given)?,
        }
        Ok(())
    }

    /// What is allowed, as it stands after "expected" and in the reference.
    pub(crate) fn allowed(&self) -> String {
        match self {
            Self::Socket(_) => r#"an IP address and a port, such as "127.0.0.1:8420""#.to_owned(),
            Self::Path(_) => "a path in quotes".to_owned(),
            Self::Url(_) => r#"a URL, such as "smtp://127.0.0.1:2525""#.to_owned(),
            Self::Domain(_) => r#"a host name, such as "mail.example.com""#.to_owned(),
            Self::Count(range, _) => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Self::Factor(range, _) => {
                format!("a number from {:?} to {:?}", range.start(), range.end())
            }
            Self::Time(range, _) => {
                let (min, max) = (unit::show_time(*range.start()), unit::show_time(*range.end()));
                format!(r#"a time from "{min}" to "{max}""#)
            }
            Self::Bytes(range, _) => {
                let (min, max) = (unit::show_bytes(*range.start()), unit::show_bytes(*range.end()));
                format!(r#"a size from "{min}" to "{max}""#)
            }
            Self::Rate(_) => {
                r#"a rate, such as "20/s", "1/10m" or "50/s burst 10", "0" to send nothing, or "none" for no limit"#.to_owned()
            }
            Self::Filter(_) => {
                r#"off, error, warn, info, debug or trace, or a list such as "info,postrider_smtp=debug""#.to_owned()
            }
            Self::LogFormat(_) => r#""text" or "json""#.to_owned(),
        }
    }

    /// The value of the field as TOML.
    pub(crate) fn show(&self, target: &mut C) -> String {
        match self {
            Self::Socket(field) => quoted(field(target)),
            Self::Path(field) => quoted(field(target).display()),
            Self::Url(field) | Self::Filter(field) => quoted(field(target)),
            Self::Domain(field) => quoted(field(target)),
            Self::Count(_, field) => field(target).to_string(),
            Self::Factor(_, field) => format!("{:?}", field(target)),
            Self::Time(_, field) => quoted(unit::show_time(*field(target))),
            Self::Bytes(_, field) => quoted(unit::show_bytes(*field(target))),
            Self::Rate(field) => match field(target) {
                Some(rate) => quoted(rate),
                None => quoted(NO_RATE),
            },
            Self::LogFormat(field) => quoted(match field(target) {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }),
        }
    }
}

/// The value when it is in the range; what is not a number is in none.
fn within<T: PartialOrd>(
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

fn parse<T: FromStr>(given: &Given<'_>) -> Result<T, String> {
    let parsed = given.text()?.parse();
    parsed.map_err(|_| format!("{} is not valid", given.shown()))
}

/// A text on one line, and not nothing.
fn line(given: &Given<'_>) -> Result<String, String> {
    let text = given.text()?;
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let is_foreign = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    if text.contains(is_foreign) {
        return Err(format!("{} has a character that is no text", given.shown()));
    }
    Ok(text.to_owned())
}

/// A text without blanks, and not nothing.
fn word(given: &Given<'_>) -> Result<String, String> {
    let text = line(given)?;
    if text.contains(char::is_whitespace) {
        return Err(format!("{} has a blank in it", given.shown()));
    }
    Ok(text)
}

fn rate(given: &Given<'_>) -> Result<Option<Rate>, String> {
    let text = given.with_unit()?;
    if text == NO_RATE {
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
fn filter(given: &Given<'_>) -> Result<String, String> {
    let text = line(given)?;
    for part in text.split(',') {
        let level = part.rsplit('=').next().unwrap_or(part).trim();
        if !LEVELS.contains(&level) {
            return Err(format!("{level:?} is not a level"));
        }
    }
    Ok(text)
}

fn log_format(given: &Given<'_>) -> Result<LogFormat, String> {
    match given.text()? {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{} is unknown", given.shown())),
    }
}

/// As a TOML string; what is shown here has nothing that TOML and Rust escape differently.
pub(crate) fn quoted(value: impl Display) -> String {
    format!("{:?}", value.to_string())
}
