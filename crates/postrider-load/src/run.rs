//! What one run of a load says of itself: the content of `run.json`.
//!
//! Every key that other programs read stands at the top; lists and series are below. Shares are
//! from 0 to 1, times in `_us` are microseconds, sizes in `_bytes` are bytes, and what was not
//! measured is null, never 0.

mod conditions;
mod series;

use std::collections::BTreeMap;

use postrider_mock_smtp::control::wire::LimitVerdict;
use serde::{Deserialize, Serialize};

use crate::outcome::{Balance, Doubts, InDoubt, Outcome};

pub use conditions::{Machine, RunOptions};
pub use series::{DomainSeries, MemoryPoint, Quantile, Series};

/// A finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Pass, or fail for one of the `reasons`.
    pub verdict: Verdict,
    /// Why it failed, a sentence each; empty when it passed.
    pub reasons: Vec<String>,
    /// What became of everyone who was planned.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What became of those whose reply did not arrive.
    #[serde(default)]
    pub doubts: Doubts,
    /// Whether the states of all deliveries added up while it sent.
    #[serde(default)]
    pub balance: Balance,
    /// Seconds from the first start of a campaign until the last had ended.
    pub seconds: f64,
    /// Accepts a second at the mock, from its first MAIL to its last accept.
    pub rate_achieved: f64,
    /// Deliveries a second that the limits would have allowed; null without limits.
    pub rate_allowed: Option<f64>,
    /// MAIL commands as a share of what the limits let through while they were needed; null
    /// without limits. A little above 1 is a burst.
    pub utilisation: Option<f64>,
    /// Round trips that a client waited for, a message; null when nothing was accepted.
    pub round_trips_per_message: Option<f64>,
    /// Most resident memory of the service at any time, that of its workers included.
    pub rss_bytes_max: u64,
    /// Most resident memory of any worker, as far as was seen once a second; null without workers.
    #[serde(default)]
    pub worker_rss_bytes_max: Option<u64>,
    /// Processor time of the service a message while sending; intake is not in it.
    pub cpu_us_per_message: f64,
    /// How often the service, or one of its workers, was killed.
    pub kills: u32,
    /// How often a worker died, for whatever reason, as far as the service was heard to say; null
    /// without workers.
    #[serde(default)]
    pub worker_deaths: Option<u64>,
    /// The longest from a kill of the service itself until it took work again; null without one.
    #[serde(default)]
    pub start_us_max: Option<u64>,
    /// How often the service was stopped for a while.
    pub pauses: u32,
    /// What the run was limited by.
    pub bottleneck: Bottleneck,

    /// Recipients taken in a second, over all lists.
    pub intake_rate: f64,
    /// Lateness of MAIL commands beyond the earliest allowed moment; null without limits.
    pub lateness: Option<Percentiles>,
    /// From MAIL to the read dot, as the mock saw it.
    pub transaction: Percentiles,
    /// Commits of the store a message, intake included; null when the service did not say.
    pub commits_per_message: Option<f64>,
    /// Half of the commits while it sent took no longer, sync included, as the service's histogram
    /// tells; null when the service did not say.
    #[serde(default)]
    pub commit_p50_us: Option<f64>,
    /// Times that the store waited for the disk a message: one for each commit, which is a lower
    /// bound because checkpoints are not counted; null where it is not known.
    pub fsyncs_per_message: Option<f64>,
    /// Bytes of the store's files a recipient, after the run; null for a store in memory.
    pub bytes_per_recipient: Option<f64>,
    /// Connections that the mock took.
    pub connections: u64,
    /// Most connections at once.
    pub connections_most: u64,
    /// Messages of a connection, on average; null when no connection had ended.
    #[serde(default)]
    pub messages_per_connection: Option<f64>,
    /// Processor time of the mock a message.
    pub mock_cpu_us_per_message: f64,
    /// Most resident memory of the mock.
    pub mock_rss_bytes_max: u64,
    /// Processors that the service kept busy while it sent; 1.5 is one and a half.
    pub cpus_busy: f64,
    /// Processors that the mock kept busy while it received.
    pub mock_cpus_busy: f64,

    /// What a baseline reached in the same run, if one was asked for.
    pub baseline: Option<Baseline>,
    /// The domains, busiest first, at most [`DOMAINS_MAX`](crate::bounds::DOMAINS_MAX).
    pub domains: Vec<Domain>,
    /// Domains beyond those listed.
    pub domains_left_out: u64,
    /// Those in doubt, at most [`IN_DOUBT_MAX`](crate::bounds::IN_DOUBT_MAX).
    pub in_doubt_listed: Vec<InDoubt>,
    /// The limits of the profile that were used, the most used first, as the mock judges them.
    #[serde(default)]
    pub limits: Vec<LimitVerdict>,
    /// The doors of providers that were called on, by name, as the mock judges their caps.
    #[serde(default)]
    pub doors: Vec<DoorCaps>,
    /// What the mock complains of, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Messages whose content was compared.
    pub bodies_checked: u64,
    /// Messages whose content was not what was put.
    pub bodies_corrupted: u64,

    /// Where it ran.
    pub machine: Machine,
    /// What was run: `git describe` of the working directory where that is known, otherwise the
    /// version.
    pub commit: String,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// Where all chance came from.
    pub seed: u64,
    /// What was asked for.
    pub options: RunOptions,
    /// What was measured over time.
    pub series: Series,
}

