//! The kinds of value: how each is read, what it allows, and how it is written.

mod choice;
mod list;
mod read;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use postrider_message::dkim::Selector;
use postrider_message::verp::ReturnPath;
use postrider_smtp::auth::Mechanism;
use postrider_types::{Domain, InDoubtPolicy, Rate};

use super::given::Given;
use super::unit;
use super::values::{Deliver, LogFormat, Secret, TlsChoice};
use read::{NONE, filter, line, optional, parse, rate, relay_of, secret, within};

/// Where the value of a key lives in a `C`.
pub(crate) type Field<C, T> = fn(&mut C) -> &mut T;

/// What a value is, its allowed range, and its field.
pub(crate) enum Kind<C> {
    /// An IP address and a port.
    Socket(Field<C, SocketAddr>),
    /// Several of them.
    Sockets(Field<C, Vec<SocketAddr>>),
    /// An IP address, or nothing.
    OptionalIp(Field<C, Option<IpAddr>>),
    /// A path.
    Path(Field<C, PathBuf>),
    /// A path, or nothing.
    OptionalPath(Field<C, Option<PathBuf>>),
    /// A text on one line, or nothing.
    Text(Field<C, String>),
    /// What nobody must see: only a variable has it.
    Secret(Field<C, Secret>),
    /// A relay.
    Relay(Field<C, String>),
    /// Several of them.
    Relays(Field<C, Vec<String>>),
    /// A host name.
    Domain(Field<C, Domain>),
    /// The name of a key that signs.
    Selector(Field<C, Selector>),
    /// Where bounces go, or nothing.
    ReturnPath(Field<C, Option<ReturnPath>>),
    /// Several domains.
    Domains(Field<C, BTreeSet<Domain>>),
    /// Yes or no.
    Bool(Field<C, bool>),
    /// A number of things.
    Count(RangeInclusive<u32>, Field<C, u32>),
    /// A number of things, or no bound.
    OptionalCount(RangeInclusive<u32>, Field<C, Option<u32>>),
    /// A number without a unit.
    Factor(RangeInclusive<f64>, Field<C, f64>),
    /// A length of time.
    Time(RangeInclusive<Duration>, Field<C, Duration>),
    /// A length of time, or for ever.
    OptionalTime(RangeInclusive<Duration>, Field<C, Option<Duration>>),
    /// A size.
    Bytes(RangeInclusive<u64>, Field<C, u64>),
    /// A rate, or none.
    Rate(Field<C, Option<Rate>>),
    /// Levels of a log.
    Filter(Field<C, String>),
    /// Text or JSON.
    LogFormat(Field<C, LogFormat>),
    /// A relay, or the mail hosts of domains.
    Deliver(Field<C, Deliver>),
    /// How sessions are encrypted.
    Tls(Field<C, TlsChoice>),
    /// What happens to deliveries in doubt.
    InDoubt(Field<C, InDoubtPolicy>),
    /// A way of logging in.
    Mechanism(Field<C, Option<Mechanism>>),
}

impl<C> Kind<C> {
    /// Reads a value into its field. The error says what is wrong and what is allowed.
    pub(crate) fn set(&self, target: &mut C, given: &Given<'_>) -> Result<(), String> {
        self.try_set(target, given)
            .map_err(|wrong| format!("{wrong}; expected {}", self.allowed()))
    }

    fn try_set(&self, target: &mut C, given: &Given<'_>) -> Result<(), String> {
        match self {
            Self::Socket(field) => *field(target) = parse(given)?,
            Self::Sockets(field) => *field(target) = list::sockets(given)?,
            Self::OptionalIp(field) => *field(target) = optional(given, parse)?,
            Self::Path(field) => *field(target) = PathBuf::from(line(given)?),
            Self::OptionalPath(field) => {
                *field(target) = optional(given, line)?.map(PathBuf::from);
            }
            Self::Text(field) => *field(target) = optional(given, line)?.unwrap_or_default(),
            Self::Secret(field) => *field(target) = secret(given)?,
            Self::Relay(field) => *field(target) = relay_of(given.text()?)?,
            Self::Relays(field) => *field(target) = list::relays(given)?,
            Self::Domain(field) => *field(target) = parse(given)?,
            Self::Selector(field) => *field(target) = parse(given)?,
            Self::ReturnPath(field) => *field(target) = optional(given, parse)?,
            Self::Domains(field) => *field(target) = list::domains(given)?,
            Self::Bool(field) => *field(target) = given.answer()?,
            Self::Count(range, field) => *field(target) = within(range, given.count()?, given)?,
            Self::OptionalCount(range, field) => {
                *field(target) = match given.text() {
                    Ok(NONE) => None,
                    _ => Some(within(range, given.count()?, given)?),
                };
            }
            Self::Factor(range, field) => *field(target) = within(range, given.number()?, given)?,
            Self::Time(range, field) => {
                let time = unit::parse_time(given.with_unit()?)?;
                *field(target) = within(range, time, given)?;
            }
            Self::OptionalTime(range, field) => {
                *field(target) = match given.text() {
                    Ok(NONE) => None,
                    _ => {
                        let time = unit::parse_time(given.with_unit()?)?;
                        Some(within(range, time, given)?)
                    }
                };
            }
            Self::Bytes(range, field) => {
                let bytes = unit::parse_bytes(given.with_unit()?)?;
                *field(target) = within(range, bytes, given)?;
            }
            Self::Rate(field) => *field(target) = rate(given)?,
            Self::Filter(field) => *field(target) = filter(given)?,
            Self::LogFormat(field) => *field(target) = choice::read(given)?,
            Self::Deliver(field) => *field(target) = choice::read(given)?,
            Self::Tls(field) => *field(target) = choice::read(given)?,
            Self::InDoubt(field) => *field(target) = choice::read(given)?,
            Self::Mechanism(field) => *field(target) = choice::read(given)?,
        }
        Ok(())
    }

