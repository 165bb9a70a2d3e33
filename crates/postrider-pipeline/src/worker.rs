//! The sending half alone, in a process of its own: no intake, no recovery, no reaping.
//!
//! Its store is a socket to the service, which does all that. A worker sends what its share of
//! the lanes holds; what receivers allow it shares with the other workers through [`Places`].

use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::site::SiteName;
use postrider_store::Store;
use postrider_types::WorkerId;

use crate::clock::SystemClock;
use crate::places::Places;
use crate::settings::{RouteId, Settings};
use crate::shell::{self, Role, Shell};
use crate::status::Status;

/// A worker that sends.
#[derive(Clone)]
pub struct Worker(Arc<Shell>);

impl Worker {
    /// Begins to send. `id` is the name under which it claims, never given to another;
    /// `settings.lease.share` says from which lanes.
    pub fn start(
        store: Store,
        settings: Settings,
        id: WorkerId,
        places: Arc<dyn Places>,
        clock: SystemClock,
    ) -> Self {
        let role = Role::Worker { id, places };
        Self(Arc::new(shell::start(store, settings, role, clock)))
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// Which task of it panicked; waits for ever while all is well. Whoever runs it ends then, as
    /// after a crash, because messages of it stand still.
    pub fn failed(&self) -> impl Future<Output = &'static str> + Send + use<> {
        self.0.alarm().rings()
    }

    /// Another worker waits for a place of this site: one connection to it is given up, as soon
    /// as it carries nothing.
    pub async fn give_up_place(&self, route: RouteId, site: SiteName) {
        self.0.give_up_place(route, site).await;
    }

    /// Ends as [`Postrider::drain`](crate::Postrider::drain) does.
    pub async fn drain(&self, within: Duration) {
        self.0.drain(within).await;
    }
}
