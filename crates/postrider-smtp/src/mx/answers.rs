//! From what DNS said to hosts that can be dialled, without asking anything.
//!
//! Two steps, because the second question depends on the first answer: [`exchanges`] makes names of MX
//! records, [`hosts`] makes hosts of their addresses. The difference that matters is kept all the
//! way: DNS said that there is nothing, or DNS did not say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use postrider_types::Domain;
use rand::Rng;
use rand::seq::SliceRandom;

use super::{
    ADDRESSES_MAX, HOST_NAME_BYTES_MAX, HOSTS_MAX, HostFault, NEGATIVE_TTL_MAX, NEGATIVE_TTL_MIN,
    Reach, Reason, TTL_MAX, TTL_MIN, UNANSWERED_TTL,
};
use crate::site::Host;

/// What DNS said to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    /// Records of the type that was asked for, behind a CNAME or not; at least one.
    Found {
        records: Vec<T>,
        /// The shortest of theirs.
        ttl: Duration,
    },
    /// The name exists, but has no such record (RFC 2308 §2.2).
    Nothing { ttl: Option<Duration> },
    /// The name does not exist (RFC 2308 §2.1).
    NoName { ttl: Option<Duration> },
    /// Nothing that can be relied on, in words for people.
    Unanswered(Arc<str>),
}

/// One MX record (RFC 1035 §3.3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MxRecord {
    pub(crate) preference: u16,
    /// As DNS writes it, with its final dot; the root alone in a null MX.
    pub(crate) exchange: String,
}

/// What DNS said of one host's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) v4: Answer<Ipv4Addr>,
    pub(crate) v6: Answer<Ipv6Addr>,
}

/// The hosts of a domain by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchanges {
    /// In the order in which they are tried; at least one, at most [`HOSTS_MAX`].
    pub(crate) names: Vec<String>,
    /// Those of the lowest preference in the order of the alphabet: what the site is known by, which
    /// chance must not change.
    pub(crate) best: Vec<String>,
    /// Records that gave no name.
    faults: Vec<(String, HostFault)>,
    /// Whether there is no MX, so that the domain is its own host.
    is_implicit: bool,
    ttl: Duration,
}

/// Why there is no host, and for how long that is kept.
pub(crate) type DeadEnd = (Reason, Duration);

/// The names to look up, best first, equals in random order.
pub(crate) fn exchanges(
    domain: &Domain,
    answer: Answer<MxRecord>,
    rng: &mut impl Rng,
) -> Result<Exchanges, DeadEnd> {
    match answer {
        Answer::Found { records, ttl } => named(records, ttl, rng),
        Answer::Nothing { ttl } => Ok(Exchanges {
            names: vec![domain.as_str().to_owned()],
            best: vec![domain.as_str().to_owned()],
            faults: Vec::new(),
            is_implicit: true,
            ttl: ttl.unwrap_or(TTL_MIN),
        }),
        Answer::NoName { ttl } => Err((Reason::NoDomain, negative(ttl))),
        Answer::Unanswered(words) => Err((Reason::Unanswered(words), UNANSWERED_TTL)),
    }
}

fn named(records: Vec<MxRecord>, ttl: Duration, rng: &mut impl Rng) -> Result<Exchanges, DeadEnd> {
    // A null MX beside others is a mistake (RFC 7505 §3), and the others count.
    if records.iter().all(|record| record.exchange == ".") {
        return Err((Reason::NullMx, negative(Some(ttl))));
    }
    let mut hosts: Vec<(u16, String)> = Vec::new();
    let mut faults = Vec::new();
    for record in records.into_iter().filter(|r| r.exchange != ".") {
        match host_name(&record.exchange) {
            Some(name) => hosts.push((record.preference, name)),
            None if faults.len() < HOSTS_MAX => faults.push((record.exchange, HostFault::NotAName)),
            None => {}
        }
    }
    hosts.sort_unstable();
    hosts = first_distinct(hosts);
    let Some((lowest, _)) = hosts.first() else {
        return Err((Reason::NoUsableHost(faults), negative(Some(ttl))));
    };
    let is_best = |host: &&(u16, String)| host.0 == *lowest;
    let best = hosts.iter().take_while(is_best);
    let best = best.map(|(_, name)| name.clone()).collect();
    for equals in hosts.chunk_by_mut(|a, b| a.0 == b.0) {
        equals.shuffle(rng);
    }
    Ok(Exchanges {
        names: hosts.into_iter().map(|(_, name)| name).collect(),
        best,
        faults,
        is_implicit: false,
        ttl,
    })
}

/// The best hosts, each once, where it is best; at most [`HOSTS_MAX`].
fn first_distinct(sorted: Vec<(u16, String)>) -> Vec<(u16, String)> {
    let mut hosts: Vec<(u16, String)> = Vec::new();
    for (preference, name) in sorted {
        if hosts.len() == HOSTS_MAX {
            break;
        }
        if !hosts.iter().any(|(_, known)| *known == name) {
            hosts.push((preference, name));
        }
    }
    hosts
}

