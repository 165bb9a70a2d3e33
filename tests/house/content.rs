//! What scenes send and to whom, and what they read of how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use postrider_api::{ExportLine, NewAttachment, NewEmail};
use postrider_types::DeliveryState;
use serde::de::DeserializeOwned;

/// How many recipients are in each state.
pub fn tally(lines: &[ExportLine]) -> BTreeMap<DeliveryState, usize> {
    let mut tally = BTreeMap::new();
    for line in lines {
        *tally.entry(line.state).or_default() += 1;
    }
    tally
}

/// The recipients that are in a state.
pub fn in_state(lines: &[ExportLine], state: DeliveryState) -> BTreeSet<String> {
    let lines = lines.iter().filter(|line| line.state == state);
    lines.map(|line| line.recipient.clone()).collect()
}

/// A list of `count` people at a domain, `a0@…` on, with a header line.
pub fn people(count: usize, domain: &str) -> String {
    format!("email,name\n{}", lines_of_people(count, domain))
}

/// The same without the header line.
pub fn lines_of_people(count: usize, domain: &str) -> String {
    let mut csv = String::new();
    for number in 0..count {
        writeln!(csv, "a{number}@{domain},Name {number}").expect("a String takes all");
    }
    csv
}

/// A small email with one variable.
pub fn hello() -> NewEmail {
    NewEmail {
        from: "News <news@example.test>".to_owned(),
        subject: "Hi {{ name }}".to_owned(),
        text: Some("Hello {{ name }},\nthere is news.\n".to_owned()),
        ..NewEmail::default()
    }
}

/// An attachment of so many bytes that cannot be packed.
pub fn large(bytes: usize) -> NewAttachment {
    let content = (0..bytes).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[4]);
    NewAttachment {
        filename: "large.bin".to_owned(),
        content_type: "application/octet-stream".to_owned(),
        content: Bytes::from_iter(content),
    }
}

/// JSON lines.
pub fn lines_of_json<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
