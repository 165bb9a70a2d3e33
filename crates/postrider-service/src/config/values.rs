//! What a configuration says: plain values, each checked before it gets here, and the defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use postrider_types::{Backoff, Domain, Rate};

/// A whole configuration. Its fields are the tables of the file, in the order of the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the service listens and keeps what is durable.
    pub server: Server,
    /// How mail leaves.
    pub route: Route,
    /// What destinations and recipients allow.
    pub limits: Limits,
    /// How long a deferred delivery waits, and when it expires.
    pub retry: Backoff,
    /// What an email may be.
    pub email: Email,
    /// How many bytes of bodies are held in memory.
    pub cache: Cache,
    /// How audiences are taken in.
    pub intake: Intake,
    /// How chunks are held while they are sent.
    pub lease: Lease,
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

/// `[route]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The relay that takes everything, such as `smtp://127.0.0.1:2525`; never empty, and not
    /// yet parsed.
    pub relay: String,
    /// Most sessions at once over all destinations.
    pub connections: u32,
    /// How we call ourselves in EHLO.
    pub hostname: Domain,
    /// How long a session without work is kept open; zero closes it at once.
    pub idle_timeout: Duration,
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
    /// Most sessions at once, within [`Route::connections`].
    pub connections: u32,
}

/// `[email]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Email {
    /// Most bytes of an email with its attachments.
    pub size_max: u64,
}

/// `[cache]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// Most bytes of bodies that are kept for the next chunk; 0 keeps none.
    pub bytes_max: u64,
    /// Most bytes of bodies that are being loaded at once; at least [`Email::size_max`].
    pub load_bytes_max: u64,
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

/// `[timeouts]`: each is for the whole exchange, not for a single read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution and the TCP connection.
    pub connect: Duration,
    /// From the open connection to the complete greeting.
    pub greeting: Duration,
    /// EHLO and, apart, HELO.
    pub ehlo: Duration,
    /// MAIL FROM.
    pub mail: Duration,
    /// RCPT TO.
    pub rcpt: Duration,
    /// DATA, until 354.
    pub data: Duration,
    /// How long the server may take nothing of the body.
    pub body_block: Duration,
    /// The final dot and its reply.
    pub dot: Duration,
    /// RSET between transactions.
    pub rset: Duration,
    /// QUIT.
    pub quit: Duration,
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
            route: Route {
                relay: "smtp://127.0.0.1:2525".to_owned(),
                connections: 20,
                hostname: "localhost".parse().expect("localhost is a domain"),
                idle_timeout: Duration::from_secs(10),
            },
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
            cache: Cache {
                bytes_max: 64 << 20,
                load_bytes_max: 32 << 20,
            },
            intake: Intake { errors_max: 100 },
            lease: Lease {
                time: Duration::from_secs(30),
                slice: Duration::from_secs(2),
                chunks_max: 16,
            },
            timeouts: Timeouts::STANDARD,
            log: Log {
                filter: "info".to_owned(),
                format: LogFormat::Text,
            },
        }
    }
}

impl Timeouts {
    /// The minimums of RFC 5321 §4.5.3.2; where it names none, the defaults of Postfix.
    const STANDARD: Self = Self {
        connect: Duration::from_secs(30),
        greeting: Duration::from_secs(300),
        ehlo: Duration::from_secs(300),
        mail: Duration::from_secs(300),
        rcpt: Duration::from_secs(300),
        data: Duration::from_secs(120),
        body_block: Duration::from_secs(180),
        dot: Duration::from_secs(600),
        rset: Duration::from_secs(20),
        quit: Duration::from_secs(5),
    };
}
