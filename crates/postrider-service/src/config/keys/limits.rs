//! The keys of `[limits]`, of `[limits.default]` and of each domain.

use super::Key;
use crate::config::kind::Kind;
use crate::config::values::{Config, Limit};

/// Where the limits of single domains stand.
pub(crate) const DOMAIN_TABLE: [&str; 2] = ["limits", "domain"];

/// The keys below each domain.
pub(crate) static DOMAIN_KEYS: &[Key<Limit>] = &[
    Key {
        path: "rate",
        kind: Kind::Rate(|limit| &mut limit.rate),
        text: "Messages in a time to this domain, evenly paced.",
    },
    Key {
        path: "connections",
        kind: Kind::Count(1..=1_000, |limit| &mut limit.connections),
        text: "Most sessions at once for this domain, within `connections` of its route.",
    },
];

/// The keys of what holds for all.
pub(super) static KEYS: &[Key<Config>] = &[
    Key {
        path: "limits.recipient_rate",
        kind: Kind::Rate(|config| &mut config.limits.recipient_rate),
        text: "Messages in a time to one address, over all campaigns.",
    },
    Key {
        path: "limits.default.rate",
        kind: Kind::Rate(|config| &mut config.limits.default.rate),
        text: "Messages in a time to each domain, evenly paced.",
    },
    Key {
        path: "limits.default.connections",
        kind: Kind::Count(1..=1_000, |config| &mut config.limits.default.connections),
        text: "Most sessions at once for each domain, within `connections` of its route.",
    },
];
