//! What is asked of a load.

use std::path::PathBuf;
use std::time::Duration;

use postrider_types::InDoubtPolicy;

use crate::bounds::{
    BODY_BYTES_MAX, CAMPAIGNS_MAX, CONNECTIONS_MAX, DELIVERIES_MAX, TIME_SCALE_MAX, WORKERS_MAX,
};
use crate::plan::spread::Spread;

/// A load as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Recipients of each campaign, from 1.
    pub recipients: u64,
    /// Campaigns, each with its own email and the same recipients; from 1.
    pub campaigns: u32,
    /// How recipients are spread; none for what the profile says, else `zipf(100)`.
    pub spread: Option<Spread>,
    /// Bytes of text and HTML together.
    pub body_bytes: usize,
    /// Bytes of an attachment; 0 for none.
    pub attachment_bytes: usize,
    /// The mock's profile: a name, or a TOML file.
    pub profile: String,
    /// Round-trip time that the mock adds to each connection.
    pub rtt: Duration,
    /// Most connections at once at each door, unless its provider allows fewer.
    pub connections: u32,
    /// Rate of each domain as the service's configuration has it; none for the profile's rates.
    pub limit: Option<String>,
    /// Where the service keeps what is durable.
    pub store: StoreKind,
    /// Processes that send for the service; 0 for the service itself.
    pub workers: u32,
    /// How often the service, or one of its workers, is killed.
    pub kill_every: Option<Duration>,
    /// How often one of them is stopped for a while.
    pub pause_every: Option<Duration>,
    /// What campaigns are told to do with deliveries in doubt.
    pub in_doubt: InDoubtPolicy,
    /// How old a doubt must be before its delivery is sent again; none for what the configuration
    /// says, else 50 s.
    pub in_doubt_retry_after: Option<Duration>,
    /// Where all chance comes from.
    pub seed: u64,
    /// The longest that intake and sending may take together.
    pub duration: Duration,
    /// How many times as fast as life the mock's waits pass; from 1.
    pub time_scale: u32,
    /// Where the run's files stay; none for a folder that is deleted.
    pub folder: Option<PathBuf>,
    /// What is run afterwards against the same mock, for comparison.
    pub baseline: Option<BaselineKind>,
    /// Configuration of the service that the load's own is laid over, as TOML.
    pub config: Option<String>,
}

/// Where the service keeps what is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// In SQLite.
    Sqlite,
    /// In memory: a kill loses all of it.
    Memory,
}

impl StoreKind {
    /// The word for it on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Memory => "memory",
        }
    }
}

/// Another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselineKind {
    /// Postfix's `smtp-source -d`: what the machine can send without keeping anything.
    SmtpSource,
    /// The pooled transport of the crate lettre.
    Lettre,
    /// The same bytes written to sockets, and nothing else.
    Socket,
}

impl BaselineKind {
    /// The word for it on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SmtpSource => "smtp-source",
            Self::Lettre => "lettre",
            Self::Socket => "socket",
        }
    }
}

/// Options that no load can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The domains cannot be read.
    #[error(
        "\"{0}\" is no spread over domains: it is zipf(200), one-each, a list such as \
         a.test=40,b.test=3, or a file with such entries"
    )]
    Domains(String),
    /// A domain that may belong to somebody.
    #[error("{0} may belong to somebody: a load goes only to .test, .example and .invalid")]
    Unsafe(String),
    /// A number out of its bounds.
    #[error("{name} is {given}; it is from {least} to {most}")]
    Range {
        /// The option.
        name: &'static str,
        /// What was given.
        given: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that is bounded.
        most: u64,
    },
    /// A kill would lose the store.
    #[error("a store in memory is lost with its process: --kill-every needs --store sqlite")]
    KilledMemory,
    /// Which replies a killed service did not read, nobody knows.
    #[error(
        "--in-doubt {0} cannot be judged with --kill-every: which replies a killed service did not \
         read, nobody knows; use hold"
    )]
    KilledDoubts(InDoubtPolicy),
    /// The rate cannot be read.
    #[error("--limit: {0}")]
    Limit(#[from] postrider_types::RateError),
    /// A file, a folder or a program that an option names cannot be used.
    #[error("{0}")]
    Text(String),
}

impl Options {
    /// The same, if a load can be made of it.
    ///
    /// # Errors
    /// [`OptionsError`] that names the option.
    pub fn checked(self) -> Result<Self, OptionsError> {
        let deliveries = self.recipients.saturating_mul(u64::from(self.campaigns));
        let ranges = [
            ("--recipients", self.recipients, 1, DELIVERIES_MAX),
            ("--campaigns", self.campaigns.into(), 1, CAMPAIGNS_MAX),
            ("recipients × campaigns", deliveries, 1, DELIVERIES_MAX),
            ("--connections", self.connections.into(), 1, CONNECTIONS_MAX),
            ("--workers", self.workers.into(), 0, WORKERS_MAX),
            ("--time-scale", self.time_scale.into(), 1, TIME_SCALE_MAX),
            ("--body-bytes", self.body_bytes as u64, 1, BODY_BYTES_MAX),
            (
                "--attachment-bytes",
                self.attachment_bytes as u64,
                0,
                BODY_BYTES_MAX,
            ),
        ];
        for (name, given, least, most) in ranges {
            if !(least..=most).contains(&given) {
                return Err(OptionsError::Range {
                    name,
                    given,
                    least,
                    most,
                });
            }
        }
        if self.kill_every.is_some() && self.store == StoreKind::Memory {
            return Err(OptionsError::KilledMemory);
        }
        if self.kill_every.is_some() && self.in_doubt != InDoubtPolicy::Hold {
            return Err(OptionsError::KilledDoubts(self.in_doubt));
        }
        Ok(self)
    }
}
