//! What a pipeline shows of itself.

mod sum;

use std::sync::Arc;

use postrider_smtp::site::SiteName;
use postrider_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::{MeaningCount, RefusalGroup};
use crate::settings::RouteId;

/// What the pipeline is doing, for people and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Open connections.
    pub connections: usize,
    /// Messages under way.
    pub messages_in_flight: usize,
    /// Chunks held under a lease.
    pub chunks_held: usize,
    /// Why nothing goes by relays now, or routes are suspended, in a sentence that names each, and
    /// since when any; `None` when all can.
    pub route_trouble: Option<(Arc<str>, Timestamp)>,
    /// Pools with connections or trouble; at most
    /// [`POOLS_SHOWN_MAX`](crate::bounds::POOLS_SHOWN_MAX).
    pub pools: Vec<PoolStatus>,
    /// What receivers refused with since the start, grouped, those with the most refusals first; at
    /// most [`REFUSAL_GROUPS_MAX`](crate::bounds::REFUSAL_GROUPS_MAX), and up to a second old.
    pub refusals: Arc<[RefusalGroup]>,
    /// What ends of messages and failures to connect meant since the start, by phase, class and
    /// action; up to a second old.
    pub meanings: Arc<[MeaningCount]>,
    /// Why the store cannot record now, in a sentence; nothing is sent meanwhile.
    pub store_trouble: Option<String>,
    /// Bodies that were loaded from the store since the start.
    pub bodies_loaded: u64,
    /// Whether it takes no new work any more.
    pub is_draining: bool,
}

/// One pool: a route and a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// The route.
    pub route: RouteId,
    /// What the route is called: `default`, or its name.
    pub route_name: Arc<str>,
    /// The site.
    pub site: SiteName,
    /// Open connections, idle and busy.
    pub open: usize,
    /// Those that carry something.
    pub busy: usize,
    /// The most there may be now: fewer than its cap after a rest, or where another was turned away.
    pub connections_max: usize,
    /// Why nothing goes there now, in a sentence, and since when.
    pub trouble: Option<(Arc<str>, Timestamp)>,
    /// Whether it is suspended: it refuses us, and a person must act.
    pub is_suspended: bool,
}

impl PoolStatus {
    /// What pools are sorted by.
    pub(crate) const fn order(&self) -> (RouteId, &SiteName) {
        (self.route, &self.site)
    }
}
