//! What the service says of itself.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The version of the service.
    pub version: String,
    /// The version of the API: the first part of each path.
    pub api: String,
}

/// The answer of `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether work is taken now.
    pub is_ready: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that readiness looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `store`, `drain` or `route`.
    pub name: String,
    /// Whether it is as it should be.
    pub is_ok: bool,
    /// Whether the service is unready without it; a route that is down only makes mail wait.
    pub is_required: bool,
    /// A sentence for people.
    pub detail: String,
}
