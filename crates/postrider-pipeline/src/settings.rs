//! What the pipeline is told: plain values, without defaults, so that the caller says what it
//! wants. Files and environment are read above, in the service.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use postrider_smtp::{ClientName, Relay, RelayError, Timeouts};
use postrider_types::{Backoff, Domain, Rate};

/// Everything that the pipeline is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How mail leaves.
    pub route: RouteSettings,
    /// Who may get how much.
    pub limits: LimitSettings,
    /// How long a deferred delivery waits.
    pub backoff: Backoff,
    /// How chunks are held.
    pub lease: LeaseSettings,
    /// Bodies in memory.
    pub cache: CacheSettings,
    /// Audiences.
    pub intake: IntakeSettings,
    /// Largest email, in bytes of content.
    pub email_bytes_max: usize,
    /// Whether anything is sent; without it, a store is only looked at and fed.
    pub is_sending: bool,
}

impl Settings {
    /// What suits a small newsletter that embeds the pipeline: everything to one relay, no rate,
    /// 10 connections, bodies of up to 10 MB. Start from here and say what differs.
    ///
    /// # Errors
    /// [`RelayError`] when `relay` is not of the form `smtp://host:port`.
    pub fn for_relay(relay: &str) -> Result<Self, RelayError> {
        let limit = DomainLimit {
            rate: None,
            connections_max: 10,
        };
        Ok(Self {
            route: RouteSettings {
                relay: relay.parse()?,
                client_name: ClientName::from(IpAddr::from([127, 0, 0, 1])),
                connections_max: 10,
                idle_after: Duration::from_secs(5),
                timeouts: Timeouts::STANDARD,
                delay_min: Duration::from_secs(1),
                delay_max: Duration::from_secs(60),
            },
            limits: LimitSettings {
                default: limit,
                domains: HashMap::new(),
                recipient_rate: None,
            },
            backoff: Backoff {
                delay_min: Duration::from_secs(300),
                delay_max: Duration::from_secs(3_600),
                factor: 2.0,
                jitter: 0.2,
                give_up_after: Duration::from_secs(48 * 3_600),
            },
            lease: LeaseSettings {
                time: Duration::from_secs(30),
                slice: Duration::from_secs(2),
                chunks_max: 32,
            },
            cache: CacheSettings {
                bytes_max: 64 << 20,
                load_bytes_max: 32 << 20,
            },
            intake: IntakeSettings {
                errors_max: 100,
                dedup_bytes_max: 256 << 20,
            },
            email_bytes_max: 10_000_000,
            is_sending: true,
        })
    }
}

/// How mail leaves: one relay.
#[derive(Debug, Clone)]
pub struct RouteSettings {
    /// Where it goes.
    pub relay: Relay,
    /// What we call ourselves in EHLO.
    pub client_name: ClientName,
    /// Most connections at once.
    pub connections_max: usize,
    /// How long a connection without work is kept.
    pub idle_after: Duration,
    /// The deadline of each phase.
    pub timeouts: Timeouts,
    /// The first delay after the relay could not be reached; it doubles up to `delay_max`.
    pub delay_min: Duration,
    /// The longest such delay.
    pub delay_max: Duration,
}

/// Who may get how much.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// For every domain that is not named.
    pub default: DomainLimit,
    /// For the domains that are; each has a lane of its own.
    pub domains: HashMap<Domain, DomainLimit>,
    /// For each recipient, over all campaigns; `None` is without limit.
    pub recipient_rate: Option<Rate>,
}

impl LimitSettings {
    /// What applies to one domain.
    pub fn of(&self, domain: &str) -> &DomainLimit {
        // A domain name borrowed as text hashes like the domain itself.
        self.domains.get(domain).unwrap_or(&self.default)
    }
}

/// What one destination domain may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainLimit {
    /// Messages; `None` is without limit.
    pub rate: Option<Rate>,
    /// Messages to it under way at once.
    pub connections_max: usize,
}

/// How chunks are held.
#[derive(Debug, Clone, Copy)]
pub struct LeaseSettings {
    /// How long a lease lasts unless it is extended.
    pub time: Duration,
    /// The longest that a chunk is held only to wait for its next slot.
    pub slice: Duration,
    /// Chunks held at once.
    pub chunks_max: usize,
}

/// Bodies in memory.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// Most bytes of prepared emails that are kept although no chunk in hand needs them.
    pub bytes_max: u64,
    /// Most bytes of emails that are being loaded at once.
    pub load_bytes_max: usize,
}

/// Audiences.
#[derive(Debug, Clone, Copy)]
pub struct IntakeSettings {
    /// Bad lines that are reported one by one; beyond it they are only counted.
    pub errors_max: usize,
    /// Memory for de-duplication of one audience, in bytes; beyond it, sorted runs on disk.
    pub dedup_bytes_max: usize,
}
