//! A site that cannot be reached: one growing delay for all, so that nobody hammers it.
//!
//! Connections that are open go on; new ones wait. A site that was never reached, or is in trouble,
//! is tried with one connection at a time.

use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::Trouble;
use postrider_types::{Phase, Timestamp};

use crate::bounds::LOCK_STEP_FOR;
use crate::report;

/// Whether connections may be opened.
#[derive(Debug)]
pub(super) struct Contact {
    /// The site, as people know it.
    name: String,
    delay_min: Duration,
    delay_max: Duration,
    delay: Duration,
    not_until: Timestamp,
    trouble: Option<(Arc<str>, Timestamp)>,
    /// The last failure, with the chance that was drawn at it.
    failure: Option<(Trouble, f64)>,
    /// A session stood at some time.
    was_reached: bool,
    /// The server offered PIPELINING and fell out of step: not again before then.
    lock_step_until: Timestamp,
}

impl Contact {
    pub(super) const fn new(name: String, delay_min: Duration, delay_max: Duration) -> Self {
        Self {
            name,
            delay_min,
            delay_max,
            delay: delay_min,
            not_until: Timestamp::EPOCH,
            trouble: None,
            failure: None,
            was_reached: false,
            lock_step_until: Timestamp::EPOCH,
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
    pub(super) const fn trouble(&self) -> Option<&(Arc<str>, Timestamp)> {
        self.trouble.as_ref()
    }

    /// Why it cannot be used, as the connection saw it, with a chance in `0.0..1.0`.
    pub(super) const fn failure(&self) -> Option<&(Trouble, f64)> {
        self.failure.as_ref()
    }

    /// Whether sessions stand there, as far as is known.
    pub(super) const fn is_proven(&self) -> bool {
        self.was_reached && self.trouble.is_none()
    }

    /// Whether a connection that is opened now may pipeline, if the server offers it.
    pub(super) fn is_pipelining_allowed(&self, now: Timestamp) -> bool {
        self.lock_step_until <= now
    }

    /// A connection that pipelined fell out of step. The server may be right again tomorrow, so
    /// that is remembered for a while only.
    pub(super) fn fell_out_of_step(&mut self, now: Timestamp) {
        self.lock_step_until = now.plus(LOCK_STEP_FOR);
    }

    pub(super) fn connected(&mut self) {
        self.delay = self.delay_min;
        self.not_until = Timestamp::EPOCH;
        self.trouble = None;
        self.failure = None;
        self.was_reached = true;
    }

    /// Several connections fail at once; only the first of them makes the delay grow. Certificates
    /// and credentials do not mend within seconds, and servers lock accounts that are tried again
    /// and again: those wait for the longest delay from the start.
    pub(super) fn failed(&mut self, trouble: Trouble, chance: f64, now: Timestamp) {
        let phase = trouble.phase();
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        let sentence = format!("{}: {}", self.name, report::chain(&trouble));
        self.trouble = Some((sentence.into(), since));
        self.failure = Some((trouble, chance));
        if matches!(phase, Phase::Tls | Phase::Auth) {
            self.delay = self.delay_max;
        }
        if self.not_until <= now {
            self.not_until = now.plus(self.delay);
            self.delay = (self.delay * 2).min(self.delay_max);
        }
    }
}
