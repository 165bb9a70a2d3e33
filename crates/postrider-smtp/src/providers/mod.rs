//! What is known of the large mail providers: which hosts are theirs, and what they allow.
//!
//! The knowledge is data, `config/providers.toml`: every figure with its source and date, so that a
//! doubt can be followed up. It is built in, and a file of the user's adds providers or replaces them by
//! name. Receivers change their minds, so these are starting points, and never permissions.
//!
//! A domain belongs to a provider if its own name is listed, or if its best MX host lies below one of
//! the provider's suffixes; of several, the longest suffix wins. What a domain's lesser MX hosts say
//! does not count, for no mail goes there while the best is well.

mod file;
mod pattern;

use std::num::NonZeroU32;

use postrider_types::Rate;

pub use file::{Problem, ProvidersError};
pub use pattern::{Pattern, PatternError};

use crate::site::SiteName;

/// The table as it is built in.
const BUILT_IN: &str = include_str!("../../../../config/providers.toml");

/// Most providers of one table.
const PROVIDERS_MAX: usize = 1_000;

/// Most domains and suffixes of one provider.
const PATTERNS_MAX: usize = 200;

/// The table of providers.
#[derive(Debug, Clone, PartialEq)]
pub struct Providers {
    /// What holds for sites of which nothing better is known.
    default: Limits,
    default_sources: Vec<Source>,
    /// The user's before the built-in ones.
    providers: Vec<Provider>,
}

/// One mail provider, or one host that relays for its customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Lower-case letters, digits and hyphens; also the name of the site, and of the provider in
    /// rules of classification.
    pub name: String,
    /// Recipient domains that are the provider's, whatever their MX.
    pub domains: Vec<Pattern>,
    /// What the names of its hosts end with.
    pub hosts: Vec<Pattern>,
    /// A host of its own, which the table is checked with.
    pub example: Option<String>,
    /// Whether all its hosts count as one site. Where not, each set of MX hosts is a site of its own,
    /// with these limits each.
    pub is_one_site: bool,
    /// What it allows.
    pub limits: Limits,
    /// What else is good to know, for people.
    pub note: Option<String>,
    /// Where each figure stands.
    pub sources: Vec<Source>,
}

/// What a site allows. Where nothing is said, the route's own settings hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once; at least 1.
    pub connections_max: Option<u16>,
    /// Most messages that one connection carries; at least 1.
    pub messages_per_connection_max: Option<u32>,
    /// Most messages in a time.
    pub rate: Option<Rate>,
    /// Whether it takes nothing without TLS.
    pub is_tls_required: bool,
}

/// Where one figure stands, and as of when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The key of the figure, such as `connections_max`.
    pub key: String,
    /// A page or a file that can be found again.
    pub place: String,
    /// `YYYY-MM-DD`: when it was written or read.
    pub date: String,
}

impl Providers {
    /// The table that comes with Postrider.
    pub fn built_in() -> Self {
        Self::read(BUILT_IN, "config/providers.toml").expect("a test reads the built-in table")
    }

    /// The table in `text`; `file` is what messages call it.
    ///
    /// # Errors
    /// With all that is wrong with it.
    pub fn read(text: &str, file: &str) -> Result<Self, ProvidersError> {
        file::read(text, file)
    }

    /// This table with `more` on top: its providers replace those of the same name as a whole, and
    /// each limit that its `[default]` sets replaces that limit.
    #[must_use]
    pub fn with(self, more: Self) -> Self {
        let Self {
            default,
            default_sources,
            providers,
        } = more;
        let is_set = |old: &Source| default_sources.iter().all(|new| new.key != old.key);
        let sources = self.default_sources.into_iter().filter(is_set);
        let sources: Vec<Source> = sources.collect();
        let is_left = |known: &Provider| providers.iter().all(|new| new.name != known.name);
        let rest: Vec<Provider> = self.providers.into_iter().filter(is_left).collect();
        Self {
            default: default.or(self.default),
            default_sources: default_sources.into_iter().chain(sources).collect(),
            providers: providers.into_iter().chain(rest).collect(),
        }
    }

    /// The table for one of several workers that share each rate evenly. All other limits stay.
    #[must_use]
    pub fn with_rates_split(&self, workers: NonZeroU32) -> Self {
        let mut split = self.clone();
        let limits = split.providers.iter_mut().map(|known| &mut known.limits);
        for limits in limits.chain([&mut split.default]) {
            limits.rate = limits.rate.map(|rate| rate.split(workers));
        }
        split
    }

    /// Whose the mail of `domain` is, where `hosts` are its best MX hosts. For a relay, `domain` is
    /// empty and its host stands for them.
    pub fn of<'a>(
        &self,
        domain: &str,
        hosts: impl IntoIterator<Item = &'a str>,
    ) -> Option<&Provider> {
        let longest = |of: fn(&Provider) -> &[Pattern], name: &str| {
            // The first of equals, so that the user's wins.
            let matching = self.providers.iter().rev().filter_map(|provider| {
                let matching = of(provider).iter().filter(|pattern| pattern.matches(name));
                Some((provider, matching.map(Pattern::labels).max()?))
            });
            matching
                .max_by_key(|(_, labels)| *labels)
                .map(|(provider, _)| provider)
        };
        longest(|provider| &provider.domains, domain).or_else(|| {
            hosts
                .into_iter()
                .find_map(|host| longest(|provider| &provider.hosts, host))
        })
    }

    /// The provider of this name.
    pub fn named(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// All of them; the user's before the built-in ones.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter()
    }

    /// The provider of a site: by its name, or by the host that it is called by. The site of a relay is
    /// `host:port`.
    pub fn of_site(&self, site: &SiteName) -> Option<&Provider> {
        let name = site.as_str();
        let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
        self.named(name).or_else(|| self.of("", [host]))
    }

    /// What a site allows: its provider's limits, and the default for what they do not say.
    pub fn limits(&self, site: &SiteName) -> Limits {
        let provider = self.of_site(site);
        provider.map_or(self.default, |provider| provider.limits.or(self.default))
    }

    /// What holds for a site of which nothing better is known, and where each figure stands.
    pub fn default_limits(&self) -> (&Limits, &[Source]) {
        (&self.default, &self.default_sources)
    }
}

impl Limits {
    /// These, and those of `other` where these say nothing.
    const fn or(self, other: Self) -> Self {
        Self {
            connections_max: match self.connections_max {
                None => other.connections_max,
                known => known,
            },
            messages_per_connection_max: match self.messages_per_connection_max {
                None => other.messages_per_connection_max,
                known => known,
            },
            rate: match self.rate {
                None => other.rate,
                known => known,
            },
            is_tls_required: self.is_tls_required || other.is_tls_required,
        }
    }
}

#[cfg(test)]
mod tests;
