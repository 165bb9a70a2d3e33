//! Instants that are stored or compared across processes.
//!
//! One unit, microseconds since the Unix epoch: milliseconds cannot pace above 1,000 a second.
//! Everything that decides takes `now: Timestamp` as its last argument; nothing in this crate
//! can ask what time it is.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant in microseconds since 1970-01-01T00:00:00Z.
///
/// Arithmetic saturates, so [`Timestamp::NEVER`] plus any duration stays never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// Later than every instant: "not until somebody changes something", as under a closed rate.
    pub const NEVER: Self = Self(i64::MAX);

    /// The instant `micros` microseconds after the Unix epoch; negative is before it.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Nanoseconds since the Unix epoch, as a limiter's cell holds them; 0 before the epoch.
    pub fn as_nanos(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0).saturating_mul(1_000)
    }

    /// The first instant that is not before `nanos` nanoseconds after the epoch.
    pub fn from_nanos_ceil(nanos: u64) -> Self {
        Self(i64::try_from(nanos.div_ceil(1_000)).unwrap_or(i64::MAX))
    }

    /// This instant plus `delay`; saturates at [`Timestamp::NEVER`].
    #[must_use]
    pub fn plus(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant minus `delay`; saturates at the smallest instant.
    #[must_use]
    pub fn minus(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This instant in UTC, broken down, or `None` outside the years that a calendar here knows.
    pub fn to_utc(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds, such as `2026-11-21T09:30:00.000000Z`; `never` for
    /// [`Timestamp::NEVER`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(utc) => write!(f, "{utc:.6}"),
            None => f.write_str("never"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_stays_never_whatever_is_added() {
        assert_eq!(
            Timestamp::NEVER.plus(Duration::from_secs(1)),
            Timestamp::NEVER
        );
        assert_eq!(Timestamp::NEVER.to_string(), "never");
    }

    #[test]
    fn prints_as_rfc_3339_in_utc() {
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        assert_eq!(at.to_string(), "2023-11-14T22:13:20.000001Z");
    }

    #[test]
    fn nanoseconds_round_up_so_that_a_slot_is_never_early() {
        assert_eq!(Timestamp::from_nanos_ceil(1_001), Timestamp::from_micros(2));
        assert_eq!(Timestamp::from_nanos_ceil(2_000), Timestamp::from_micros(2));
    }

    #[test]
    fn time_since_something_ahead_is_zero() {
        let now = Timestamp::from_micros(5);
        assert_eq!(now.since(Timestamp::from_micros(9)), Duration::ZERO);
        assert_eq!(
            now.since(Timestamp::from_micros(2)),
            Duration::from_micros(3)
        );
    }
}
