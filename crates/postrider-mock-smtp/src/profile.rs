//! What the mock is asked to be: a default behaviour and one per domain, as TOML.
//!
//! A domain's table stands alone: what it does not say is "accept", not what `[default]` says.
//! All chance comes from the seed, so the same profile treats the same client in the same way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::error::MockError;
use crate::units::{Rate, Share, Span};

const SINK: &str = include_str!("../profiles/sink.toml");
const SAMPLE: &str = include_str!("../profiles/sample.toml");

/// A whole pretend provider world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What people call it.
    pub name: String,
    /// Where all chance comes from.
    #[serde(default)]
    pub seed: u64,
    /// The name in the greeting and in the reply to EHLO.
    #[serde(default = "hostname")]
    pub hostname: String,
    /// What EHLO offers, in this order; all by default.
    #[serde(default = "Keyword::all")]
    pub keywords: Vec<Keyword>,
    /// Open connections; the next is greeted with 421. Default 4,096, at most 16,384.
    #[serde(default = "connections_max")]
    pub connections_max: usize,
    /// Bytes of a message, also offered as SIZE. Default 50 MiB, at most 1 GiB.
    #[serde(default = "message_bytes_max")]
    pub message_bytes_max: u64,
    /// How domains without a table behave: accept, unless said otherwise.
    #[serde(default)]
    pub default: Behaviour,
    /// How named domains behave; names in lower case.
    #[serde(default)]
    pub domain: BTreeMap<String, Behaviour>,
}

/// An extension that EHLO can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keyword {
    /// Commands in groups (RFC 2920).
    #[serde(rename = "PIPELINING")]
    Pipelining,
    /// Bodies with bytes above 127 (RFC 6152).
    #[serde(rename = "8BITMIME")]
    EightBitMime,
    /// The largest message, and its declaration at MAIL (RFC 1870).
    #[serde(rename = "SIZE")]
    Size,
    /// Enhanced codes in replies (RFC 2034).
    #[serde(rename = "ENHANCEDSTATUSCODES")]
    EnhancedStatusCodes,
}

/// How a domain treats those who bring it mail. Without any key: it accepts everything at once.
///
/// Where several apply to a recipient, the first of this order speaks: connections, rate, refusal,
/// greylisting, deferral, drop.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Connections with an open transaction for this domain; one more gets 421 and is closed.
    pub connections_max: Option<u32>,
    /// MAIL commands for this domain; above it 421 at RCPT, and the connection is closed.
    pub rate: Option<Rate>,
    /// How many may come at once under `rate`. Default: what a tenth of a second allows, at least 1.
    pub burst: Option<u32>,
    /// Local parts that begin so do not exist: 550 at RCPT. An exact number, if the audience is known.
    pub refuse_local_prefix: Option<String>,
    /// Part of the addresses that do not exist: 550 at RCPT, always the same ones.
    pub refuse_share: Share,
    /// From its first try, a (sender, recipient) pair gets 451 at RCPT for this long.
    pub greylist_after: Option<Span>,
    /// Part of the addresses that are deferred with 451, always the same ones.
    pub defer_share: Share,
    /// Where a deferral is said.
    pub defer_at: DeferAt,
    /// How often one address is deferred; without it always.
    pub defer_times_max: Option<u32>,
    /// Time before each reply to RCPT, DATA and the final dot. Other connections do not wait.
    pub reply_delay: Span,
    /// Part of the attempts (address and number of the try) at which the connection is dropped.
    pub drop_share: Share,
    /// Where a connection is dropped.
    pub drop_at: DropAt,
    /// How often a connection is dropped for one address; without it as often as chance says.
    pub drop_times_max: Option<u32>,
}

/// Where a deferral is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeferAt {
    /// At RCPT: for this recipient alone.
    #[default]
    Rcpt,
    /// At the final dot: for the whole message.
    Dot,
}

/// Where a connection is dropped, without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropAt {
    /// Instead of 354: nothing of the message was sent. Never ambiguous.
    #[default]
    Data,
    /// At the first bytes of the body. Nothing is accepted, but a client that has already written
    /// the dot by then cannot know.
    Body,
    /// The dot is read, nothing is accepted or logged: the harmless half of the ambiguity.
    BeforeAccept,
    /// The message is accepted and logged, the 250 is never written: the other half.
    AfterAccept,
}

impl Profile {
    /// Accepts everything as fast as it can.
    pub fn sink() -> Self {
        Self::from_toml(SINK).expect("the embedded profile is tested")
    }

    /// The six domains of the sample newsletter.
    pub fn sample() -> Self {
        Self::from_toml(SAMPLE).expect("the embedded profile is tested")
    }

