//! How a domain treats those who bring it mail: the keys of a domain's table.

use serde::{Deserialize, Serialize};

use crate::profile::mishap::{Mishap, Outage, Reject};
use crate::profile::{Latencies, Refusal, is_default};
use crate::units::{Rate, Share, Span};
use crate::world::treatment::Stage;

/// How a domain treats those who bring it mail. Without any key: it accepts everything at once.
///
/// Where several apply to a recipient, the first of this order speaks: outage, connections, rate of
/// the provider and of the domain with their penalties, magic local part, refusal, greylisting,
/// rejection, mishap at RCPT, deferral; then, in this order for each later stage, drop, deferral,
/// mishap, rejection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// The provider that serves this domain, by its name in the profile. What the domain's own
    /// table leaves out, the provider's `behaviour` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Connections with an open transaction for this domain; one more gets 421 and is closed.
    pub connections_max: Option<u32>,
    /// What is said above `connections_max`. Default: a 421.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_connections: Option<Refusal>,
    /// MAIL commands for this domain; above it 421 at RCPT, and the connection is closed.
    pub rate: Option<Rate>,
    /// How many may come at once under `rate`. Default: what a tenth of a second allows, at least 1.
    pub burst: Option<u32>,
    /// What is said above `rate`, and during a penalty. Default: a 421.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_rate: Option<Refusal>,
    /// How long nothing is taken after the first offence against `rate`, the second, and so on;
    /// the last one holds for all further offences. Default: no penalty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub penalties: Vec<Span>,
    /// Local parts that begin so do not exist: 550 at RCPT. An exact number, if the audience is known.
    pub refuse_local_prefix: Option<String>,
    /// Part of the addresses that do not exist: 550 at RCPT, always the same ones.
    pub refuse_share: Share,
    /// From its first try, a (sender, recipient) pair gets 451 at RCPT for this long.
    pub greylist_after: Option<Span>,
    /// A pair that comes back later than this after its first try begins anew. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greylist_until: Option<Span>,
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
    /// When the domain is dark. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// Time before the reply of each stage, on top of `reply_delay`.
    #[serde(skip_serializing_if = "Latencies::is_none")]
    pub latency: Latencies,
    /// What is refused by chance, in words of its own; the first that applies speaks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reject: Vec<Reject>,
    /// What goes wrong by chance; the first that applies happens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mishap: Vec<Mishap>,
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
            || self.counts_attempts()
    }

    /// Whether answers depend on how often an address was tried.
    pub(crate) fn counts_attempts(&self) -> bool {
        let is_by_attempt = |reject: &Reject| reject.is_by_attempt();
        !self.defer_share.is_none()
            || !self.drop_share.is_none()
            || !self.mishap.is_empty()
            || self.reject.iter().any(is_by_attempt)
    }

    /// Whether something can be said or done at a stage other than the normal reply at once.
    pub(crate) fn speaks_at(&self, stage: Stage) -> bool {
        self.outage.is_some()
            || !self.latency.of(stage).is_none()
            || self.reject.iter().any(|reject| reject.stage == stage)
            || self.mishap.iter().any(|mishap| mishap.stage == stage)
    }

    /// The burst under `rate`, at least 1.
    pub(crate) fn burst_of(&self, rate: Rate) -> u32 {
        self.burst
            .unwrap_or_else(|| rate.tenth_of_a_second())
            .max(1)
    }

    /// The same, with what is left out taken from `other`.
    #[must_use]
    pub(crate) fn or(mut self, other: &Self) -> Self {
        fn fill<T: Clone + Default + PartialEq>(own: &mut T, other: &T) {
            if is_default(own) {
                other.clone_into(own);
            }
        }
        fill(&mut self.connections_max, &other.connections_max);
        fill(&mut self.over_connections, &other.over_connections);
        fill(&mut self.rate, &other.rate);
        fill(&mut self.burst, &other.burst);
        fill(&mut self.over_rate, &other.over_rate);
        fill(&mut self.penalties, &other.penalties);
        fill(&mut self.refuse_local_prefix, &other.refuse_local_prefix);
        fill(&mut self.refuse_share, &other.refuse_share);
        fill(&mut self.greylist_after, &other.greylist_after);
        fill(&mut self.greylist_until, &other.greylist_until);
        fill(&mut self.defer_share, &other.defer_share);
        fill(&mut self.defer_at, &other.defer_at);
        fill(&mut self.defer_times_max, &other.defer_times_max);
        fill(&mut self.reply_delay, &other.reply_delay);
        fill(&mut self.drop_share, &other.drop_share);
        fill(&mut self.drop_at, &other.drop_at);
        fill(&mut self.drop_times_max, &other.drop_times_max);
        fill(&mut self.outage, &other.outage);
        fill(&mut self.latency, &other.latency);
        fill(&mut self.reject, &other.reject);
        fill(&mut self.mishap, &other.mishap);
        self
    }

    /// The same in a time that runs `scale` times as fast. Rates stay as they are: they are what a
    /// client is told, and not a wait.
    #[must_use]
    pub(crate) fn scaled(mut self, scale: u32) -> Self {
        if scale == 1 {
            return self;
        }
        let faster = |span: &mut Span| *span = span.scaled(scale);
        self.penalties.iter_mut().for_each(faster);
        self.greylist_after.iter_mut().for_each(faster);
        self.greylist_until.iter_mut().for_each(faster);
        faster(&mut self.reply_delay);
        self.latency = self.latency.scaled(scale);
        self.mishap.iter_mut().for_each(|it| faster(&mut it.delay));
        self.outage = self.outage.map(|outage| outage.scaled(scale));
        self
    }
}