/// Whether the run counts as a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is reconciled.
    Pass,
    /// Something is not.
    Fail,
}

/// What a run was limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// The limits of the receivers: as it should be.
    Limits,
    /// The processors that the service had.
    ServiceCpu,
    /// The mock, so that the run says little of the service.
    MockCpu,
    /// Other processes, which left the machine no processor.
    OtherCpu,
    /// The store: neither processors nor connections were full.
    Store,
    /// The connections, each of which waited for round trips.
    Connections,
    /// Retries and replies that were long in coming.
    Waits,
}

impl Bottleneck {
    /// What a person reads.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::ServiceCpu => "cpu of the service",
            Self::MockCpu => "cpu of the mock",
            Self::OtherCpu => "cpu of other processes",
            Self::Store => "store",
            Self::Connections => "connections × round trip",
            Self::Waits => "waiting for retries and late replies",
        }
    }
}

/// A distribution of times, in microseconds, as HDR histograms give it (3 digits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    pub p50_us: u64,
    /// 90 of 100 took no longer.
    pub p90_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// 999 of 1,000 took no longer.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// What another client reached against the same profile in the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name, such as `smtp-source`.
    pub name: String,
    /// The command as it was run.
    pub command: String,
    /// Messages that it sent.
    pub messages: u64,
    /// Seconds that it took, from its start to its end.
    pub seconds: f64,
    /// Messages a second.
    pub rate: f64,
    /// Microseconds of processor time that it took for a message.
    #[serde(default)]
    pub cpu_us_per_message: f64,
    /// Our rate as a share of its rate.
    pub ratio: f64,
}

/// One domain of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Deliveries planned for it.
    pub planned: u64,
    /// Accepts.
    pub accepted: u64,
    /// MAIL commands, whatever was answered.
    pub mails: u64,
    /// Recipients refused for good by the mock.
    pub refused: u64,
    /// Recipients, messages and connections refused for now by the mock.
    pub deferred: u64,
    /// Accepts a second between its first and its last MAIL.
    pub rate: f64,
    /// Messages a second that its limit allows; null without a limit.
    pub rate_limit: Option<f64>,
    /// MAIL commands as a share of what its limit let through while it was needed.
    pub utilisation: Option<f64>,
    /// Seconds from the run's first MAIL to its first MAIL; null when there was none.
    pub first_at: Option<f64>,
    /// Seconds from the run's first MAIL to its last MAIL.
    pub last_at: Option<f64>,
}

/// The caps of a provider's own door, and the most that was seen under each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorCaps {
    /// The provider.
    pub provider: String,
    /// Most connections at once. A connection that was ended just before the next one came is none.
    pub connections_most: u64,
    /// What it allows of them; null without a cap.
    pub connections_max: Option<u64>,
    /// Most messages of one connection; a MAIL that was refused as one too many counts.
    pub messages_most: u64,
    /// What it allows of them; null without a cap.
    pub messages_max: Option<u64>,
    /// Whether either was more than it allows.
    pub is_exceeded: bool,
}