    /// A built-in profile by its name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::sink, Self::sample]
            .iter()
            .map(|profile| profile())
            .find(|known| known.name == name)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// [`MockError`] for an unknown key, and for a value out of its range.
    pub fn from_toml(text: &str) -> Result<Self, MockError> {
        let mut profile: Self = toml::from_str(text)?;
        profile.domain = profile
            .domain
            .into_iter()
            .map(|(name, own)| (name.to_lowercase(), own))
            .collect();
        profile.checked()
    }

    /// The same with a behaviour for one domain, in place of what it had.
    #[must_use]
    pub fn with_domain(mut self, name: &str, behaviour: Behaviour) -> Self {
        self.domain.insert(name.to_lowercase(), behaviour);
        self
    }

    /// The behaviour of a domain, given in lower case.
    pub fn behaviour(&self, domain: &str) -> &Behaviour {
        self.domain.get(domain).unwrap_or(&self.default)
    }

    /// Whether EHLO offers an extension.
    pub fn offers(&self, keyword: Keyword) -> bool {
        self.keywords.contains(&keyword)
    }

    /// The same, if its numbers are within the mock's own bounds.
    pub(crate) fn checked(self) -> Result<Self, MockError> {
        let bad = |text: String, expected| Err(MockError::Value { text, expected });
        if self.connections_max > bounds::CONNECTIONS_MAX {
            return bad(
                self.connections_max.to_string(),
                "a connections_max of at most 16384",
            );
        }
        if self.message_bytes_max > bounds::MESSAGE_BYTES_MAX {
            return bad(
                self.message_bytes_max.to_string(),
                "a message_bytes_max of at most 1 GiB",
            );
        }
        if self.domain.len() > bounds::DOMAINS_MAX {
            return bad(self.domain.len().to_string(), "at most 100000 domains");
        }
        Ok(self)
    }
}

impl Keyword {
    /// All that the mock can do.
    pub fn all() -> Vec<Self> {
        vec![
            Self::Pipelining,
            Self::Size,
            Self::EightBitMime,
            Self::EnhancedStatusCodes,
        ]
    }
}

impl Behaviour {
    /// Accepts everything at once.
    pub fn accept() -> Self {
        Self::default()
    }

    /// Whether answers depend on what came before, so that state must be kept for the domain.
    pub(crate) fn remembers(&self) -> bool {
        self.connections_max.is_some()
            || self.rate.is_some()
            || self.greylist_after.is_some()
            || !self.defer_share.is_none()
            || !self.drop_share.is_none()
    }

    /// The burst under `rate`, at least 1.
    pub(crate) fn burst_of(&self, rate: Rate) -> u32 {
        self.burst
            .unwrap_or_else(|| rate.tenth_of_a_second())
            .max(1)
    }
}

fn hostname() -> String {
    "mock.postrider.test".to_owned()
}

fn connections_max() -> usize {
    4096
}

fn message_bytes_max() -> u64 {
    50 << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_read_and_are_found_by_name() {
        assert_eq!(Profile::named("sink").unwrap().default, Behaviour::accept());
        let sample = Profile::named("sample").unwrap();
        assert_eq!(sample.domain.len(), 6);
        assert_eq!(sample.behaviour("slow.test").connections_max, Some(4));
        assert_eq!(sample.behaviour("flaky.test").drop_at, DropAt::Data);
        assert_eq!(sample.behaviour("elsewhere.test"), &Behaviour::accept());
        assert!(Profile::named("nobody").is_none());
    }

    #[test]
    fn an_unknown_key_or_a_bad_value_is_an_error() {
        let check = |text: &str| Profile::from_toml(text).unwrap_err().to_string();
        assert_eq!(check("name = 'x'\nsed = 4"), "the profile cannot be read");
        check("name = 'x'\n[default]\nrate_max = '5/s'");
        check("name = 'x'\n[default]\nrate = '5'");
        check("name = 'x'\n[default]\ndrop_share = 1.5");
        check("name = 'x'\nkeywords = ['CHUNKING']");
        assert!(check("name = 'x'\nconnections_max = 99999").contains("at most 16384"));
    }

    #[test]
    fn a_profile_survives_being_written_and_read() {
        let sample = Profile::sample();
        let text = toml::to_string(&sample).unwrap();
        assert_eq!(Profile::from_toml(&text).unwrap(), sample);
    }

    #[test]
    fn a_domain_is_found_in_lower_case() {
        let profile = Profile::from_toml("name = 'x'\n[domain.'Big.Test']\nburst = 3").unwrap();
        assert_eq!(profile.behaviour("big.test").burst, Some(3));
    }
}
