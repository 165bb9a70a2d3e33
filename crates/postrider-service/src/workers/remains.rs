//! What a life leaves behind: whoever may have ended it, and its leases.
//!
//! A life that ended in order suspects nobody. After any other, what was in hand is tried, one by
//! one, and the leases are ended with the verdicts. Until that is done no other takes its place:
//! it would be given what killed this one.

use std::path::Path;
use std::time::Duration;

use postrider_pipeline::report;
use postrider_store::quarantine::{Reaped, Suspects};
use postrider_types::WorkerId;
use tokio::sync::watch;

use super::Shared;
use crate::bounds::REAP_RETRY_AFTER;
use crate::trial;

/// What one life of a worker left.
pub(super) struct Remains<'a> {
    pub(super) shared: &'a Shared,
    pub(super) worker: u8,
    /// The name under which it claimed.
    pub(super) id: WorkerId,
    pub(super) is_in_order: bool,
    pub(super) draining: watch::Receiver<Option<Duration>>,
}

impl Remains<'_> {
    /// Deals with them. At a drain whatever is not done is left to the next start.
    pub(super) async fn settle(mut self) {
        let path = trial::worker_file(&self.shared.data_dir, self.worker);
        let suspects = self.suspects(&path).await;
        while !self.reap(&path, suspects.clone()).await {
            tokio::select! {
                () = tokio::time::sleep(REAP_RETRY_AFTER) => {}
                _ = self.draining.wait_for(Option::is_some) => return,
            }
        }
    }

    async fn suspects(&mut self, path: &Path) -> Suspects {
        if self.is_in_order {
            return Suspects::Nobody;
        }
        let store = self.shared.postrider.store();
        let tried = trial::suspects(&self.shared.trials, store, path);
        tokio::select! {
            suspects = tried => suspects,
            // There is no time for trials any more.
            _ = self.draining.wait_for(Option::is_some) => trial::untried(path),
        }
    }

    /// Ends its leases, and forgets what it had in hand; false when that has to wait.
    async fn reap(&self, path: &Path, suspects: Suspects) -> bool {
        let worker = self.worker;
        match self.shared.postrider.reap_worker(self.id, suspects).await {
            Ok(reaped) => {
                tell(worker, reaped);
                // What cannot be removed is looked at once more by the next start.
                std::fs::remove_file(path).ok();
                true
            }
            Err(error) => {
                let error = report::chain(&error);
                tracing::warn!(worker, %error, "the leases of a worker cannot be ended yet");
                false
            }
        }
    }
}

fn tell(worker: u8, reaped: Reaped) {
    let is_quiet = reaped.leases + reaped.quarantined + reaped.emails == 0;
    if !is_quiet {
        tracing::info!(
            worker,
            leases = reaped.leases,
            in_doubt = reaped.in_doubt,
            filed_again = reaped.refiled,
            quarantined = reaped.quarantined,
            quarantined_emails = reaped.emails,
            "what a worker held goes on elsewhere"
        );
    }
}
