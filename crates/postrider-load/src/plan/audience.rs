//! Who the load is sent to: addresses, domains and marks, made from the seed and a number.
//!
//! Nothing is kept for a recipient: each is made anew from its number, so that a million of them
//! cost no memory here, and posting the same lines again after a kill is posting the same lines.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use twox_hash::XxHash3_64;

use crate::bounds::{LINES_PER_READ, SPREAD_DOMAINS_MAX};
use crate::plan::spread::Spread;

/// Bytes of a mark.
pub const MARK_BYTES: usize = 16;

/// The name under which domains beyond [`SPREAD_DOMAINS_MAX`] are counted together.
pub const OTHERS: &str = "other";

/// The recipients of each campaign, by number from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Audience {
    seed: u64,
    count: u64,
    /// Domains with the sum of the weights up to and with them; empty for a domain each.
    domains: Vec<(String, f64)>,
}

impl Audience {
    /// `count` recipients, spread by `seed`.
    pub fn new(spread: &Spread, count: u64, seed: u64) -> Self {
        let mut sum = 0.0;
        let mut add = |(domain, weight): (String, f64)| {
            sum += weight;
            (domain, sum)
        };
        let domains = match spread {
            Spread::OneEach => Vec::new(),
            Spread::Weighted(weights) => weights.iter().cloned().map(add).collect(),
            Spread::Zipf(number) => {
                let ranks = 1_u32..=u32::try_from(*number).unwrap_or(u32::MAX);
                let ranks = ranks.map(|rank| (format!("d{rank}.test"), 1.0 / f64::from(rank)));
                ranks.map(&mut add).collect()
            }
        };
        Self {
            seed,
            count,
            domains,
        }
    }

    /// How many recipients there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The named domains; none when each recipient has one of its own.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(|(domain, _)| domain.as_str())
    }

    /// Appends the address of a recipient.
    pub fn write_address(&self, number: u64, out: &mut String) {
        let is_written = match self.domain(number) {
            Some(domain) => write!(out, "u{number}@{domain}"),
            None => write!(out, "u{number}@d{number}.test"),
        };
        is_written.expect("a String takes all");
    }

    /// The address of a recipient.
    pub fn address(&self, number: u64) -> String {
        let mut address = String::with_capacity(32);
        self.write_address(number, &mut address);
        address
    }

    /// What stands in the message of a recipient and of nobody else: 16 hexadecimal digits.
    pub fn mark(&self, number: u64) -> [u8; MARK_BYTES] {
        let mut mark = [0; MARK_BYTES];
        let hash = self.hash(number, b"mark");
        write!(mark.as_mut_slice(), "{hash:016x}").expect("a u64 has 16 hexadecimal digits");
        mark
    }

    /// How many recipients each domain has; those beyond [`SPREAD_DOMAINS_MAX`] domains are
    /// together under [`OTHERS`].
    pub fn by_domain(&self) -> HashMap<String, u64> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut address = String::with_capacity(64);
        for number in 0..self.count {
            address.clear();
            self.write_address(number, &mut address);
            let (_, domain) = address.split_once('@').unwrap_or_default();
            match counts.get_mut(domain) {
                Some(count) => *count += 1,
                None => {
                    let is_full = counts.len() >= SPREAD_DOMAINS_MAX;
                    let name = if is_full { OTHERS } else { domain };
                    *counts.entry(name.to_owned()).or_default() += 1;
                }
            }
        }
        counts
    }

    /// The named domain of a recipient, if recipients share domains.
    fn domain(&self, number: u64) -> Option<&str> {
        let (_, sum) = self.domains.last()?;
        let share = f64::from(u32::try_from(self.hash(number, b"domain") >> 32).unwrap_or(0));
        let point = share / 4_294_967_296.0 * sum;
        let place = self.domains.partition_point(|(_, upto)| *upto <= point);
        let place = place.min(self.domains.len() - 1);
        Some(self.domains[place].0.as_str())
    }

    fn hash(&self, number: u64, salt: &[u8]) -> u64 {
        let mut question = [0; 16];
        question[..8].copy_from_slice(&number.to_le_bytes());
        question[8..8 + salt.len()].copy_from_slice(salt);
        XxHash3_64::oneshot_with_seed(self.seed, &question)
    }

    /// These recipients as CSV with the columns `email` and `mark`, made while it is read.
    pub fn lines(&self, numbers: Range<u64>) -> Lines {
        Lines {
            audience: self.clone(),
            next: numbers.start,
            end: numbers.end.min(self.count),
            ready: b"email,mark\n".to_vec(),
            read: 0,
        }
    }
}

