//! Under which conditions a run took place: what was asked for, and of which machine.

use postrider_types::InDoubtPolicy;
use serde::{Deserialize, Serialize};

/// What was asked for, as it was understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Recipients of each campaign.
    pub recipients: u64,
    /// Campaigns.
    pub campaigns: u32,
    /// How recipients are spread over domains, such as `zipf(100)`.
    pub domains: String,
    /// Bytes of text and HTML of the email.
    pub body_bytes: u64,
    /// Bytes of its attachment; 0 for none.
    pub attachment_bytes: u64,
    /// The mock's profile.
    pub profile: String,
    /// Added round-trip time of each connection, milliseconds.
    pub rtt_ms: f64,
    /// Most connections at once at each door.
    pub connections: u32,
    /// The rate of each domain; null when it is the profile's.
    pub limit: Option<String>,
    /// `sqlite` or `memory`.
    pub store: String,
    /// Processes that send for the service; 0 when it sends itself.
    #[serde(default)]
    pub workers: u32,
    /// Seconds between kills; null for none.
    pub kill_every: Option<f64>,
    /// Seconds between pauses; null for none.
    pub pause_every: Option<f64>,
    /// What campaigns were told to do with deliveries in doubt, such as `hold`.
    #[serde(default)]
    pub in_doubt: InDoubtPolicy,
    /// Seconds after which they were sent again; null for what the configuration says.
    #[serde(default)]
    pub in_doubt_retry_after: Option<f64>,
    /// How many times as fast as life the mock's waits pass.
    pub time_scale: f64,
    /// XXH3 of the service's configuration without its addresses and paths, 16 hexadecimal digits.
    pub config_hash: String,
}

/// Where a run took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// Name and release of the kernel.
    pub kernel: String,
    /// What the processor calls itself.
    pub cpu: String,
    /// Bytes of memory.
    pub memory_bytes: u64,
}
