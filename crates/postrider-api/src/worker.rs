//! Who sends: the worker processes of a service.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The answer of `GET /v1/workers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// All of them by number; none when the service itself sends.
    pub data: Vec<Worker>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its number, from 0; it says which share of the domains is its own.
    pub number: u64,
    /// Its process; none while it is down.
    pub pid: Option<u32>,
    /// When that process was started.
    pub started_at: Option<Time>,
    /// How often it has ended without being told to, since the service was started.
    pub restarts: u64,
    /// When it last claimed, began, recorded or ended anything, or was started.
    pub last_progress_at: Option<Time>,
    /// How long that is ago. A worker that holds chunks and makes no progress is stuck, or waits.
    pub last_progress_age_seconds: Option<u64>,
    /// How long it is since it last answered, or was started. One that stands still for a little
    /// more than two leases (`lease.time`) is killed and started again.
    #[serde(default)]
    pub last_answer_age_seconds: Option<u64>,
    /// How its last life ended, in words for people; none while it is in its first.
    #[serde(default)]
    pub last_end: Option<String>,
    /// Resident memory now; 0 while it is down.
    pub resident_bytes: u64,
    /// Open SMTP connections.
    pub connections: u64,
    /// Messages under way.
    pub messages_in_flight: u64,
    /// Chunks held under a lease.
    pub chunks_held: u64,
}
