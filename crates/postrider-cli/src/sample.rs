//! The sample: a newsletter, and an audience over six pretend domains.
//!
//! The domains are those of the mock's `sample` profile; together with the limits of
//! `config/sample/dev.toml` everything ends within 90 seconds. The audience is made at run time
//! and is the same for the same size and seed, on every machine.
//!
//! The domains are interleaved evenly, so that all of them are under way from the beginning.

use postrider_api::{NewEmail, Unsubscribe};

/// The limits and retry delays of `postrider dev`.
pub(crate) const CONFIG: &str = include_str!("../../../config/sample/dev.toml");

/// How many recipients the sample has unless asked otherwise.
pub(crate) const RECIPIENTS: u32 = 10_000;

/// The largest sample: its lines are held in memory, about 50 bytes each.
pub(crate) const RECIPIENTS_MAX: u32 = 1_000_000;

const HTML: &str = include_str!("../../../config/sample/newsletter.html");
const TEXT: &str = include_str!("../../../config/sample/newsletter.txt");
const FIRST_NAMES: &str = include_str!("../../../config/sample/first_names.txt");
const LAST_NAMES: &str = include_str!("../../../config/sample/last_names.txt");
const CITIES: &str = include_str!("../../../config/sample/cities.txt");

/// One of the pretend domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Its name.
    pub(crate) domain: &'static str,
    /// How many of [`RECIPIENTS`] are there.
    share: u32,
    /// What the mock does there, for people.
    pub(crate) behaviour: &'static str,
}

/// All pretend domains.
pub(crate) const DESTINATIONS: [Destination; 6] = [
    destination("fast.test", 4_000, "accepts at once"),
    destination("bigmail.test", 3_000, "says 421 above 60 a second"),
    destination("grey.test", 1_500, "greylists for 10 s"),
    destination("slow.test", 800, "40 ms a reply, 4 connections"),
    destination("flaky.test", 500, "drops 3% of connections"),
    destination("bounce.test", 200, "refuses 30% of addresses"),
];

/// Of ten addresses at bounce.test, how many begin with [`GONE`].
const GONE_IN_TEN: u32 = 3;

/// How the local parts begin that the mock's profile refuses.
const GONE: &str = "gone-";

const fn destination(domain: &'static str, share: u32, behaviour: &'static str) -> Destination {
    Destination {
        domain,
        share,
        behaviour,
    }
}

/// The newsletter.
pub(crate) fn email() -> NewEmail {
    NewEmail {
        from: "The Sorting Office <letters@news.example.test>".to_owned(),
        reply_to: Some("editors@news.example.test".to_owned()),
        subject: "{{ name }}, the cart that waited in {{ city }}".to_owned(),
        html: Some(HTML.to_owned()),
        text: Some(TEXT.to_owned()),
        headers: Vec::new(),
        list_id: Some("The Sorting Office <sorting-office.news.example.test>".to_owned()),
        unsubscribe: Some(Unsubscribe {
            url: Some(
                "https://news.example.test/unsubscribe?reader={{ email|urlencode }}".to_owned(),
            ),
            ..Unsubscribe::default()
        }),
        feedback_id: Some("letter:sorting-office".to_owned()),
    }
}

/// How many of `recipients` each domain has: its share, rounded so that nobody is left over.
pub(crate) fn counts(recipients: u32) -> [u32; DESTINATIONS.len()] {
    let exact = DESTINATIONS.map(|each| u64::from(each.share) * u64::from(recipients));
    let whole = u64::from(RECIPIENTS);
    let mut counts = exact.map(|exact| u32::try_from(exact / whole).unwrap_or(u32::MAX));
    let mut by_remainder: Vec<_> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&index| std::cmp::Reverse(exact[index] % whole));
    let left = recipients - counts.iter().sum::<u32>();
    for index in by_remainder.into_iter().take(left as usize) {
        counts[index] += 1;
    }
    counts
}

/// The audience as CSV.
pub(crate) fn audience(recipients: u32, seed: u64) -> String {
    let people = People::new(seed);
    let counts = counts(recipients);
    let mut filled = [0; DESTINATIONS.len()];
    let mut credits = [0_i64; DESTINATIONS.len()];
    let mut csv = "email,name,city,reader_since\n".to_owned();
    for _ in 0..recipients {
        let index = turn(&mut credits, &counts, recipients);
        csv.push_str(&people.line(index, filled[index]));
        filled[index] += 1;
    }
    csv
}

/// Whose turn it is when each domain is to come as evenly as it can: everybody earns its share,
/// the richest pays for all.
fn turn(credits: &mut [i64], counts: &[u32], recipients: u32) -> usize {
    for (credit, &count) in credits.iter_mut().zip(counts) {
        *credit += i64::from(count);
    }
    let richest = (0..credits.len()).max_by_key(|&index| (credits[index], counts[index]));
    let richest = richest.expect("there are six domains");
    credits[richest] -= i64::from(recipients);
    richest
}

/// Those who make up the audience.
struct People {
    first_names: Vec<&'static str>,
    last_names: Vec<&'static str>,
    cities: Vec<&'static str>,
    seed: u64,
}