/// A name as it is dialled: lower-case, without the final dot. Underscores are let through, because
/// such hosts exist; a last label of digits is an address and no name.
fn host_name(exchange: &str) -> Option<String> {
    let name = exchange.strip_suffix('.').unwrap_or(exchange);
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_inner)
    };
    let last = name.rsplit('.').next()?;
    let is_name = name.len() <= HOST_NAME_BYTES_MAX
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit());
    is_name.then(|| name.to_ascii_lowercase())
}

/// The hosts that can be dialled at `port`, in the order of `exchanges`, and for how long that is
/// kept. `addresses` holds what was said of each name, in the same order.
pub(crate) fn hosts(
    exchanges: Exchanges,
    addresses: Vec<Addresses>,
    port: u16,
    reach: Reach,
) -> Result<(Vec<Host>, Duration), DeadEnd> {
    debug_assert_eq!(exchanges.names.len(), addresses.len());
    let mut ttl = exchanges.ttl;
    let mut hosts = Vec::new();
    let mut faults = exchanges.faults;
    for (name, said) in exchanges.names.into_iter().zip(addresses) {
        match dialled(said, reach) {
            Ok((found, lasts)) => {
                ttl = ttl.min(lasts);
                let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, port));
                let addresses = addresses.collect();
                hosts.push(Host { name, addresses });
            }
            Err(fault) => faults.push((name, fault)),
        }
    }
    let is_open = |fault: &HostFault| matches!(fault, HostFault::Unanswered(_));
    let has_all_answers = !faults.iter().any(|(_, fault)| is_open(fault));
    if !hosts.is_empty() {
        // A host that was not told of may be better than these, and is asked for again soon.
        let ttl_max = if has_all_answers { TTL_MAX } else { TTL_MIN };
        return Ok((hosts, ttl.clamp(TTL_MIN, ttl_max)));
    }
    let reason = match faults.as_slice() {
        [(_, HostFault::NoAddress)] if exchanges.is_implicit => Reason::NoMailHost,
        [(_, HostFault::Unanswered(words))] if exchanges.is_implicit => {
            Reason::Unanswered(Arc::clone(words))
        }
        _ => Reason::NoUsableHost(faults),
    };
    if has_all_answers {
        Err((reason, negative(Some(ttl))))
    } else {
        Err((reason, UNANSWERED_TTL))
    }
}

/// The addresses of one host, IPv4 and IPv6 by turns (RFC 8305 §4), so that neither of them hides
/// behind the other's number; in each the order of DNS (RFC 5321 §5.1).
fn dialled(said: Addresses, reach: Reach) -> Result<(Vec<IpAddr>, Duration), HostFault> {
    let (v4, ttl_v4, unanswered_v4) = opened(said.v4);
    let (v6, ttl_v6, unanswered_v6) = opened(said.v6);
    let mut v4 = v4.into_iter().map(IpAddr::V4);
    let mut v6 = v6.into_iter().map(IpAddr::V6);
    let mut found = Vec::new();
    let mut forbidden = None;
    loop {
        let pair = [v4.next(), v6.next()];
        if pair == [None, None] || found.len() >= ADDRESSES_MAX {
            break;
        }
        for address in pair.into_iter().flatten() {
            if reach.permits(address) {
                found.push(address);
            } else {
                forbidden = forbidden.or(Some(address));
            }
        }
    }
    found.truncate(ADDRESSES_MAX);
    if !found.is_empty() {
        let ttl = ttl_v4.min(ttl_v6);
        // The family that was not told of may be the only one that this machine speaks.
        let is_half = unanswered_v4.is_some() || unanswered_v6.is_some();
        return Ok((found, if is_half { ttl.min(TTL_MIN) } else { ttl }));
    }
    Err(match (unanswered_v4.or(unanswered_v6), forbidden) {
        (Some(words), _) => HostFault::Unanswered(words),
        (None, Some(address)) => HostFault::Forbidden(address),
        (None, None) => HostFault::NoAddress,
    })
}

/// The records of an answer, how long they last, and why they are not known.
fn opened<T>(answer: Answer<T>) -> (Vec<T>, Duration, Option<Arc<str>>) {
    match answer {
        Answer::Found { records, ttl } => (records, ttl, None),
        Answer::Nothing { .. } | Answer::NoName { .. } => (Vec::new(), TTL_MAX, None),
        Answer::Unanswered(words) => (Vec::new(), TTL_MAX, Some(words)),
    }
}

/// How long "there is none" is kept.
fn negative(ttl: Option<Duration>) -> Duration {
    ttl.unwrap_or(NEGATIVE_TTL_MIN)
        .clamp(NEGATIVE_TTL_MIN, NEGATIVE_TTL_MAX)
}

#[cfg(test)]
mod tests;
