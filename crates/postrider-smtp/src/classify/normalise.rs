//! One line for all replies that say the same, so that people can read what a million of them say.

use std::sync::LazyLock;

use postrider_types::Reply;
use regex::bytes::{Captures, Regex, RegexBuilder};

/// Longest line in bytes; what tells two reasons apart stands at the beginning.
pub const NORMALISED_BYTES_MAX: usize = 160;

/// What differs between two replies that say the same; at one place, the first that fits counts.
/// What names a reason must stay: `5.7.1`, `[TSS04]`, `S3150`, `RL000010`, `OFR_104`.
const PARTS: [(&str, &str); 8] = [
    ("url", r"https?://[^\s<>]+|www\.[^\s<>]+"),
    (
        "address",
        r#"<?(?:"[^"]{0,64}"|[^\s<>@:;,()\[\]"']+)@[a-z0-9.\x80-\xff-]+>?"#,
    ),
    (
        "time",
        r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9:.]+z?|\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}\b",
    ),
    (
        "ip",
        r"\[?\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b(?:/[0-9]+)?\]?|\[?\b(?:[0-9a-f]{1,4}:+){2,7}[0-9a-f]{0,4}\]?",
    ),
    ("code", r"\b[245]\.[0-9]{1,3}\.[0-9]{1,3}\b"),
    (
        "host",
        r"\b[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.(?:xn--[a-z0-9-]+|[a-z]{2,24})\b(?:/[^\s<>]+)?",
    ),
    // Nothing that a person chose: long with a digit at its start, or hexadecimal.
    (
        "id",
        r"\b[a-z_-]{0,12}[0-9][a-z0-9_.:=-]{8,}|\b[a-f]*[0-9][0-9a-f]{5,}\b|\b[0-9a-f]{10,}\b",
    ),
    ("number", r"\b[0-9]+(?:[.,:][0-9]+)*\b"),
];

static VARYING: LazyLock<Regex> = LazyLock::new(|| {
    let groups = PARTS.map(|(name, pattern)| format!("(?P<{name}>{pattern})"));
    RegexBuilder::new(&groups.join("|"))
        .case_insensitive(true)
        .unicode(false)
        .build()
        .expect("a constant pattern")
});

/// The reply without what differs from message to message: addresses, hosts, IP addresses, URLs,
/// times, ids and numbers become words in angle brackets, space is squeezed, and the whole is at
/// most [`NORMALISED_BYTES_MAX`] bytes. Code and enhanced code stay.
pub fn normalise(reply: &Reply) -> String {
    let replace = |found: &Captures<'_>| {
        let is_found = |(name, _): &&(&str, &str)| found.name(name).is_some();
        match PARTS.iter().find(is_found).map(|(name, _)| *name) {
            None | Some("code") => found[0].to_vec(),
            Some(name) => format!("<{name}>").into_bytes(),
        }
    };
    let text = VARYING.replace_all(reply.text.as_bytes(), replace);
    let whole = Reply {
        text: String::from_utf8_lossy(&text).into_owned(),
        ..reply.clone()
    };
    let mut line = String::with_capacity(NORMALISED_BYTES_MAX);
    for word in whole.to_string().split_whitespace() {
        if line.len() + 1 + word.len() > NORMALISED_BYTES_MAX {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
