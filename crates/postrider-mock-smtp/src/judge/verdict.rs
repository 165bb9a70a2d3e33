//! The verdict as it is told: numbers, and for each thing that is wrong a sentence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a client did what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// Nothing is wrong.
    #[default]
    Pass,
    /// Something is wrong; the reasons say what.
    Fail,
}

/// What the mock says of the client that it served.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// `fail` if there is a reason.
    pub verdict: Ruling,
    /// What is wrong, a sentence for each kind and each limit.
    pub reasons: Vec<String>,
    /// Deliveries that were expected.
    pub expected: u64,
    /// Receipts that the client holds.
    pub receipts: u64,
    /// Receipts among them that say neither that nor how the delivery ended.
    pub open_receipts: u64,
    /// Accepts: one per recipient of each accepted message.
    pub accepted: u64,
    /// Different recipients among them.
    pub recipients: u64,
    /// Accepts beyond the first of a Message-ID and recipient.
    pub duplicates: u64,
    /// Accepts beyond the first of a campaign and recipient.
    pub duplicates_by_campaign: u64,
    /// Expected, not accepted, and not excused: by a receipt of another end than `delivered`, or,
    /// when the client showed no receipts at all, by a refusal for good.
    pub lost: u64,
    /// Accepted, though others were expected and this was not; none when nothing was expected.
    pub unexpected: u64,
    /// Receipts that say delivered without an accept, or another end with one.
    pub false_receipts: u64,
    /// What the client does not know.
    pub in_doubt: InDoubt,
    /// Messages to which no whole reply was given.
    #[serde(default)]
    pub unanswered: Unanswered,
    /// Every rate that was used, the worst first, at most a thousand.
    pub limits: Vec<LimitVerdict>,
    /// Connections at once, at the address of each provider.
    pub connections: Vec<CapVerdict>,
    /// Messages of one connection, at the address of each provider.
    pub messages_per_connection: Vec<CapVerdict>,
    /// How often each kind of fault was seen; those that were not seen are left out.
    pub faults: BTreeMap<String, u64>,
    /// Contents against those that were expected.
    pub bodies: Bodies,
    /// What found no room in the mock's tables. More than none fails: the judge lost count.
    pub untracked: u64,
}

/// Deliveries whose receipt says `in_doubt`, and what the mock knows of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InDoubt {
    /// All of them.
    pub held: u64,
    /// Those that were accepted.
    pub arrived: u64,
    /// Those that were not.
    pub not_arrived: u64,
    /// Each by name, at most 100,000, by campaign and recipient.
    pub listed: Vec<Doubt>,
}

/// Deliveries of which the end of a message was read, and no whole reply to it was given: the
/// client cannot know what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unanswered {
    /// All of them.
    pub deliveries: u64,
    /// Those whose receipt says `in_doubt`.
    pub in_doubt: u64,
    /// Those of which another message came afterwards.
    pub sent_again: u64,
    /// Accepts beyond the first that are no duplicates, because the client was told to send once
    /// more. They have the same Message-ID, and there is one at most for each missing reply.
    pub copies: u64,
    /// Receipts that say delivered without an accept, because the client was told to assume so.
    pub assumed: u64,
    /// Recipients of messages that were cut off, or whose reply was hard to read: a client may hold
    /// them in doubt, or know better. Not among `deliveries`.
    pub cut: u64,
    /// Deliveries that the client holds in doubt, of those listed, although the mock replied as far
    /// as it knows: as it is when the client dies before it reads.
    pub doubts_without: u64,
}

/// A delivery in doubt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Doubt {
    /// The campaign.
    pub campaign: String,
    /// The recipient as the client writes it.
    pub recipient: String,
    /// Whether it was accepted.
    pub has_arrived: bool,
}

/// The rate of a domain or a provider, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitVerdict {
    /// The domain, or `provider NAME`.
    pub name: String,
    /// The rate as the profile has it, `50/s` say.
    pub rate: String,
    /// How many may come at once.
    pub burst: u32,
    /// What the spread of path delay may have added to each window, in microseconds.
    pub jitter_us: u64,
    /// The fullest window of each width.
    pub windows: Vec<WindowVerdict>,
    /// Whether any of them holds more than it may.
    pub is_exceeded: bool,
}

/// The fullest window of one width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WindowVerdict {
    /// The width.
    pub seconds: u64,
    /// The most MAIL commands that any window of this width held.
    pub most: u64,
    /// What it may hold: rate × (width + jitter) + burst, rounded down.
    pub bound: u64,
}

/// A count at the address of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CapVerdict {
    /// The provider.
    pub provider: String,
    /// The most that was seen.
    pub most: u64,
    /// What is allowed; without one nothing is exceeded.
    pub cap: Option<u64>,
    /// Whether there was more than that.
    pub is_exceeded: bool,
}

/// Contents against those that were expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bodies {
    /// Accepted deliveries whose content hash was known beforehand.
    pub checked: u64,
    /// Those among them with another content.
    pub corrupted: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_pass(&self) -> bool {
        self.verdict == Ruling::Pass
    }
}
