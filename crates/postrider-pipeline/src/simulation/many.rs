//! Many schedules at once, on as many threads as there are processors.

use std::ops::{ControlFlow, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Counts, Schedule, Simulator};

impl Simulator {
    /// Runs the schedules of these seeds, and adds up what happened. `seen` hears of each as it
    /// ends, in any order; when it breaks, no further one begins.
    ///
    /// # Panics
    /// When `seen` does.
    pub fn run_all(
        &self,
        seeds: Range<u64>,
        seen: impl FnMut(Schedule) -> ControlFlow<()> + Send,
    ) -> Counts {
        let next = AtomicU64::new(seeds.start);
        let total = Mutex::new((Counts::default(), seen));
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return;
                        }
                        let schedule = self.run(seed);
                        let mut total = total.lock().expect("nobody who saw one panicked");
                        total.0.add(&schedule.counts);
                        if (total.1)(schedule).is_break() {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let (counts, _) = total.into_inner().expect("nobody who saw one panicked");
        counts
    }
}
