//! The relay that cannot be reached: one growing delay for all, so that nobody hammers it.
//!
//! No delivery is charged for it. Connections that are open go on; new ones wait.

use std::time::Duration;

use postrider_smtp::Trouble;
use postrider_types::Timestamp;

use crate::report;

/// Whether connections may be opened.
#[derive(Debug)]
pub(super) struct Route {
    /// The relay, as people know it.
    name: String,
    delay_min: Duration,
    delay_max: Duration,
    delay: Duration,
    not_until: Timestamp,
    trouble: Option<(String, Timestamp)>,
}

impl Route {
    pub(super) const fn new(name: String, delay_min: Duration, delay_max: Duration) -> Self {
        Self {
            name,
            delay_min,
            delay_max,
            delay: delay_min,
            not_until: Timestamp::EPOCH,
            trouble: None,
        }
    }

    /// Whether a connection may be opened now.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.not_until <= now
    }

    /// When a connection may be opened again.
    pub(super) const fn not_until(&self) -> Timestamp {
        self.not_until
    }

    /// Why it cannot be used, and since when.
    pub(super) const fn trouble(&self) -> Option<&(String, Timestamp)> {
        self.trouble.as_ref()
    }

    pub(super) fn connected(&mut self) {
        self.delay = self.delay_min;
        self.not_until = Timestamp::EPOCH;
        self.trouble = None;
    }

    /// Several connections fail at once; only the first of them makes the delay grow.
    pub(super) fn failed(&mut self, trouble: &Trouble, now: Timestamp) {
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        let sentence = format!("{}: {}", self.name, report::chain(trouble));
        self.trouble = Some((sentence, since));
        if self.not_until <= now {
            self.not_until = now.plus(self.delay);
            self.delay = (self.delay * 2).min(self.delay_max);
        }
    }
}
