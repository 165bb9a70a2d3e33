//! The table of keys: each key once, with its kind, its range and its meaning.
//!
//! The reference pages are printed in this order. A default is not written here: it is what
//! [`Config::default`] has in the key's field.

mod limits;
mod route;
mod timeouts;

use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::Kind;
use super::values::Config;
use crate::bounds::WORKERS_MAX;

pub(crate) use limits::{DOMAIN_KEYS, DOMAIN_TABLE};
pub(crate) use route::{DOMAINS_KEY, ROUTE_KEYS, ROUTE_TABLE, ROUTES_MAX, ROUTES_TABLE};

/// One key over the fields of a `C`.
pub(crate) struct Key<C> {
    /// The path of the key, with dots; below a domain only its name.
    pub(crate) path: &'static str,
    /// What the value is, and where it goes.
    pub(crate) kind: Kind<C>,
    /// What it means, as sentences for the reference.
    pub(crate) text: &'static str,
}

/// The tables with their meaning, in the order of the reference.
pub(crate) const TABLES: &[(&str, &str)] = &[
    (
        "server",
        "Where the service listens and keeps what is durable.",
    ),
    ("route", "How mail leaves that no other route takes."),
    (
        "mx",
        "How direct delivery (`deliver = \"mx\"`) finds the hosts of domains.",
    ),
    (
        "tables",
        "What is known of providers and of their replies, beside what is built in.",
    ),
    (
        "limits",
        "What is never exceeded, however many workers there are.",
    ),
    (
        "limits.default",
        "What holds for a domain that is not named below.",
    ),
    (
        "retry",
        "How long a deferred delivery waits, and when it expires.",
    ),
    ("email", "What an email may be."),
    ("message", "What an email gets when it becomes a message."),
    ("cache", "How many bytes of bodies are held in memory."),
    ("intake", "How audiences are taken in."),
    ("lease", "How chunks are held while they are sent."),
    (
        "in_doubt",
        "What happens when nobody knows whether a message was taken.",
    ),
    ("retention", "How long what has ended is kept."),
    ("workers", "Who sends."),
    (
        "trial",
        "How what a process had in hand when it died is tried, alone and in a process of its own.",
    ),
    (
        "timeouts",
        "How long each phase of an SMTP session may take. Each is for the whole exchange, from \
         the first octet of a command to the last of its reply.",
    ),
    ("log", "What is logged, to standard error."),
];

/// The keys of the configuration itself, in no more than the order of each table.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key<Config>> {
    let tables = [KEYS, ROUTE_KEYS, limits::KEYS, timeouts::KEYS];
    tables.into_iter().flatten()
}