/// An audience as CSV.
#[derive(Debug)]
pub struct Lines {
    audience: Audience,
    next: u64,
    end: u64,
    ready: Vec<u8>,
    /// How much of `ready` was read.
    read: usize,
}

impl Lines {
    fn make_more(&mut self) {
        self.ready.clear();
        self.read = 0;
        let mut address = String::with_capacity(64);
        let end = self.end.min(self.next + LINES_PER_READ);
        for number in self.next..end {
            address.clear();
            self.audience.write_address(number, &mut address);
            self.ready.extend_from_slice(address.as_bytes());
            self.ready.push(b',');
            self.ready.extend_from_slice(&self.audience.mark(number));
            self.ready.push(b'\n');
        }
        self.next = end;
    }
}

impl AsyncRead for Lines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.read == self.ready.len() {
            self.make_more();
        }
        let from = self.read;
        let bytes = buffer.remaining().min(self.ready.len() - from);
        buffer.put_slice(&self.ready[from..from + bytes]);
        self.read += bytes;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people_and_another_seed_gives_others() {
        let of = |seed| Audience::new(&Spread::Zipf(50), 1_000, seed);
        let people = |audience: &Audience| -> Vec<_> {
            let numbers = 0..audience.count();
            numbers
                .map(|n| (audience.address(n), audience.mark(n)))
                .collect()
        };
        assert_eq!(people(&of(7)), people(&of(7)));
        assert_ne!(people(&of(7)), people(&of(8)));
    }

    #[test]
    fn addresses_and_marks_are_distinct_and_addresses_end_where_nobody_lives() {
        let audience = Audience::new(&Spread::Zipf(20), 20_000, 1);
        let numbers = 0..audience.count();
        let addresses: HashSet<_> = numbers.clone().map(|n| audience.address(n)).collect();
        let marks: HashSet<_> = numbers.map(|n| audience.mark(n)).collect();
        assert_eq!((addresses.len(), marks.len()), (20_000, 20_000));
        assert!(addresses.iter().all(|address| address.ends_with(".test")));
    }

    #[test]
    fn zipf_gives_the_second_domain_half_of_the_first() {
        let counts = Audience::new(&Spread::Zipf(100), 100_000, 3).by_domain();
        let ratio = counts["d2.test"] as f64 / counts["d1.test"] as f64;
        assert!((0.47..0.53).contains(&ratio), "{ratio}");
        assert!(counts.len() > 90);
    }

    #[test]
    fn weights_are_kept() {
        let spread = Spread::parse("a.test=40, b.example=10").unwrap();
        let counts = Audience::new(&spread, 50_000, 3).by_domain();
        let share = counts["a.test"] as f64 / 50_000.0;
        assert!((0.79..0.81).contains(&share), "{share}");
    }

    #[test]
    fn one_each_gives_everybody_a_domain() {
        let counts = Audience::new(&Spread::OneEach, 500, 3).by_domain();
        assert_eq!(counts.len(), 500);
    }

    #[tokio::test]
    async fn the_lines_hold_everybody_once() {
        let audience = Audience::new(&Spread::Zipf(5), 2 * LINES_PER_READ + 3, 9);
        let mut text = String::new();
        audience
            .lines(0..u64::MAX)
            .read_to_string(&mut text)
            .await
            .unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "email,mark");
        assert_eq!(lines.len() as u64, audience.count() + 1);
        let mark = String::from_utf8(audience.mark(1).to_vec()).unwrap();
        assert_eq!(lines[2], format!("{},{mark}", audience.address(1)));
    }
}
