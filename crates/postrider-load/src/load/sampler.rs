//! Memory over time: a look at both processes once a second.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::bounds::{SAMPLE_EVERY, SAMPLES_MAX};
use crate::load::clock;
use crate::load::proc::{self, Usage};

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When, microseconds since the epoch.
    pub(crate) at_us: i64,
    /// Resident memory of the service and its workers; 0 while it was down.
    pub(crate) service_bytes: u64,
    /// Most resident memory that any of its workers has had; 0 without workers.
    pub(crate) worker_bytes: u64,
    /// Resident memory of the mock.
    pub(crate) mock_bytes: u64,
}

/// Looks until it is dropped.
#[derive(Debug)]
pub(crate) struct Sampler {
    samples: Arc<Mutex<Vec<Sample>>>,
    task: JoinHandle<()>,
}

impl Sampler {
    /// Looks at the service with the process id of the moment, and at the mock.
    pub(crate) fn start(service: Arc<AtomicU32>, mock: u32) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&samples);
        let task = tokio::spawn(async move {
            let mut turn = interval(SAMPLE_EVERY);
            turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for _ in 0..SAMPLES_MAX {
                turn.tick().await;
                let bytes = |pid| Usage::of_family(pid).map_or(0, |usage| usage.rss_bytes);
                let pid = service.load(Ordering::Relaxed);
                let sample = Sample {
                    at_us: clock::now_us(),
                    service_bytes: bytes(pid),
                    worker_bytes: largest_child(pid),
                    mock_bytes: bytes(mock),
                };
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(sample);
            }
        });
        Self { samples, task }
    }

    /// All that was seen until now.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.clone()
    }
}

/// Most resident memory of any process that this one has started.
fn largest_child(pid: u32) -> u64 {
    let children = proc::children(pid).into_iter().filter_map(Usage::of);
    let largest = children.map(|usage| usage.rss_bytes_max).max();
    largest.unwrap_or(0)
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.task.abort();
    }
}