impl People {
    fn new(seed: u64) -> Self {
        Self {
            first_names: FIRST_NAMES.lines().collect(),
            last_names: LAST_NAMES.lines().collect(),
            cities: CITIES.lines().collect(),
            seed,
        }
    }

    /// The line of the recipient that is the `number`th at its domain, from 0.
    fn line(&self, destination: usize, number: u32) -> String {
        let pairs = self.first_names.len() * self.last_names.len();
        let start = draw(self.seed, destination as u64, 0);
        // An odd step through a power of two meets every pair once before any comes again.
        let place = start.wrapping_add(u64::from(number).wrapping_mul(2_654_435_761));
        let pair = below(place, pairs);
        let first = self.first_names[pair % self.first_names.len()];
        let last = self.last_names[pair / self.first_names.len()];

        let chance = draw(self.seed, destination as u64, 1 + u64::from(number));
        let city = self.cities[below(chance, self.cities.len())];
        let reader_since = 2009 + (chance >> 32) % 17;

        let domain = DESTINATIONS[destination].domain;
        let is_gone =
            domain == "bounce.test" && (number + 1) * GONE_IN_TEN / 10 > number * GONE_IN_TEN / 10;
        let prefix = if is_gone { GONE } else { "" };
        let namesakes = number as usize / pairs;
        let suffix = match namesakes {
            0 => String::new(),
            more => (more + 1).to_string(),
        };
        let local_part = format!("{prefix}{}.{}{suffix}", plain(first), plain(last));
        format!("{local_part}@{domain},{first},{city},{reader_since}\n")
    }
}

/// A number from 0 up to `bound`, which is small enough that the rest of the division is fair.
fn below(chance: u64, bound: usize) -> usize {
    usize::try_from(chance % bound as u64).expect("it is below a usize")
}

/// Chance that is the same everywhere: SplitMix64 over what is asked.
fn draw(seed: u64, destination: u64, number: u64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut mixed = seed
        .wrapping_add(destination.wrapping_mul(0xD1B5_4A32_D192_ED03))
        .wrapping_add(number.wrapping_add(1).wrapping_mul(STEP));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A name as it stands in an address: lower case, without marks.
fn plain(name: &str) -> String {
    let letters = name.chars().flat_map(char::to_lowercase);
    letters
        .map(|letter| match letter {
            'ã' => 'a',
            'ć' => 'c',
            'è' | 'é' | 'ë' => 'e',
            'í' => 'i',
            'ö' => 'o',
            'š' => 's',
            'ü' => 'u',
            'á' => 'a',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use postrider_mock_smtp::Profile;

    use super::*;

    fn addresses(recipients: u32, seed: u64) -> Vec<String> {
        let csv = audience(recipients, seed);
        let lines = csv.lines().skip(1);
        let addresses = lines.map(|line| line.split(',').next().unwrap().to_owned());
        addresses.collect()
    }

    #[test]
    fn the_sample_has_exactly_the_counts_that_it_announces() {
        let addresses = addresses(RECIPIENTS, 42);
        let mut found = BTreeMap::<&str, u32>::new();
        for address in &addresses {
            *found.entry(address.split_once('@').unwrap().1).or_default() += 1;
        }
        for destination in DESTINATIONS {
            assert_eq!(found[destination.domain], destination.share);
        }
        assert_eq!(addresses.len(), 10_000);
        assert_eq!(addresses.iter().collect::<HashSet<_>>().len(), 10_000);
    }

    #[test]
    fn exactly_sixty_addresses_are_refused_by_the_mock() {
        let profile = Profile::sample();
        let prefix = profile.domain["bounce.test"].refuse_local_prefix.clone();
        let prefix = prefix.unwrap();
        let addresses = addresses(RECIPIENTS, 42);
        let refused = addresses.iter().filter(|each| each.starts_with(&prefix));
        assert_eq!(refused.count(), 60);
        assert!(addresses.iter().all(|each| each.is_ascii()));
    }

    #[test]
    fn the_mock_knows_every_domain_of_the_sample() {
        let profile = Profile::sample();
        for destination in DESTINATIONS {
            assert!(profile.domain.contains_key(destination.domain));
        }
    }

    #[test]
    fn another_size_keeps_the_shares_and_leaves_nobody_out() {
        for recipients in [0, 1, 7, 100, 9_999, 123_457] {
            let counts = counts(recipients);
            assert_eq!(counts.iter().sum::<u32>(), recipients);
            assert!(counts[0].abs_diff(recipients * 4 / 10) <= 1);
        }
        assert_eq!(
            addresses(123_457, 1).iter().collect::<HashSet<_>>().len(),
            123_457
        );
    }

    #[test]
    fn all_domains_are_under_way_from_the_beginning() {
        let addresses = addresses(RECIPIENTS, 42);
        for hundred in addresses.chunks(100) {
            let domains: HashSet<_> = hundred
                .iter()
                .map(|a| a.split_once('@').unwrap().1)
                .collect();
            assert_eq!(domains.len(), DESTINATIONS.len());
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_audience_and_another_seed_another() {
        assert_eq!(audience(500, 42), audience(500, 42));
        assert_ne!(audience(500, 42), audience(500, 43));
    }
}
