//! Kinds that are lists: arrays in a file, and words between commas in a variable.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;

use postrider_types::Domain;

use super::quoted;
use super::read::relay_of;
use crate::config::given::Given;

/// Most entries of one list, but for domains.
const ENTRIES_MAX: usize = 8;

/// Most domains of one route.
const DOMAINS_MAX: usize = 10_000;

/// A short list of relays.
pub(super) fn relays(given: &Given<'_>) -> Result<Vec<String>, String> {
    let texts = given.texts()?;
    bounded(texts, ENTRIES_MAX, relay_of)
}

/// A short list of addresses with ports.
pub(super) fn sockets(given: &Given<'_>) -> Result<Vec<SocketAddr>, String> {
    bounded(given.texts()?, ENTRIES_MAX, |text| {
        let parsed = text.parse();
        parsed.map_err(|_| format!("{text:?} is not valid"))
    })
}

/// A list of domains; one that is there twice counts once.
pub(super) fn domains(given: &Given<'_>) -> Result<BTreeSet<Domain>, String> {
    let domains = bounded(given.texts()?, DOMAINS_MAX, |text| {
        let parsed = text.parse();
        parsed.map_err(|_| format!("{text:?} is not a domain"))
    });
    domains.map(|domains| domains.into_iter().collect())
}

/// A list as TOML.
pub(super) fn shown<T: Display>(entries: impl IntoIterator<Item = T>) -> String {
    let entries: Vec<_> = entries.into_iter().map(quoted).collect();
    format!("[{}]", entries.join(", "))
}

fn bounded<T>(
    texts: Vec<&str>,
    max: usize,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    if texts.len() > max {
        return Err(format!("has {} entries, more than {max}", texts.len()));
    }
    texts.into_iter().map(read).collect()
}
