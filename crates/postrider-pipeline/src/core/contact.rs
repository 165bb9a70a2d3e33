//! A site that cannot be reached: one growing delay for all, so that nobody hammers it.
//!
//! Connections that are open go on; new ones wait. A site that was never reached, or is in trouble,
//! is tried with one connection at a time.
//!
//! **A session that stands proves little.** Some servers greet everybody and then hang up. So trouble
//! ends, and the delay begins anew, only with the answer to a message, on a session that was opened
//! after the last failure. And [`HOLLOW_SESSIONS_MAX`] sessions in a row that end before any message
//! of theirs is answered are trouble too.
//!
//! **One that is lost among many that stand is mostly chance.** While other sessions of the site are
//! open, the delay after a connection that fails without a word begins small, because sessions that
//! end must be replaced; it grows like any other. A site that says no in words is left alone.
//!
//! **What the table of classifications asks for is kept**: where the rule of a greeting or a log-in
//! names a time, nobody tries again before that. The credentials are refused (535)? Trying them
//! every minute locks the account. But a relay that asks to be left alone has only the growing
//! delay until it has asked [`ASKS_OF_A_RELAY`] times in a row, as with `rest`: everything goes by
//! it, and one hiccup must not stop everything for a minute. One that asks for it while other
//! sessions stand has enough of them (`pools`), and is no trouble.

use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::classify::{Action, Classification};
use postrider_smtp::{Cause, Extensions, Trouble};
use postrider_types::{Phase, Timestamp};

use super::event::Offer;
use super::hearing::sentence;
use crate::bounds::{
    AMONG_OTHERS_SHARE, ASKS_OF_A_RELAY, CHUNKLESS_FOR, HOLLOW_SESSIONS_MAX, LOCK_STEP_FOR,
    SIZELESS_FOR,
};
use crate::report;
use crate::settings::RouteSettings;

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
    /// When that was.
    failed_at: Timestamp,
    /// What the rule of the last failure asks for beyond the delay.
    hold: Hold,
    /// Times in a row that it asked to be left alone, and how many it takes.
    asks: u32,
    asks_needed: u32,
    /// Sessions in a row that stood, and ended before any message of theirs was answered.
    hollow: u32,
    /// A session stood at some time.
    was_reached: bool,
    /// The server offered PIPELINING and fell out of step: not again before then.
    lock_step_until: Timestamp,
    /// The server offered SIZE and refused to be told one: not again before then.
    sizeless_until: Timestamp,
    /// The server offered CHUNKING and did not know BDAT: not again before then.
    chunkless_until: Timestamp,
}

/// What a site that turns us away asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// Nothing: it could not be reached.
    None,
    /// To be left alone for so long.
    Throttled(Duration),
    /// The same, and that a person acts: it refuses us.
    Suspended(Duration),
}

impl Hold {
    /// What this meaning of a failure asks for.
    fn of(meaning: &Classification) -> Self {
        let least = meaning.retry_after.unwrap_or_default();
        match meaning.action {
            Some(Action::ThrottleSite) => Self::Throttled(least),
            Some(Action::SuspendRoute) => Self::Suspended(least),
            Some(Action::Suppress | Action::ThrottleRecipient) | None => Self::None,
        }
    }

    const fn time(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Throttled(time) | Self::Suspended(time) => time,
        }
    }
}

