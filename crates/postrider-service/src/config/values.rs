//! What a configuration says: plain values, each checked before it gets here, and the defaults.

mod route;
mod timeouts;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use postrider_message::verp::ReturnPath;
use postrider_types::{Backoff, Domain, InDoubtPolicy, Rate};

use super::dkim::Dkim;

pub use route::{Deliver, Route, Secret, TlsChoice};
pub use timeouts::Timeouts;

/// A whole configuration. Its fields are the tables of the file, in the order of the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the service listens and keeps what is durable.
    pub server: Server,
    /// How mail leaves that no other route takes.
    pub route: Route,
    /// The other routes by name, complete: what the file does not say there is copied from
    /// `route`.
    pub routes: BTreeMap<String, Route>,
    /// How direct delivery finds hosts.
    pub mx: Mx,
    /// What is known of providers and of their replies.
    pub tables: Tables,
    /// What destinations and recipients allow.
    pub limits: Limits,
    /// How long a deferred delivery waits, and when it expires.
    pub retry: Backoff,
    /// What an email may be.
    pub email: Email,
    /// What an email gets when it becomes a message.
    pub message: Message,
    /// Who signs, in the order of the file.
    pub dkim: Vec<Dkim>,
    /// How many bytes of bodies are held in memory.
    pub cache: Cache,
    /// How audiences are taken in.
    pub intake: Intake,
    /// How chunks are held while they are sent.
    pub lease: Lease,
    /// What happens when nobody knows whether a message was taken.
    pub in_doubt: InDoubt,
    /// How long what ended is kept.
    pub retention: Retention,
    /// Who sends.
    pub workers: Workers,
    /// How suspects are tried.
    pub trial: Trial,
    /// How long each phase of an SMTP session may take.
    pub timeouts: Timeouts,
    /// What is logged.
    pub log: Log,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where the API and the metrics are served; port 0 is any free port.
    pub listen: SocketAddr,
    /// The directory of the store and of the API key; created when missing. A relative path
    /// starts at the working directory.
    pub data_dir: PathBuf,
}

/// `[mx]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mx {
    /// Who is asked; empty is whom the machine asks.
    pub nameservers: Vec<SocketAddr>,
    /// The longest that finding the hosts of one domain may take.
    pub timeout: Duration,
    /// Where hosts are dialled: 25, but in tests.
    pub port: u32,
    /// Whether hosts on this machine are dialled, as in tests.
    pub loopback: bool,
}

/// `[in_doubt]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InDoubt {
    /// What happens by itself to deliveries in doubt, of a campaign that does not say.
    pub policy: InDoubtPolicy,
    /// How old a doubt must be before its delivery may be sent again; longer than the final dot
    /// and a lease may take together. Fixed with each campaign when it is created.
    pub retry_after: Duration,
}

/// `[retention]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long receipts, log and content are kept after the end of their campaign; `None` is
    /// for ever.
    pub receipts: Option<Duration>,
}

/// `[workers]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workers {
    /// How many processes send beside the service; 0 lets the service itself send.
    pub count: u32,
}

/// `[trial]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Most bytes of memory that rendering one message may take, beside what its email needs.
    pub memory_max: u64,
    /// The longest that it may take.
    pub time_max: Duration,
}

/// `[tables]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// What adds to, or replaces, what is known of providers.
    pub providers_file: Option<PathBuf>,
    /// Rules that go before the built-in ones.
    pub classification_file: Option<PathBuf>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// What holds for a domain that is not named.
    pub default: Limit,
    /// What holds for each domain that is named, complete: what the file does not say there is
    /// copied from `default`.
    pub domain: BTreeMap<Domain, Limit>,
    /// The rate at which one address is mailed, over all campaigns; `None` is no limit.
    pub recipient_rate: Option<Rate>,
}

impl Limits {
    /// What holds for a domain.
    pub fn of(&self, domain: &Domain) -> Limit {
        self.domain.get(domain).copied().unwrap_or(self.default)
    }
}

/// What one destination allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Messages in a time; `None` is no limit, [`Rate::Closed`] sends nothing.
    pub rate: Option<Rate>,
    /// Most sessions at once, within those of its route.
    pub connections: u32,
}

/// `[email]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Email {
    /// Most bytes of an email with its attachments.
    pub size_max: u64,
}

/// `[message]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Where bounces go; `None` is the From address.
    pub return_path: Option<ReturnPath>,
}

/// `[cache]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// Most bytes of bodies that are kept for the next chunk; 0 keeps none.
    pub bytes_max: u64,
    /// Most bytes of bodies that are being loaded at once; at least [`Email::size_max`].
    pub load_bytes_max: u64,
    /// Most bytes of bodies that chunks in hand need at once.
    pub in_use_bytes_max: u64,
}

/// `[intake]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intake {
    /// Most bad lines that are reported one by one; beyond it they are only counted.
    pub errors_max: u32,
}

/// `[lease]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// How long a chunk is held before the lease must be extended.
    pub time: Duration,
    /// The longest wait for the next slot while a chunk is held; shorter than `time`.
    pub slice: Duration,
    /// Most chunks held at once.
    pub chunks_max: u32,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Levels in the syntax of `tracing`, such as `info,postrider_smtp=debug`.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    /// What an empty file says. These figures stand nowhere else by hand.
    fn default() -> Self {
        Self {
            server: Server {
                listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
                data_dir: PathBuf::from("postrider-data"),
            },
            route: Route::default(),
            routes: BTreeMap::new(),
            mx: Mx {
                nameservers: Vec::new(),
                timeout: Duration::from_secs(30),
                port: 25,
                loopback: false,
            },
            tables: Tables::default(),
            limits: Limits {
                default: Limit {
                    rate: None,
                    connections: 10,
                },
                domain: BTreeMap::new(),
                recipient_rate: None,
            },
            retry: Backoff {
                delay_min: Duration::from_secs(5 * 60),
                delay_max: Duration::from_secs(3_600),
                factor: 2.0,
                jitter: 0.2,
                give_up_after: Duration::from_secs(48 * 3_600),
            },
            email: Email {
                size_max: 10_000_000,
            },
            message: Message::default(),
            dkim: Vec::new(),
            cache: Cache {
                bytes_max: 64 << 20,
                load_bytes_max: 32 << 20,
                in_use_bytes_max: 64 << 20,
            },
            intake: Intake { errors_max: 100 },
            lease: Lease {
                time: Duration::from_secs(30),
                slice: Duration::from_secs(2),
                chunks_max: 64,
            },
            in_doubt: InDoubt {
                policy: InDoubtPolicy::Hold,
                retry_after: Duration::from_secs(15 * 60),
            },
            retention: Retention::default(),
            workers: Workers::default(),
            trial: Trial {
                memory_max: 512 << 20,
                time_max: Duration::from_secs(10),
            },
            timeouts: Timeouts::STANDARD,
            log: Log {
                filter: "info".to_owned(),
                format: LogFormat::Text,
            },
        }
    }
}
