//! What the writer did, for metrics and for whoever asks whether it still works.
//!
//! The writer is the only one that writes here, and whoever looks sees numbers that are at most
//! one commit old. Spans are counted by size, never kept: a histogram costs the same after a
//! billion commits.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use postrider_types::Timestamp;

/// Upper bounds of the sizes of spans, in microseconds; what is longer has no bound. Fine enough
/// that a median is known within a third.
pub const SPAN_BOUNDS: [u64; 24] = [
    100, 150, 200, 300, 400, 600, 800, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000,
    15_000, 20_000, 30_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000,
];

/// No commit is under way.
const IDLE: i64 = i64::MIN;

/// What the writer did since the store was opened.
#[derive(Debug)]
pub struct Counts {
    commits: AtomicU64,
    requests: AtomicU64,
    begins: AtomicU64,
    failures: AtomicU64,
    commit_spans: Spans,
    begin_waits: Spans,
    /// When the commit that is under way began, in microseconds since the epoch.
    busy_since: AtomicI64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            commits: AtomicU64::default(),
            requests: AtomicU64::default(),
            begins: AtomicU64::default(),
            failures: AtomicU64::default(),
            commit_spans: Spans::default(),
            begin_waits: Spans::default(),
            busy_since: AtomicI64::new(IDLE),
        }
    }
}

impl Counts {
    /// Commits.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Requests in those commits, and in batches that failed.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Begins in those commits: over [`commits`](Self::commits), messages per sync of the disk.
    pub fn begins(&self) -> u64 {
        self.begins.load(Ordering::Relaxed)
    }

    /// Batches that could not be committed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How long commits took, from the first request of the batch to the sync.
    pub const fn commit_spans(&self) -> &Spans {
        &self.commit_spans
    }

    /// How long begins waited, from being asked to being durable.
    pub const fn begin_waits(&self) -> &Spans {
        &self.begin_waits
    }

    /// Since when one commit has been under way, if one is.
    pub fn busy_since(&self) -> Option<Timestamp> {
        let micros = self.busy_since.load(Ordering::Relaxed);
        (micros != IDLE).then(|| Timestamp::from_micros(micros))
    }

    /// A commit is under way from this instant on.
    pub(crate) fn enter(&self, now: Timestamp) {
        self.busy_since.store(now.as_micros(), Ordering::Relaxed);
    }

    /// The commit that began at `since` is over.
    pub(crate) fn leave(&self, since: Timestamp, now: Timestamp) {
        self.busy_since.store(IDLE, Ordering::Relaxed);
        self.commit_spans.count(now.since(since), 1);
    }

    /// So many begins were durable after this wait.
    pub(crate) fn count_begins(&self, begins: u64, waited: Duration) {
        self.begins.fetch_add(begins, Ordering::Relaxed);
        self.begin_waits.count(waited, begins);
    }

    pub(crate) fn count(&self, requests: usize, is_committed: bool) {
        let counter = if is_committed {
            &self.commits
        } else {
            &self.failures
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
    }
}

/// Spans by size.
#[derive(Debug, Default)]
pub struct Spans {
    /// One for each of [`SPAN_BOUNDS`], and one for longer ones.
    sizes: [AtomicU64; SPAN_BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Spans {
    /// How many there were up to each bound of [`SPAN_BOUNDS`] and above the one before it; last,
    /// those above all.
    pub fn sizes(&self) -> [u64; SPAN_BOUNDS.len() + 1] {
        std::array::from_fn(|size| self.sizes[size].load(Ordering::Relaxed))
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    fn count(&self, span: Duration, times: u64) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let size = SPAN_BOUNDS.partition_point(|bound| *bound < micros);
        self.sizes[size].fetch_add(times, Ordering::Relaxed);
        let sum = micros.saturating_mul(times);
        self.sum_micros.fetch_add(sum, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_counted_where_its_bound_is() {
        let spans = Spans::default();
        let check = |micros, size: usize| {
            let before = spans.sizes()[size];
            spans.count(Duration::from_micros(micros), 1);
            assert_eq!(spans.sizes()[size], before + 1, "{micros}");
        };
        check(0, 0);
        check(100, 0);
        check(101, 1);
        check(5_000_000, SPAN_BOUNDS.len() - 1);
        check(5_000_001, SPAN_BOUNDS.len());
        assert_eq!(spans.sum(), Duration::from_micros(10_000_202));
    }

    #[test]
    fn a_commit_is_under_way_until_it_is_over() {
        let at = Timestamp::from_micros;
        let counts = Counts::default();
        assert_eq!(counts.busy_since(), None);
        counts.enter(at(7));
        assert_eq!(counts.busy_since(), Some(at(7)));
        counts.leave(at(7), at(300));
        assert_eq!(counts.busy_since(), None);
        assert_eq!(counts.commit_spans().sizes()[3], 1);
    }
}
