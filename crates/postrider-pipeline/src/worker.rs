//! The sending half alone, in a process of its own: no intake, no recovery, no reaping.
//!
//! Its store is a socket to the service, which does all that. A worker sends what its share of
//! the lanes holds; what receivers allow it shares with the other workers through [`Places`].

use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::site::SiteName;
use postrider_store::Store;
use postrider_types::WorkerId;

use crate::alarm::Alarm;
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
        Self(Arc::new(shell::start(
            store,
            settings,
            role,
            Alarm::new(),
            clock,
        )))
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

    /// Waits until the task that decides takes a turn: one that hangs never does. A thread that
    /// hangs while it renders may leave that task alone; the note of who is in hand tells of it.
    pub async fn is_answering(&self) {
        self.0.is_answering().await;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::BoxFuture;
    use postrider_store::memory;
    use postrider_types::Timestamp;

    use super::*;
    use crate::places::{Place, Wish};

    /// As many places as anybody wants.
    struct Plenty;

    impl Places for Plenty {
        fn take(&self, _: Wish) -> BoxFuture<'static, Place> {
            Box::pin(async { Place::new(|| {}) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_answers_while_its_core_takes_turns_and_after_its_end() {
        let clock = SystemClock::starting_at(Timestamp::from_micros(1_700_000_000_000_000));
        let store = memory::inline([7; 32], clock.as_now());
        let settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
        let worker = Worker::start(store, settings, WorkerId(1), Arc::new(Plenty), clock);
        let within = Duration::from_secs(1);
        let answering = async || tokio::time::timeout(within, worker.is_answering()).await;
        for _ in 0..3 {
            answering().await.expect("it takes turns");
        }
        worker.drain(within).await;
        answering().await.expect("it has ended");
    }
}
