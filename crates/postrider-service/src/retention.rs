//! `[retention]`: what has ended is kept for so long, and then deleted by itself.
//!
//! One task walks over the store in bounded steps, waits, and walks again, so a walk never meets
//! another one; one that is cut off by a stop is done by the next.

use std::time::Duration;

use postrider_pipeline::report::chain;
use postrider_pipeline::{Clock, Postrider, SystemClock};
use tokio::task::JoinSet;

use crate::bounds::RETENTION_EVERY_MAX;

/// Starts to delete what ended longer ago than `after`; nothing without it.
pub(crate) fn start(
    postrider: &Postrider,
    clock: SystemClock,
    after: Option<Duration>,
) -> JoinSet<()> {
    let mut running = JoinSet::new();
    if let Some(after) = after {
        let retaining = run(postrider.clone(), clock, after);
        running.spawn(postrider.guard("the task that deletes what ended long ago", retaining));
    }
    running
}

async fn run(postrider: Postrider, clock: SystemClock, after: Duration) {
    loop {
        match postrider.retain(clock.now().minus(after)).await {
            Ok(walk) if walk.matched > 0 => {
                tracing::info!(rows = walk.matched, "what ended long ago was deleted");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %chain(&error), "what ended long ago could not be deleted");
            }
        }
        tokio::time::sleep(after.min(RETENTION_EVERY_MAX)).await;
    }
}
