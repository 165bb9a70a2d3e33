//! The keys of `[timeouts]`.

use std::time::Duration;

use super::{HOUR, Key, MILLI, time};
use crate::config::kind::Kind;
use crate::config::values::Config;

/// One for each phase of a session, in their order.
pub(super) static KEYS: &[Key<Config>] = &[
    Key {
        path: "timeouts.opening",
        kind: timeout(|config| &mut config.timeouts.opening),
        text: "One whole dial over all hosts and their addresses, up to the end of the log-in.",
    },
    Key {
        path: "timeouts.connect",
        kind: timeout(|config| &mut config.timeouts.connect),
        text: "The TCP connection to one address.",
    },
    Key {
        path: "timeouts.greeting",
        kind: timeout(|config| &mut config.timeouts.greeting),
        text: "From the open connection to the complete greeting.",
    },
    Key {
        path: "timeouts.ehlo",
        kind: timeout(|config| &mut config.timeouts.ehlo),
        text: "EHLO and, apart, HELO.",
    },
    Key {
        path: "timeouts.tls",
        kind: timeout(|config| &mut config.timeouts.tls),
        text: "STARTTLS and, apart, the handshake.",
    },
    Key {
        path: "timeouts.auth",
        kind: timeout(|config| &mut config.timeouts.auth),
        text: "AUTH and, apart, each response to a challenge.",
    },
    Key {
        path: "timeouts.mail",
        kind: timeout(|config| &mut config.timeouts.mail),
        text: "MAIL FROM.",
    },
    Key {
        path: "timeouts.rcpt",
        kind: timeout(|config| &mut config.timeouts.rcpt),
        text: "RCPT TO.",
    },
    Key {
        path: "timeouts.data",
        kind: timeout(|config| &mut config.timeouts.data),
        text: "DATA, until the server asks for the body.",
    },
    Key {
        path: "timeouts.body_block",
        kind: timeout(|config| &mut config.timeouts.body_block),
        text: "How long the server may take nothing of the body.",
    },
    Key {
        path: "timeouts.message",
        kind: timeout(|config| &mut config.timeouts.message),
        text: "A whole message up to its final dot; the time of its octets at the slowest rate \
               comes on top.",
    },
    Key {
        path: "timeouts.dot",
        kind: timeout(|config| &mut config.timeouts.dot),
        text: "The final dot and its reply. Below ten minutes a slow server leaves deliveries in \
               doubt (RFC 5321 §4.5.3.2.6).",
    },
    Key {
        path: "timeouts.rset",
        kind: timeout(|config| &mut config.timeouts.rset),
        text: "RSET between transactions.",
    },
    Key {
        path: "timeouts.quit",
        kind: timeout(|config| &mut config.timeouts.quit),
        text: "QUIT.",
    },
];

/// The time of a phase.
const fn timeout(field: fn(&mut Config) -> &mut Duration) -> Kind<Config> {
    time(10 * MILLI, HOUR, field)
}
