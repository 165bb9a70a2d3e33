//! Kinds of which a few words are the only values.

use postrider_smtp::auth::Mechanism;
use postrider_types::InDoubtPolicy;

use crate::config::given::Given;
use crate::config::values::{Deliver, LogFormat, TlsChoice};

/// A value with few words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Each word with what it means.
    const WORDS: &[(&str, Self)];
}

impl Choice for LogFormat {
    const WORDS: &[(&str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

impl Choice for Deliver {
    const WORDS: &[(&str, Self)] = &[("relay", Self::Relay), ("mx", Self::Mx)];
}

impl Choice for InDoubtPolicy {
    const WORDS: &[(&str, Self)] = &[
        ("hold", Self::Hold),
        ("retry", Self::Retry),
        ("assume_delivered", Self::AssumeDelivered),
    ];
}

impl Choice for TlsChoice {
    const WORDS: &[(&str, Self)] = &[
        ("auto", Self::Auto),
        ("off", Self::Off),
        ("opportunistic", Self::Opportunistic),
        ("required", Self::Required),
        ("unverified", Self::Unverified),
    ];
}

impl Choice for Option<Mechanism> {
    const WORDS: &[(&str, Self)] = &[
        ("auto", None),
        ("plain", Some(Mechanism::Plain)),
        ("login", Some(Mechanism::Login)),
        ("xoauth2", Some(Mechanism::Xoauth2)),
    ];
}

/// Reads a word.
pub(super) fn read<T: Choice>(given: &Given<'_>) -> Result<T, String> {
    let text = given.text()?;
    let known = T::WORDS.iter().find(|(word, _)| *word == text);
    known
        .map(|(_, value)| *value)
        .ok_or_else(|| format!("{} is unknown", given.shown()))
}

/// The word of a value.
pub(super) fn word<T: Choice>(value: T) -> &'static str {
    let known = T::WORDS.iter().find(|(_, known)| *known == value);
    known.map_or("", |(word, _)| word)
}

/// All words, as they stand after "expected".
pub(super) fn allowed<T: Choice>() -> String {
    let words: Vec<_> = T::WORDS
        .iter()
        .map(|(word, _)| format!("{word:?}"))
        .collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
