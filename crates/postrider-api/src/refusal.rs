//! What receivers refuse with, grouped.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The answer of `GET /v1/refusals`: since the service started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// Those with the most refusals first; what fits in no group of its own is one line
    /// `(others)`.
    pub data: Vec<Refusal>,
}

/// Replies that say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reply, with addresses, hosts, ids and numbers replaced: `550 5.1.1 <address>: …`.
    pub line: String,
    /// How many there were.
    pub count: u64,
    /// When the last of them came.
    pub last_at: Time,
    /// What it meant for the delivery: `bounced`, `deferred` or `neutral`.
    pub class: String,
    /// What it meant beyond it: `suppress`, `throttle_site`, `throttle_recipient` or
    /// `suspend_route`.
    pub action: Option<String>,
    /// The rule of the table that said so.
    pub rule: String,
}
