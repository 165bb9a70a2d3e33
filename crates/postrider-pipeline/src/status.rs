//! What a pipeline shows of itself.

use postrider_types::Timestamp;

/// What the pipeline is doing, for people and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Open connections.
    pub connections: usize,
    /// Messages under way.
    pub messages_in_flight: usize,
    /// Chunks held under a lease.
    pub chunks_held: usize,
    /// Why the relay cannot be used now, in a sentence, and since when; `None` when it can.
    pub route_trouble: Option<(String, Timestamp)>,
    /// Why the store cannot record now, in a sentence; nothing is sent meanwhile.
    pub store_trouble: Option<String>,
    /// Bodies that were loaded from the store since the start.
    pub bodies_loaded: u64,
    /// Whether it takes no new work any more.
    pub is_draining: bool,
}
