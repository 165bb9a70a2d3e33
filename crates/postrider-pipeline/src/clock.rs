//! The one place that asks what time it is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use postrider_types::Timestamp;
use tokio::time::Instant;

/// Tells the time to everything in a process that decides.
pub trait Clock: Send + Sync {
    /// The current instant. Never goes back.
    fn now(&self) -> Timestamp;
}

/// Wall-clock time at construction plus what tokio's monotonic clock has counted since: a wall
/// clock that is set, or jumps, changes nothing while the process lives, and under tokio's
/// paused time this clock stands still too.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started_at: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// A clock that starts with the wall clock's present time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let started_at = Timestamp::EPOCH.plus(since_epoch.unwrap_or(Duration::ZERO));
        Self {
            started_at,
            started: Instant::now(),
        }
    }

    /// A clock that starts at a given instant, for scenes under simulated time.
    pub fn starting_at(started_at: Timestamp) -> Self {
        Self {
            started_at,
            started: Instant::now(),
        }
    }

    /// This clock as the function that a store asks.
    pub fn as_now(self) -> postrider_store::handle::Now {
        Arc::new(move || self.now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.started_at.plus(self.started.elapsed())
    }
}