/// All but those that have a file of their own.
static KEYS: &[Key<Config>] = &[
    Key {
        path: "server.listen",
        kind: Kind::Socket(|config| &mut config.server.listen),
        text: "Where the API and the metrics are served. Port 0 is any free port.",
    },
    Key {
        path: "server.data_dir",
        kind: Kind::Path(|config| &mut config.server.data_dir),
        text: "The directory of the store and of the API key, created when missing.",
    },
    Key {
        path: "mx.nameservers",
        kind: Kind::Sockets(|config| &mut config.mx.nameservers),
        text: "The name servers that are asked. Nothing ([]) is those of this machine.",
    },
    Key {
        path: "mx.timeout",
        kind: time(100 * MILLI, 10 * MINUTE, |config| &mut config.mx.timeout),
        text: "The longest that finding the hosts of one domain may take, over all questions.",
    },
    Key {
        path: "mx.port",
        kind: Kind::Count(1..=65_535, |config| &mut config.mx.port),
        text: "The port that hosts are dialled at. Another one is for tests.",
    },
    Key {
        path: "mx.loopback",
        kind: Kind::Bool(|config| &mut config.mx.loopback),
        text: "Whether hosts on this machine are dialled, for tests. Addresses that are not \
               public never are.",
    },
    Key {
        path: "tables.providers_file",
        kind: Kind::OptionalPath(|config| &mut config.tables.providers_file),
        text: "Providers with their hosts and what they allow, in the form of \
               `config/providers.toml`: they add to the built-in ones, or replace them by name.",
    },
    Key {
        path: "tables.classification_file",
        kind: Kind::OptionalPath(|config| &mut config.tables.classification_file),
        text: "Rules that say what replies mean, in the form of `config/classification.toml`: \
               they go before the built-in ones.",
    },
    Key {
        path: "retry.delay_min",
        kind: time(10 * MILLI, DAY, |config| &mut config.retry.delay_min),
        text: "The delay after the first attempt; at most `retry.delay_max`.",
    },
    Key {
        path: "retry.delay_max",
        kind: time(10 * MILLI, 7 * DAY, |config| &mut config.retry.delay_max),
        text: "The longest delay.",
    },
    Key {
        path: "retry.factor",
        kind: Kind::Factor(1.0..=10.0, |config| &mut config.retry.factor),
        text: "What each delay is multiplied by to get the next.",
    },
    Key {
        path: "retry.jitter",
        kind: Kind::Factor(0.0..=0.5, |config| &mut config.retry.jitter),
        text: "The random part, as a share of the delay on both sides.",
    },
    Key {
        path: "retry.give_up_after",
        kind: time(SECOND, 30 * DAY, |config| &mut config.retry.give_up_after),
        text: "The age at which a delivery expires, counted from its first attempt, or from when its \
               site began to take nothing for one that only ever waited for that; in either case \
               no earlier than from when its campaign was last started or resumed.",
    },
    Key {
        path: "email.size_max",
        kind: Kind::Bytes(1_000..=100_000_000, |config| &mut config.email.size_max),
        text: "The largest email that is taken, with its attachments.",
    },
    Key {
        path: "message.return_path",
        kind: Kind::ReturnPath(|config| &mut config.message.return_path),
        text: "Where bounces go: an address of its own for each message, in which `{token}` says \
               which one it is. Without it, the From address.",
    },
    Key {
        path: "cache.bytes_max",
        kind: Kind::Bytes(0..=BYTES_MAX, |config| &mut config.cache.bytes_max),
        text: "Most bytes of bodies kept for the next chunk. Nothing (0B) loads a body once per \
               chunk.",
    },
    Key {
        path: "cache.load_bytes_max",
        kind: Kind::Bytes(1_000..=BYTES_MAX, |config| &mut config.cache.load_bytes_max),
        text: "Most bytes of bodies that are being loaded at once; at least `email.size_max`.",
    },
    Key {
        path: "cache.in_use_bytes_max",
        kind: Kind::Bytes(8_388_608..=BYTES_MAX, |config| {
            &mut config.cache.in_use_bytes_max
        }),
        text: "Most bytes of bodies that the chunks being sent need at once; at least twice \
               `email.size_max`. An email that could never fit is quarantined; one that does not \
               fit now waits.",
    },
    Key {
        path: "intake.errors_max",
        kind: Kind::Count(0..=10_000, |config| &mut config.intake.errors_max),
        text: "Most bad lines of an audience that are reported one by one; beyond it they are \
               only counted.",
    },
    Key {
        path: "lease.time",
        kind: time(2 * SECOND, HOUR, |config| &mut config.lease.time),
        text: "How long a chunk is held before its lease must be extended.",
    },
    Key {
        path: "lease.slice",
        kind: time(10 * MILLI, 5 * MINUTE, |config| &mut config.lease.slice),
        text: "The longest wait for the next slot while a chunk is held; shorter than \
               `lease.time`. A chunk that would wait longer is given back.",
    },
    Key {
        path: "lease.chunks_max",
        kind: Kind::Count(1..=1_000, |config| &mut config.lease.chunks_max),
        text: "Most chunks held at once, each up to 256 KiB in memory. With fewer than there are \
               domains that wait for their rates at once, those take turns.",
    },
    Key {
        path: "in_doubt.policy",
        kind: Kind::InDoubt(|config| &mut config.in_doubt.policy),
        text: "What happens to a delivery in doubt, of a campaign that does not say: \"hold\" waits \
               for a person, \"retry\" sends it once more when the doubt is old enough, \
               \"assume_delivered\" counts it as delivered.",
    },
    Key {
        path: "in_doubt.retry_after",
        kind: time(10 * MILLI, 30 * DAY, |config| {
            &mut config.in_doubt.retry_after
        }),
        text: "How old a doubt must be before its delivery may be sent again, by the policy or by \
               a person: at least `timeouts.dot` and `lease.time` together. Fixed with each \
               campaign when it is created.",
    },
    Key {
        path: "retention.receipts",
        kind: Kind::OptionalTime(RETENTION, |config| &mut config.retention.receipts),
        text: "How long receipts, log and emails are kept after the end of their campaign; one in \
               which anybody is in doubt or in quarantine stays whole until that is decided. Its \
               tally stays.",
    },
    Key {
        path: "workers.count",
        kind: Kind::Count(0..=WORKERS_MAX, |config| &mut config.workers.count),
        text: "Processes that `serve` starts to send; with 0 it sends itself. Each has a share of \
               the domains, and what is bounded by `cache` and `lease` for itself.",
    },
    Key {
        path: "trial.memory_max",
        kind: Kind::Bytes(MEMORY_MIN..=BYTES_MAX, |config| {
            &mut config.trial.memory_max
        }),
        text: "Most memory that rendering one message may take there. Twelve times the size of its \
               email and 64 MiB are always allowed. Whoever needs more is quarantined.",
    },
    Key {
        path: "trial.time_max",
        kind: time(100 * MILLI, 10 * MINUTE, |config| {
            &mut config.trial.time_max
        }),
        text: "The longest that rendering one message may take there. Whoever takes longer is \
               quarantined.",
    },
    Key {
        path: "log.filter",
        kind: Kind::Filter(|config| &mut config.log.filter),
        text: "What is logged, in the syntax of `tracing`. Addresses appear only at trace.",
    },
    Key {
        path: "log.format",
        kind: Kind::LogFormat(|config| &mut config.log.format),
        text: "Lines for people, or one JSON object a line.",
    },
];

/// How long what ended may be kept: a second, for tests, to ten years.
const RETENTION: RangeInclusive<Duration> =
    Duration::from_millis(SECOND)..=Duration::from_millis(3_650 * DAY);

const ZERO: u64 = 0;
const MILLI: u64 = 1;
const SECOND: u64 = 1_000 * MILLI;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The smallest memory in which a message can be rendered: 64 MiB.
const MEMORY_MIN: u64 = 64 << 20;
/// The largest size of a cache or a memory: 64 GiB.
const BYTES_MAX: u64 = 64 << 30;

/// A time between two numbers of milliseconds.
const fn time(min: u64, max: u64, field: fn(&mut Config) -> &mut Duration) -> Kind<Config> {
    Kind::Time(
        Duration::from_millis(min)..=Duration::from_millis(max),
        field,
    )
}
