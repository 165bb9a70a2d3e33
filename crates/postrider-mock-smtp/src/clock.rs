//! The mock's own clock: microseconds since the Unix epoch.
//!
//! The wall clock is asked once, at the start; from then on Tokio's monotonic clock is added.
//! So a wall clock that jumps moves nothing, and a test that pauses Tokio's time moves this too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A clock that never goes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_at_us: i64,
}

impl Clock {
    /// Reads the wall clock once.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the mock's clock; everything else takes the time as an argument"
    )]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            started_at_us: micros(since_epoch),
        }
    }

    /// Microseconds since the epoch.
    pub(crate) fn now_us(&self) -> i64 {
        self.started_at_us
            .saturating_add(micros(self.started.elapsed()))
    }
}

/// Whole microseconds; the far future for what does not fit (292,000 years).
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_moves_the_clock() {
        let clock = Clock::start();
        let before_us = clock.now_us();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.now_us() - before_us, 7_000_000);
    }
}
