//! Until when something must be over.
//!
//! One deadline bounds a whole exchange, whatever number of reads and writes it takes, and knows
//! what was allowed, for the report. The earlier of two bounds holds.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::trouble::Cause;

/// What stands for a longer allowance than an instant can tell.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Until when what goes on must be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    /// What was allowed.
    allowance: Duration,
}

impl Deadline {
    /// So much from this moment on; any duration will do.
    pub(crate) fn after(allowance: Duration) -> Self {
        // Far enough away never to come, and near enough to be an instant.
        let at = Instant::now();
        let at = at.checked_add(allowance).unwrap_or(at + FAR);
        Self { at, allowance }
    }

    /// The earlier of the two.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// Whether it has come.
    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.at
    }

    /// What comes of this work.
    ///
    /// # Errors
    /// [`Cause::Deadline`] when it is not done in time; it is dropped then.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, Cause> {
        let done = timeout_at(self.at, work).await;
        done.map_err(|_| Cause::Deadline(self.allowance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_allowance_is_too_long_to_be_kept() {
        let deadline = Deadline::after(Duration::MAX);
        assert!(!deadline.is_over());
        assert_eq!(deadline.bound(async { 1 }).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_ends_the_work_and_is_told() {
        let [short, long] = [1, 2].map(|seconds| Deadline::after(Duration::from_secs(seconds)));
        for deadline in [short.min(long), long.min(short)] {
            let ended = deadline.bound(std::future::pending::<()>()).await;
            assert!(
                matches!(&ended, Err(Cause::Deadline(told)) if told.as_secs() == 1),
                "{ended:?}"
            );
        }
        assert!(short.is_over() && !long.is_over());
    }
}
