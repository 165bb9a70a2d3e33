//! The keys of `[route]`, which are those of each `[routes.NAME]` too.

use super::{Key, MINUTE, ZERO, time};
use crate::config::kind::Kind;
use crate::config::values::Config;

/// The table of the route that takes what no other takes.
pub(crate) const ROUTE_TABLE: &str = "route";

/// Where the other routes stand.
pub(crate) const ROUTES_TABLE: &str = "routes";

/// Most routes beside `[route]`.
pub(crate) const ROUTES_MAX: usize = 64;

/// The key that every route but the default one has, which takes what they leave.
pub(crate) static DOMAINS_KEY: Key<Config> = Key {
    path: "route.domains",
    kind: Kind::Domains(|config| &mut config.route.domains),
    text: "The domains whose mail goes by this route.",
};

/// The keys of a route.
pub(crate) static ROUTE_KEYS: &[Key<Config>] = &[
    Key {
        path: "route.deliver",
        kind: Kind::Deliver(|config| &mut config.route.deliver),
        text: "Where mail goes: to the relay, which takes everything, or (\"mx\") to the mail \
               hosts of each domain.",
    },
    Key {
        path: "route.relay",
        kind: Kind::Relay(|config| &mut config.route.relay),
        text: "The relay. `smtps://` is TLS from the first octet. User and password have keys of \
               their own.",
    },
    Key {
        path: "route.fallback_relays",
        kind: Kind::Relays(|config| &mut config.route.fallback_relays),
        text: "Relays that are tried in this order when `relay` gives no session.",
    },
    Key {
        path: "route.connections",
        kind: Kind::Count(1..=1_000, |config| &mut config.route.connections),
        text: "Most sessions at once over all destinations. This is capacity: it never raises a \
               rate.",
    },
    Key {
        path: "route.connections_per_site",
        kind: Kind::Count(1..=1_000, |config| &mut config.route.connections_per_site),
        text: "Direct delivery: most sessions at once to one site, which is a provider or a set \
               of mail hosts, where the table of providers says nothing.",
    },
    Key {
        path: "route.messages_per_connection",
        kind: Kind::OptionalCount(1..=1_000_000, |config| {
            &mut config.route.messages_per_connection
        }),
        text: "Most messages of one session, after which it is closed.",
    },
    Key {
        path: "route.hostname",
        kind: Kind::Domain(|config| &mut config.route.hostname),
        text: "How we call ourselves in EHLO; receivers expect the name that our IP address \
               resolves to.",
    },
    Key {
        path: "route.idle_timeout",
        kind: time(ZERO, 10 * MINUTE, |config| &mut config.route.idle_timeout),
        text: "How long a session without work is kept open. Nothing (0s) closes it at once.",
    },
    Key {
        path: "route.tls",
        kind: Kind::Tls(|config| &mut config.route.tls),
        text: "How sessions are encrypted: \"required\" with a certificate that is valid for the \
               host's name, \"unverified\" with any, \"opportunistic\" with any and only where it \
               is offered. \"auto\" is required to a relay, unless it is on this machine, and \
               opportunistic to the mail hosts of domains.",
    },
    Key {
        path: "route.ca_file",
        kind: Kind::OptionalPath(|config| &mut config.route.ca_file),
        text: "The certificates that are trusted, as a file in PEM form. Nothing (\"\") is those \
               that this machine trusts.",
    },
    Key {
        path: "route.user",
        kind: Kind::Text(|config| &mut config.route.user),
        text: "The user to log in as at the relay. Nothing (\"\") is no log-in. Credentials leave \
               this machine only over verified TLS.",
    },
    Key {
        path: "route.password",
        kind: Kind::Secret(|config| &mut config.route.password),
        text: "The password or token of the user, from the environment.",
    },
    Key {
        path: "route.password_file",
        kind: Kind::OptionalPath(|config| &mut config.route.password_file),
        text: "A file whose first line is the password or token. Only its owner and their group \
               may be able to read it, and only the owner to change it.",
    },
    Key {
        path: "route.auth",
        kind: Kind::Mechanism(|config| &mut config.route.auth),
        text: "The way of logging in. \"auto\" is a password by PLAIN or LOGIN; a token is told \
               by \"xoauth2\" alone.",
    },
    Key {
        path: "route.source_address",
        kind: Kind::OptionalIp(|config| &mut config.route.source_address),
        text: "The address of this machine that sessions come from. Nothing (\"\") leaves it to \
               the machine.",
    },
    Key {
        path: "route.pipelining",
        kind: Kind::Bool(|config| &mut config.route.pipelining),
        text: "Whether commands go in groups where the server offers it (RFC 2920).",
    },
    Key {
        path: "route.chunking",
        kind: Kind::Bool(|config| &mut config.route.chunking),
        text: "Whether messages go by BDAT where the server offers it (RFC 3030).",
    },
];
