//! How `governor` is asked for one decision.
//!
//! Its `RateLimiter` is built anew each time, over a store of a single number. The limiter
//! measures from the moment of its own start; our clock answers 0 for that moment, so that the
//! number is absolute time and means the same to every limiter that is ever built over it.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, RateLimiter, StateStore};
use postrider_types::Rate;

use crate::Cell;

/// The longest lateness that leaves the plan as it is, in nanoseconds: timers and a busy machine
/// stay below it, a stall does not.
const LATENESS_MAX: u64 = 20_000_000;

/// The longest burst in time: 100 years of cells. Longer ones are cut, so that neither a burst
/// nor a sum with it overflows.
const SPAN_MAX: u64 = 100 * 366 * 86_400 * 1_000_000_000;

/// The latest `now` that is told apart, in the year 2353; the sum with a burst still fits.
pub(crate) const NOW_MAX: u64 = u64::MAX - 2 * SPAN_MAX;

/// A paced rate in the unit of its cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Nanoseconds from one slot to the next, rounded up so that a rate is never exceeded.
    interval: u64,
    /// Most cells at once.
    burst: NonZeroU32,
}

impl Pace {
    /// The pace of a rate; `None` when it is closed.
    pub(crate) fn of(rate: Rate) -> Option<Self> {
        let Rate::Paced { count, per, burst } = rate else {
            return None;
        };
        let per = u64::try_from(per.as_nanos()).unwrap_or(SPAN_MAX);
        let interval = per.div_ceil(count.get().into()).clamp(1, SPAN_MAX);
        let burst_max = u32::try_from(SPAN_MAX / interval).unwrap_or(u32::MAX);
        let burst = NonZeroU32::new(burst_max).map_or(burst, |max| burst.min(max));
        Some(Self { interval, burst })
    }

    /// Nanoseconds from one slot to the next.
    pub(crate) fn interval(self) -> u64 {
        self.interval
    }

    /// How late a send may be without moving the plan, in nanoseconds.
    pub(crate) fn tolerance(self) -> u64 {
        (self.interval / 2).min(LATENESS_MAX)
    }

    /// The cell itself, or the furthest ahead that this pace can have put it.
    pub(crate) fn clamp(self, cell: Cell, now: u64) -> Cell {
        let ahead_max = now + u64::from(self.burst.get()) * self.interval;
        Cell::from_nanos(cell.as_nanos().map(|tat| tat.min(ahead_max)))
    }

    /// Takes one cell: the state after it, or the first nanosecond at which there is one.
    /// The state given must be clamped.
    pub(crate) fn take(self, cell: Cell, now: u64) -> Result<Cell, u64> {
        let quota = Quota::with_period(Duration::from_nanos(self.interval))
            .expect("an interval is never nothing")
            .allow_burst(self.burst);
        let scratch = Scratch(std::cell::Cell::new(cell.as_nanos()));
        let clock = StartsAtZero::then(self.planned(cell, now));
        let limiter = RateLimiter::<_, _, _, NoOpMiddleware<Nanos>>::new(quota, scratch, clock);
        match limiter.check() {
            Ok(()) => Ok(Cell::from_nanos(limiter.into_state_store().0.get())),
            Err(not_until) => Err(not_until.earliest_possible().as_u64()),
        }
    }

    /// The time a send at `now` counts from: its planned slot when it is hardly late, else `now`.
    fn planned(self, cell: Cell, now: u64) -> u64 {
        match cell.as_nanos() {
            Some(slot) if slot <= now && now - slot <= self.tolerance() => slot,
            _ => now,
        }
    }
}

/// The state store of one decision.
struct Scratch(std::cell::Cell<Option<u64>>);

impl StateStore for Scratch {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (answer, next) = f(self.0.get().map(Nanos::new))?;
        self.0.set(Some(next.as_u64()));
        Ok(answer)
    }
}

/// Answers 0 the first time it is asked, which is when a limiter notes its start, and the same
/// instant ever after.
struct StartsAtZero {
    next: std::cell::Cell<u64>,
    now: u64,
}

impl StartsAtZero {
    fn then(now: u64) -> Self {
        Self {
            next: std::cell::Cell::new(0),
            now,
        }
    }
}

impl Clock for StartsAtZero {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.next.replace(self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(text: &str) -> Pace {
        Pace::of(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_interval_rounds_up_so_that_the_rate_is_never_exceeded() {
        assert_eq!(pace("3/s").interval(), 333_333_334);
        assert_eq!(pace("50/s").interval(), 20_000_000);
        assert_eq!(pace("1000000/s").interval(), 1_000);
    }

    #[test]
    fn the_tolerance_is_half_an_interval_and_at_most_twenty_milliseconds() {
        assert_eq!(pace("200/s").tolerance(), 2_500_000);
        assert_eq!(pace("50/s").tolerance(), 10_000_000);
        assert_eq!(pace("25/s").tolerance(), 20_000_000);
        assert_eq!(pace("1/h").tolerance(), 20_000_000);
    }

    #[test]
    fn the_longest_burst_of_the_slowest_rate_does_not_overflow() {
        let slow = pace("1/366d burst 4294967295");
        let ahead = slow.clamp(Cell::from_nanos(Some(u64::MAX)), NOW_MAX);
        assert!(slow.take(ahead, NOW_MAX).is_err());
        assert!(slow.take(Cell::default(), NOW_MAX).is_ok());
    }
}
