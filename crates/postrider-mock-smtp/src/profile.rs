//! What the mock is asked to be, as TOML: the common door, providers with doors of their own, and a
//! behaviour for each domain.
//!
//! A domain's table stands alone: what it does not say is said by its provider's `behaviour`, if it
//! names a provider, and otherwise is "accept", not what `[default]` says.
//! All chance comes from the seed, so the same profile treats the same client in the same way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::error::MockError;

mod behaviour;
mod built_in;
mod check;
mod doubt;
mod keyword;
mod latency;
mod mishap;
mod provider;
mod security;
mod words;

pub use behaviour::{Behaviour, DeferAt, DropAt};
pub use built_in::BuiltIn;
pub use doubt::DoubtPolicy;
pub use keyword::Keyword;
pub use latency::{Latencies, Latency};
pub use mishap::{Dark, How, Mishap, Outage, Reject};
pub use provider::Provider;
pub use security::{Auth, Certificate, Limits, Mechanism, Synchronisation, Tls};
pub use words::{Refusal, Words};

/// A whole pretend provider world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What people call it.
    pub name: String,
    /// Where all chance comes from.
    #[serde(default)]
    pub seed: u64,
    /// Divides every wait and span of this profile, and no rate: 60 makes a minute a second.
    /// From 1 (the default) to 86,400.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub time_scale: u32,
    /// The name in the greeting and in the reply to EHLO.
    #[serde(default = "hostname")]
    pub hostname: String,
    /// What EHLO offers, in this order; all by default.
    #[serde(default = "Keyword::all")]
    pub keywords: Vec<Keyword>,
    /// What of it is refused when it is used. Default: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<Keyword>,
    /// Open connections; the next is greeted with 421. Default 4,096, at most 16,384.
    #[serde(default = "connections_max")]
    pub connections_max: usize,
    /// Bytes of a message, also offered as SIZE. Default 50 MiB, at most 1 GiB.
    #[serde(default = "message_bytes_max")]
    pub message_bytes_max: u64,
    /// What SIZE says, if it is a lie. Default: `message_bytes_max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_offered: Option<u64>,
    /// Lines of the reply to EHLO that mean nothing; at most 1,000. Default: none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filler_lines: u32,
    /// TLS at the common door.
    #[serde(default)]
    pub tls: Tls,
    /// Who may log in at the common door; without it AUTH is not offered.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// What happens to a client that sends on where it must wait.
    #[serde(default)]
    pub synchronisation: Synchronisation,
    /// The numbers of RFC 9422 at the common door; none by default.
    #[serde(default)]
    pub limits: Limits,
    /// Which domains a load test draws when it is not told any, and how often: a weight for each.
    /// Default: none, so that the test chooses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub audience: BTreeMap<String, u32>,
    /// What the client was told to do when a reply does not arrive; only the verdict goes by it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_doubt: DoubtPolicy,
    /// How domains without a table behave, and the common door before a domain is known: accept,
    /// unless said otherwise.
    #[serde(default)]
    pub default: Behaviour,
    /// Providers, by the name that domains know them by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provider: BTreeMap<String, Provider>,
    /// How named domains behave; names in lower case.
    #[serde(default)]
    pub domain: BTreeMap<String, Behaviour>,
}

impl Profile {
    /// Accepts everything as fast as it can.
    pub fn sink() -> Self {
        BuiltIn::SINK.profile()
    }

    /// The six domains of the sample newsletter.
    pub fn sample() -> Self {
        BuiltIn::SAMPLE.profile()
    }

    /// A built-in profile by its name.
    pub fn named(name: &str) -> Option<Self> {
        let mut known = BuiltIn::all().iter();
        known.find(|known| known.name == name).map(BuiltIn::profile)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// [`MockError`] for an unknown key, and for a value out of its range.
    pub fn from_toml(text: &str) -> Result<Self, MockError> {
        toml::from_str::<Self>(text)?.checked()
    }

    /// The profile as TOML, as [`from_toml`](Self::from_toml) reads it.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every value of a profile has a form in TOML")
    }

    /// The same with a behaviour for one domain, in place of what it had.
    #[must_use]
    pub fn with_domain(mut self, name: &str, behaviour: Behaviour) -> Self {
        self.domain.insert(name.to_lowercase(), behaviour);
        self
    }

    /// The same with another source of chance.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same with all waits and spans divided; 0 counts as 1.
    #[must_use]
    pub fn with_time_scale(self, time_scale: u32) -> Self {
        let time_scale = time_scale.max(1);
        Self { time_scale, ..self }
    }

    /// The behaviour of a domain, given in lower case, as its own table says it.
    pub fn behaviour(&self, domain: &str) -> &Behaviour {
        self.domain.get(domain).unwrap_or(&self.default)
    }

    /// The provider of a domain, given in lower case, by name.
    pub fn provider_of(&self, domain: &str) -> Option<&str> {
        self.behaviour(domain).provider.as_deref()
    }

    /// Whether EHLO offers an extension at the common door.
    pub fn offers(&self, keyword: Keyword) -> bool {
        self.keywords.contains(&keyword)
    }

    /// The same with domains in lower case, if its values are within the mock's own bounds and fit
    /// one another.
    pub(crate) fn checked(mut self) -> Result<Self, MockError> {
        let lower = |(name, own): (String, Behaviour)| (name.to_lowercase(), own);
        self.domain = self.domain.into_iter().map(lower).collect();
        check::profile(&self)?;
        Ok(self)
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

/// Whether a key can be left out when a profile is written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn hostname() -> String {
    "mock.postrider.test".to_owned()
}

fn connections_max() -> usize {
    4096
}

fn message_bytes_max() -> u64 {
    bounds::MESSAGE_BYTES_DEFAULT
}

#[cfg(test)]
mod tests;
