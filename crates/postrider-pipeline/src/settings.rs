//! What the pipeline is told: plain values, without defaults, so that the caller says what it
//! wants. Files and environment are read above, in the service.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postrider_message::dkim::Identities;
use postrider_message::verp::ReturnPath;
use postrider_smtp::classify::Classifier;
use postrider_smtp::dial::Dialer;
use postrider_smtp::mx::Resolver;
use postrider_smtp::providers::Providers;
use postrider_smtp::relay::Relays;
use postrider_smtp::tls::{Roots, TlsClient};
use postrider_smtp::{ClientName, Extensions, Relay, RelayError, Timeouts};
use postrider_store::Share;
use postrider_types::{Backoff, Domain, Rate, Timestamp};
use serde::{Deserialize, Serialize};

use crate::in_hand::InHand;

/// Everything that the pipeline is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How mail leaves.
    pub routes: Routes,
    /// What is known of providers.
    pub providers: Arc<Providers>,
    /// What replies mean.
    pub classifier: Arc<Classifier>,
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
    /// What is put around an email when it becomes a message.
    pub message: MessageSettings,
    /// Largest email, in bytes of content.
    pub email_bytes_max: usize,
    /// Whether anything is sent; without it, a store is only looked at and fed.
    pub is_sending: bool,
    /// Where it is noted who is being rendered, for whoever looks after this process when it has
    /// died; `None` when nobody does.
    pub in_hand: Option<Arc<InHand>>,
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
            routes: Routes::one(RouteSettings {
                next_hop: NextHop::Relays(Relays::from(relay.parse::<Relay>()?)),
                dialer: Dialer {
                    client_name: ClientName::from(IpAddr::from([127, 0, 0, 1])),
                    credentials: None,
                    source: None,
                    tls: TlsClient::new(&Roots::System).expect("only a file can be unreadable"),
                    timeouts: Timeouts::STANDARD,
                },
                extensions: Extensions::STANDARD,
                connections_max: 10,
                connections_per_site: 10,
                messages_per_connection: None,
                idle_after: Duration::from_secs(5),
                delay_min: Duration::from_secs(1),
                delay_max: Duration::from_secs(60),
            }),
            providers: Arc::new(Providers::built_in()),
            classifier: Classifier::built_in(),
            limits: LimitSettings {
                default: limit,
                domains: HashMap::new(),
                recipient_rate: None,
                spent_at: None,
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
                chunks_max: 64,
                share: Share::WHOLE,
            },
            cache: CacheSettings {
                bytes_max: 64 << 20,
                load_bytes_max: 32 << 20,
                in_use_bytes_max: 64 << 20,
            },
            intake: IntakeSettings {
                errors_max: 100,
                dedup_bytes_max: 256 << 20,
            },
            message: MessageSettings {
                return_path: None,
                identities: Identities::default(),
            },
            email_bytes_max: 10_000_000,
            is_sending: true,
            in_hand: None,
        })
    }
}

/// How mail leaves: one route for all, and others for the domains that are sent by them.
#[derive(Debug, Clone)]
pub struct Routes {
    /// For every domain that no other route takes.
    pub default: RouteSettings,
    /// The others with their names.
    pub named: Vec<(String, RouteSettings)>,
    /// Which of the others a domain goes by.
    pub domains: HashMap<Domain, RouteId>,
}

/// Names a route: 0 is the default one, and the others follow in their order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct RouteId(pub usize);

impl RouteId {
    /// The route of every domain that no other takes.
    pub const DEFAULT: Self = Self(0);
}

impl Routes {
    /// One route for everything.
    pub fn one(route: RouteSettings) -> Self {
        Self {
            default: route,
            named: Vec::new(),
            domains: HashMap::new(),
        }
    }

    /// The route of a domain.
    pub fn of(&self, domain: &str) -> RouteId {
        // A domain name borrowed as text hashes like the domain itself.
        let named = self.domains.get(domain);
        named.copied().unwrap_or(RouteId::DEFAULT)
    }

    /// All of them in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = (RouteId, &RouteSettings)> {
        let named = self.named.iter().map(|(_, route)| route);
        let all = std::iter::once(&self.default).chain(named);
        all.enumerate()
            .map(|(number, route)| (RouteId(number), route))
    }

    /// Most connections at once over all of them.
    pub fn connections_max(&self) -> usize {
        self.all().map(|(_, route)| route.connections_max).sum()
    }

    /// What a route is called: `default`, or its name.
    pub fn name(&self, route: RouteId) -> &str {
        let named = route
            .0
            .checked_sub(1)
            .and_then(|number| self.named.get(number));
        named.map_or("default", |(name, _)| name)
    }
}

/// One way for mail to leave.
#[derive(Debug, Clone)]
pub struct RouteSettings {
    /// Where it goes.
    pub next_hop: NextHop,
    /// How sessions are opened: with which name, credentials, source address, roots of trust and
    /// deadlines.
    pub dialer: Dialer,
    /// Which offers of a server are taken up.
    pub extensions: Extensions,
    /// Most connections at once over all sites.
    pub connections_max: usize,
    /// Most connections at once to one site of direct delivery, where its provider is not known.
    pub connections_per_site: usize,
    /// Most messages that one connection carries before it is closed; `None` is without bound.
    pub messages_per_connection: Option<u32>,
    /// How long a connection without work is kept.
    pub idle_after: Duration,
    /// The first delay after a site could not be reached; it doubles up to `delay_max`.
    pub delay_min: Duration,
    /// The longest such delay.
    pub delay_max: Duration,
}

/// Where the mail of a route goes.
#[derive(Debug, Clone)]
pub enum NextHop {
    /// To relays, which take everything.
    Relays(Relays),
    /// To the mail hosts of each domain, as DNS says.
    Mx(Resolver),
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
    /// When the quotas of all domains and sites were used up, as far as anybody knows: a worker
    /// before this one may have used them until then. `None` when there was none.
    pub spent_at: Option<Timestamp>,
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
    /// The lanes that are claimed from.
    pub share: Share,
}

/// Bodies in memory.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// Most bytes of prepared emails that are kept although no chunk in hand needs them.
    pub bytes_max: u64,
    /// Most bytes of emails that are being loaded at once.
    pub load_bytes_max: usize,
    /// Most bytes of prepared emails that chunks in hand need at once. An email that never fits
    /// cannot be sent, so it holds at least the largest one, which takes half as much again as its
    /// content.
    pub in_use_bytes_max: u64,
}

/// Audiences.
#[derive(Debug, Clone, Copy)]
pub struct IntakeSettings {
    /// Bad lines that are reported one by one; beyond it they are only counted.
    pub errors_max: usize,
    /// Memory for de-duplication of one audience, in bytes; beyond it, sorted runs on disk.
    pub dedup_bytes_max: usize,
}

/// What is put around an email when it becomes a message.
#[derive(Debug, Clone)]
pub struct MessageSettings {
    /// Where bounces go; `None` is the From address.
    pub return_path: Option<ReturnPath>,
    /// Who signs.
    pub identities: Identities,
}