    /// What is allowed, as it stands after "expected" and in the reference.
    pub(crate) fn allowed(&self) -> String {
        match self {
            Self::Socket(_) => r#"an IP address and a port, such as "127.0.0.1:8420""#.to_owned(),
            Self::Sockets(_) => {
                r#"a list of IP addresses with ports, such as ["127.0.0.1:53"]"#.to_owned()
            }
            Self::OptionalIp(_) => r#"an IP address, or "" for none"#.to_owned(),
            Self::Path(_) => "a path in quotes".to_owned(),
            Self::OptionalPath(_) => r#"a path in quotes, or "" for none"#.to_owned(),
            Self::Text(_) => r#"a text on one line, or "" for none"#.to_owned(),
            Self::Secret(_) => {
                r#""" in a file; the secret itself only as a variable of the environment"#.to_owned()
            }
            Self::Relay(_) => r#"a URL, such as "smtp://127.0.0.1:2525""#.to_owned(),
            Self::Relays(_) => r#"a list of URLs, such as ["smtp://127.0.0.1:2526"]"#.to_owned(),
            Self::Domains(_) => r#"a list of domains, such as ["gmail.com"]"#.to_owned(),
            Self::Bool(_) => "true or false".to_owned(),
            Self::Domain(_) => r#"a host name, such as "mail.example.com""#.to_owned(),
            Self::Selector(_) => {
                r#"letters, digits and hyphens, such as "s1" or "2026-11""#.to_owned()
            }
            Self::ReturnPath(_) => {
                r#"an address with {token} before the @ and at most 24 octets beside it, such as "bounce+{token}@bounces.example.com", or "" for none"#.to_owned()
            }
            Self::Count(range, _) => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Self::OptionalCount(range, _) => format!(
                r#"a whole number from {} to {}, or "none" for no bound"#,
                range.start(),
                range.end()
            ),
            Self::Factor(range, _) => {
                format!("a number from {:?} to {:?}", range.start(), range.end())
            }
            Self::Time(range, _) => {
                let (min, max) = (unit::show_time(*range.start()), unit::show_time(*range.end()));
                format!(r#"a time from "{min}" to "{max}""#)
            }
            Self::OptionalTime(range, _) => {
                let (min, max) = (unit::show_time(*range.start()), unit::show_time(*range.end()));
                format!(r#"a time from "{min}" to "{max}", or "none" for ever"#)
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
            Self::LogFormat(_) => choice::allowed::<LogFormat>(),
            Self::Deliver(_) => choice::allowed::<Deliver>(),
            Self::Tls(_) => choice::allowed::<TlsChoice>(),
            Self::InDoubt(_) => choice::allowed::<InDoubtPolicy>(),
            Self::Mechanism(_) => choice::allowed::<Option<Mechanism>>(),
        }
    }

    /// The value of the field as TOML.
    pub(crate) fn show(&self, target: &mut C) -> String {
        match self {
            Self::Socket(field) => quoted(field(target)),
            Self::Sockets(field) => list::shown(&*field(target)),
            Self::OptionalIp(field) => {
                quoted(field(target).map_or_else(String::new, |ip| ip.to_string()))
            }
            Self::Path(field) => quoted(field(target).display()),
            Self::OptionalPath(field) => {
                quoted(field(target).clone().unwrap_or_default().display())
            }
            Self::Secret(field) if field(target).is_empty() => quoted(""),
            Self::Secret(_) => quoted("(hidden)"),
            Self::Relay(field) | Self::Filter(field) | Self::Text(field) => quoted(field(target)),
            Self::Relays(field) => list::shown(&*field(target)),
            Self::Domain(field) => quoted(field(target)),
            Self::Selector(field) => quoted(field(target)),
            Self::ReturnPath(field) => quoted(
                field(target)
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
            ),
            Self::Domains(field) => list::shown(&*field(target)),
            Self::Bool(field) => field(target).to_string(),
            Self::Count(_, field) => field(target).to_string(),
            Self::OptionalCount(_, field) => {
                field(target).map_or_else(|| quoted(NONE), |count| count.to_string())
            }
            Self::Factor(_, field) => format!("{:?}", field(target)),
            Self::Time(_, field) => quoted(unit::show_time(*field(target))),
            Self::OptionalTime(_, field) => {
                quoted(field(target).map_or_else(|| NONE.to_owned(), unit::show_time))
            }
            Self::Bytes(_, field) => quoted(unit::show_bytes(*field(target))),
            Self::Rate(field) => match field(target) {
                Some(rate) => quoted(rate),
                None => quoted(NONE),
            },
            Self::LogFormat(field) => quoted(choice::word(*field(target))),
            Self::Deliver(field) => quoted(choice::word(*field(target))),
            Self::Tls(field) => quoted(choice::word(*field(target))),
            Self::InDoubt(field) => quoted(choice::word(*field(target))),
            Self::Mechanism(field) => quoted(choice::word(*field(target))),
        }
    }
}

/// As a TOML string; what is shown here has nothing that TOML and Rust escape differently.
pub(crate) fn quoted(value: impl Display) -> String {
    format!("{:?}", value.to_string())
}