impl Contact {
    /// A site that was never tried: that of `route`, a relay or one of direct delivery.
    pub(super) const fn new(name: String, is_relay: bool, route: &RouteSettings) -> Self {
        let (delay_min, delay_max) = (route.delay_min, route.delay_max);
        Self {
            name,
            delay_min,
            delay_max,
            delay: delay_min,
            not_until: Timestamp::EPOCH,
            trouble: None,
            failure: None,
            failed_at: Timestamp::EPOCH,
            hold: Hold::None,
            asks: 0,
            asks_needed: if is_relay { ASKS_OF_A_RELAY } else { 1 },
            hollow: 0,
            was_reached: false,
            lock_step_until: Timestamp::EPOCH,
            sizeless_until: Timestamp::EPOCH,
            chunkless_until: Timestamp::EPOCH,
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

    /// What a connection that is opened now may use, if the server offers it.
    pub(super) fn allowed(&self, now: Timestamp) -> Extensions {
        Extensions {
            pipelining: self.lock_step_until <= now,
            chunking: self.chunkless_until <= now,
            size: self.sizeless_until <= now,
        }
    }

    /// The server refused what it offers. That is remembered for a while, so that not every
    /// connection has to find it out.
    pub(super) fn broke(&mut self, offer: Offer, now: Timestamp) {
        match offer {
            Offer::Size => self.sizeless_until = now.plus(SIZELESS_FOR),
            Offer::Chunks => self.chunkless_until = now.plus(CHUNKLESS_FOR),
        }
    }

    /// A connection that pipelined fell out of step. The server may be right again tomorrow, so
    /// that is remembered for a while only.
    pub(super) fn fell_out_of_step(&mut self, now: Timestamp) {
        self.lock_step_until = now.plus(LOCK_STEP_FOR);
    }

    /// Whether it turns us away until a person acts.
    pub(super) const fn is_suspended(&self) -> bool {
        matches!(self.hold, Hold::Suspended(_))
    }

    /// Whether it asked to be left alone, so that nobody is charged for the wait.
    pub(super) const fn is_on_hold(&self) -> bool {
        !matches!(self.hold, Hold::None)
    }

    /// A session stands. Trouble lasts until a message of it is answered.
    pub(super) const fn connected(&mut self) {
        self.was_reached = true;
    }

    /// A message was answered, on a session that was opened at `opened_at`; says whether that ends
    /// trouble. A session that is older than the trouble says nothing about new ones.
    pub(super) fn answered(&mut self, opened_at: Timestamp) -> bool {
        if self.trouble.is_some() && opened_at < self.failed_at {
            return false;
        }
        self.delay = self.delay_min;
        self.not_until = Timestamp::EPOCH;
        self.failure = None;
        self.hold = Hold::None;
        self.asks = 0;
        self.hollow = 0;
        self.trouble.take().is_some()
    }

    /// A session stood, and ended before any message of it was answered. Says whether that is
    /// trouble: once may be chance, and while there is trouble it is more of the same.
    pub(super) fn came_to_nothing(
        &mut self,
        trouble: &Trouble,
        chance: f64,
        now: Timestamp,
    ) -> bool {
        self.hollow = self.hollow.saturating_add(1);
        if self.trouble.is_none() && self.hollow < HOLLOW_SESSIONS_MAX {
            return false;
        }
        let what = "sessions end before a message is answered";
        let sentence = format!("{}: {what}: {}", self.name, report::chain(trouble));
        // What one message met, be it in doubt or neutral, is not what the others are told.
        let lost = Trouble::lost(Phase::Mail, Cause::Closed);
        self.wait(sentence, lost, chance, now);
        true
    }

    /// A connection could not be opened. Several fail at once; only the first of them makes the
    /// delay grow, and of a site that was well it begins small for one that is lost without a word
    /// while other sessions stand (`is_reached`).
    /// Certificates and credentials do not mend within seconds, and servers lock
    /// accounts that are tried again and again: those wait for the longest delay from the start.
    /// Nobody tries again before the time that `meaning` asks for often enough, unless other
    /// sessions stand: only credentials that are refused would be refused again.
    pub(super) fn failed(
        &mut self,
        trouble: Trouble,
        meaning: &Classification,
        is_reached: bool,
        chance: f64,
        now: Timestamp,
    ) {
        if trouble.is_lasting() {
            self.delay = self.delay_max;
        } else if is_reached && self.trouble.is_none() && trouble.reply().is_none() {
            self.delay = self.delay_min / AMONG_OTHERS_SHARE;
        }
        let hold = match Hold::of(meaning) {
            Hold::Throttled(_) if is_reached => Hold::None,
            Hold::Throttled(time) => {
                self.asks = self.asks.saturating_add(u32::from(self.not_until <= now));
                match self.asks >= self.asks_needed {
                    true => Hold::Throttled(time),
                    false => Hold::None,
                }
            }
            hold => hold,
        };
        let sentence = match hold {
            Hold::Suspended(_) => sentence(&self.name, &trouble, meaning),
            _ => format!("{}: {}", self.name, report::chain(&trouble)),
        };
        self.wait(sentence, trouble, chance, now);
        // Those that fail together with one that is refused do not lift its suspension.
        self.hold = self.hold.max(hold);
        self.not_until = self.not_until.max(now.plus(hold.time()));
    }

    fn wait(&mut self, sentence: String, trouble: Trouble, chance: f64, now: Timestamp) {
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        self.trouble = Some((sentence.into(), since));
        self.failure = Some((trouble, chance));
        self.failed_at = now;
        if self.not_until <= now {
            self.hold = Hold::None;
            self.not_until = now.plus(self.delay);
            self.delay = (self.delay * 2).min(self.delay_max);
        }
    }
}
