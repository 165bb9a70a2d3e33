//! Where connections lead.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The answer of `GET /v1/pools`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pools {
    /// Those with connections or trouble, by route and site; at most 100.
    pub data: Vec<Pool>,
}

/// A route and a site: a relay, a provider, or the mail hosts of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The route: `default`, or its name in the configuration.
    pub route: String,
    /// The site: `host:port` of a relay, the name of a provider, or the best mail host.
    pub site: String,
    /// Open connections, idle and busy.
    pub open: u64,
    /// Those that carry something.
    pub busy: u64,
    /// The most there may be at this time.
    pub connections_max: u64,
    /// Why nothing goes there, in a sentence.
    pub trouble: Option<String>,
    /// Since when.
    pub trouble_since: Option<Time>,
}
