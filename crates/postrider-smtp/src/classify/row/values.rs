//! Single values of a rule, each with a sentence for what cannot be one.

use std::time::Duration;

use postrider_types::{Phase, Reply};
use regex::bytes::RegexBuilder;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::classify::classification::{Action, Class};
use crate::classify::general;
use crate::full_reply::FullReply;

/// Longest text pattern in bytes.
const TEXT_BYTES_MAX: usize = 1_000;

/// Most memory of one text, compiled.
const TEXT_COMPILED_BYTES_MAX: usize = 256 * 1024;

/// Longest name of a rule in bytes.
const NAME_BYTES_MAX: usize = 60;

/// Longest wait that a rule may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) fn name(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(is_plain) {
        return Err(format!(
            "{text:?} is not a name; expected up to {NAME_BYTES_MAX} lower-case letters, digits \
             and hyphens"
        ));
    }
    if general::NAMES.contains(&text) {
        return Err(format!(
            "{text:?} is the name of a general rule; choose another"
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn phase(text: &str) -> Result<Phase, String> {
    let deserializer: StrDeserializer<'_, ValueError> = text.into_deserializer();
    match Phase::deserialize(deserializer) {
        Ok(Phase::Rset | Phase::Quit) => Err(format!(
            "{text:?} concerns no message, so it needs no rule; leave it out"
        )),
        Ok(phase) => Ok(phase),
        Err(_) => Err(format!(
            "{text:?} is not a phase; expected one such as \"greeting\", \"auth\", \"mail\", \
             \"rcpt\" or \"dot\""
        )),
    }
}

pub(super) fn provider(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['.', ':']) {
        return Err(format!(
            "{text:?} is not a provider; expected a name of the table of providers, such as \
             \"google\""
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn text_pattern(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(format!("is empty, or longer than {TEXT_BYTES_MAX} bytes"));
    }
    let compiled = RegexBuilder::new(text)
        .case_insensitive(true)
        .unicode(false)
        .size_limit(TEXT_COMPILED_BYTES_MAX)
        .build();
    match compiled {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            Err(format!(
                "is not a regular expression that can be used: {last}"
            ))
        }
    }
}

pub(super) fn class(text: &str) -> Result<Class, String> {
    let classes = [Class::Deferred, Class::Bounced, Class::Neutral];
    one_of(text, "class", classes.map(|class| (class.as_str(), class)))
}

pub(super) fn action(text: &str) -> Result<Action, String> {
    let actions = [
        Action::Suppress,
        Action::ThrottleSite,
        Action::ThrottleRecipient,
        Action::SuspendRoute,
    ];
    one_of(
        text,
        "action",
        actions.map(|action| (action.as_str(), action)),
    )
}

fn one_of<T: Copy, const N: usize>(
    text: &str,
    what: &str,
    known: [(&str, T); N],
) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names = known.map(|(name, _)| format!("{name:?}"));
        format!(
            "{text:?} is not known as {what}; expected one of {}",
            names.join(", ")
        )
    })
}

/// A whole number of seconds, minutes, hours or days.
pub(super) fn retry_after(text: &str) -> Result<Duration, String> {
    let seconds = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(60 * 60),
        'd' => Some(24 * 60 * 60),
        _ => None,
    };
    let parse = || {
        let unit = text.chars().last()?;
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds(unit)?).map(Duration::from_secs)
    };
    match parse() {
        Some(time) if !time.is_zero() && time <= RETRY_AFTER_MAX => Ok(time),
        _ => Err(format!(
            "{text:?} is not a time from 1s to 7d; expected one such as \"10m\" or \"1h\""
        )),
    }
}

/// A reply as a server would write it, on one line: `550 5.1.1 no such user`.
pub(super) fn example(text: &str) -> Result<Reply, String> {
    let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
    match code.parse::<u16>() {
        Ok(code @ 400..=599) => {
            let lines = vec![rest.to_owned()];
            Ok(FullReply { code, lines }.condense())
        }
        _ => Err(format!(
            "{text:?} is not a refusal; expected one such as \"550 5.1.1 no such user\""
        )),
    }
}
