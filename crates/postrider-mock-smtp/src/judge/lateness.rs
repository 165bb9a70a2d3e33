//! How late the mock is with its own reading: the spread of path delay that it adds itself.
//!
//! A MAIL command counts from when it was read. On loopback it arrives at once, but a mock that has
//! to wait for a processor reads it late, and then several late ones look like a burst that the
//! client never sent. So the mock asks to be woken every five milliseconds and notes by how much it
//! was woken late at the worst: about as late it may have been with anything that it read. One
//! millisecond of that is the clock of the timers. Each new worst is a line in the log, so that a
//! verdict over the log knows it too.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::bounds::LATENESS_EVERY;
use crate::log;
use crate::server::shared::Shared;
use crate::tally::Record;
use crate::world::locked;

/// Measures for as long as it lives.
#[derive(Debug)]
pub struct LatenessWatch(JoinHandle<()>);

impl LatenessWatch {
    pub(crate) fn start(shared: Arc<Shared>) -> Self {
        Self(tokio::spawn(watch(shared)))
    }
}

impl Drop for LatenessWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(shared: Arc<Shared>) {
    loop {
        let due = Instant::now() + LATENESS_EVERY;
        sleep_until(due).await;
        let late_us = micros(due.elapsed());
        if late_us <= locked(&shared.ledger).late_us() {
            continue;
        }
        let at_us = shared.clock.now_us();
        let mut records = vec![Record::Lateness(log::Lateness { at_us, late_us })];
        if shared.commit(&mut records).await.is_err() {
            return;
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
