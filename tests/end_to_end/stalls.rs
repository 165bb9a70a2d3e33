//! How long this machine stood still while something was measured on it.
//!
//! A scene that judges by the time at which messages arrive would otherwise fail the sender for
//! what the machine did to both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the watching thread should wake.
const PERIOD: Duration = Duration::from_millis(1);

/// What a machine lost by standing still.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoodStill {
    /// The longest that it did.
    pub(crate) longest: Duration,
    /// All that were longer than what was asked for.
    pub(crate) lost: Duration,
}

/// A thread that should wake every millisecond, and notes how late it was.
pub(crate) struct Stalls {
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<StoodStill>,
}

impl Stalls {
    /// From now on; what is longer than this adds to what was lost.
    pub(crate) fn watch(counts_from: Duration) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let is_over_there = Arc::clone(&is_over);
        let watching = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_time().build();
            let looking = look(&is_over_there, counts_from);
            runtime.expect("a runtime").block_on(looking)
        });
        Self { is_over, watching }
    }

    /// What was seen since.
    pub(crate) fn end(self) -> StoodStill {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.join().expect("looking does not panic")
    }
}

async fn look(is_over: &AtomicBool, counts_from: Duration) -> StoodStill {
    let mut turn = interval(PERIOD);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = StoodStill::default();
    turn.tick().await;
    while !is_over.load(Ordering::Relaxed) {
        let before = Instant::now();
        turn.tick().await;
        let late = before.elapsed().saturating_sub(PERIOD);
        seen.longest = seen.longest.max(late);
        if late > counts_from {
            seen.lost += late;
        }
    }
    seen
}
