//! A rate: how many cells in how much time, and how many at once.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A paced rate, written `20/s`, `1000/h`, `1/10m` or `50/s burst 10`; `0` is closed.
///
/// Paced means that cells come one interval apart. The burst is how many may come at once after
/// a pause; by default it is the number of cells of 5 ms, and at least 1, because timers turn
/// once a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Nothing passes until the rate is changed.
    Closed,
    /// `count` cells in each `per`.
    Paced {
        /// Cells in each `per`.
        count: NonZeroU32,
        /// The period; from 1 s to 366 d.
        per: Duration,
        /// Most cells at once.
        burst: NonZeroU32,
    },
}

/// The stretch of time whose cells are the default burst.
const BURST_DEFAULT_SPAN: Duration = Duration::from_millis(5);
/// The shortest interval between two cells: a million a second.
const INTERVAL_MIN: Duration = Duration::from_micros(1);
/// The longest period.
const PERIOD_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Why a text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not of the form at all.
    #[error("a rate is written like 20/s, 1000/h, 1/10m or 50/s burst 10; 0 is closed")]
    Form,
    /// The unit of time is unknown.
    #[error("the unit of a rate is s, m, h or d")]
    Unit,
    /// More than a million a second.
    #[error("a rate is at most 1000000/s")]
    TooFast,
    /// A period over 366 days or of nothing.
    #[error("the period of a rate is between 1s and 366d")]
    Period,
    /// A burst of 0.
    #[error("a burst is at least 1; to close a destination, write the rate 0")]
    Burst,
}

impl Rate {
    /// A rate of `count` cells in each `per`, with the default burst.
    ///
    /// # Errors
    /// [`RateError::Period`] and [`RateError::TooFast`].
    pub fn paced(count: NonZeroU32, per: Duration) -> Result<Self, RateError> {
        if per < Duration::from_secs(1) || per > PERIOD_MAX {
            return Err(RateError::Period);
        }
        if per / count.get() < INTERVAL_MIN {
            return Err(RateError::TooFast);
        }
        let cells = u128::from(count.get()) * BURST_DEFAULT_SPAN.as_nanos() / per.as_nanos();
        let burst = u32::try_from(cells)
            .ok()
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN);
        Ok(Self::Paced { count, per, burst })
    }

    /// The time from one cell to the next; `None` when closed.
    pub fn interval(&self) -> Option<Duration> {
        match self {
            Self::Closed => None,
            Self::Paced { count, per, .. } => Some(*per / count.get()),
        }
    }

    /// The part of one among several who share this rate evenly: together they never exceed it,
    /// and the burst of each is at least 1.
    #[must_use]
    pub fn split(self, parts: NonZeroU32) -> Self {
        match self {
            Self::Closed => Self::Closed,
            Self::Paced { count, per, burst } => Self::Paced {
                count,
                per: per * parts.get(),
                burst: NonZeroU32::new(burst.get() / parts).unwrap_or(NonZeroU32::MIN),
            },
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.trim();
        if text == "0" {
            return Ok(Self::Closed);
        }
        let (pace, burst) = match text.split_once(" burst ") {
            Some((pace, burst)) => (pace.trim(), Some(burst.trim())),
            None => (text, None),
        };
        let (count, period) = pace.split_once('/').ok_or(RateError::Form)?;
        let count: u32 = count.trim().parse().map_err(|_| RateError::Form)?;
        let count = NonZeroU32::new(count).ok_or(RateError::Form)?;
        let rate = Self::paced(count, parse_period(period.trim())?)?;
        match (rate, burst) {
            (Self::Paced { count, per, .. }, Some(burst)) => {
                let burst: u32 = burst.parse().map_err(|_| RateError::Form)?;
                let burst = NonZeroU32::new(burst).ok_or(RateError::Burst)?;
                Ok(Self::Paced { count, per, burst })
            }
            (rate, _) => Ok(rate),
        }
    }
}

/// `s`, `m`, `h` or `d`, with a number of them in front where it is not one.
fn parse_period(text: &str) -> Result<Duration, RateError> {
    let unit = text.char_indices().next_back().ok_or(RateError::Unit)?;
    let seconds: u64 = match unit.1 {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(RateError::Unit),
    };
    let number: u64 = match &text[..unit.0] {
        "" => 1,
        digits => digits.parse().map_err(|_| RateError::Unit)?,
    };
    Ok(Duration::from_secs(
        number.checked_mul(seconds).ok_or(RateError::Period)?,
    ))
}

impl fmt::Display for Rate {
    /// In the form that parses back to the same rate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Paced { count, per, burst } = self else {
            return f.write_str("0");
        };
        let seconds = per.as_secs();
        let (number, unit) = match seconds {
            s if s % 86_400 == 0 => (s / 86_400, 'd'),
            s if s % 3_600 == 0 => (s / 3_600, 'h'),
            s if s % 60 == 0 => (s / 60, 'm'),
            s => (s, 's'),
        };
        match number {
            1 => write!(f, "{count}/{unit}")?,
            n => write!(f, "{count}/{n}{unit}")?,
        }
        match Self::paced(*count, *per) {
            Ok(default) if default == *self => Ok(()),
            _ => write!(f, " burst {burst}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_are_the_whole() {
        let rate: Rate = "50/s burst 10".parse().unwrap();
        let half = rate.split(NonZeroU32::new(2).unwrap());
        assert_eq!(half.interval(), Some(Duration::from_millis(40)));
        assert!(matches!(half, Rate::Paced { burst, .. } if burst.get() == 5));
        assert_eq!(rate.split(NonZeroU32::MIN), rate);
        let third = rate.split(NonZeroU32::new(30).unwrap());
        assert!(matches!(third, Rate::Paced { burst, .. } if burst.get() == 1));
    }

    #[test]
    fn a_rate_reads_back_as_it_was_written() {
        for text in [
            "0",
            "20/s",
            "1000/h",
            "1/10m",
            "50/s burst 10",
            "3/7d",
            "1000000/s",
        ] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_default_burst_is_what_comes_in_five_milliseconds_and_at_least_one() {
        let burst = |text: &str| match text.parse::<Rate>().unwrap() {
            Rate::Paced { burst, .. } => burst.get(),
            Rate::Closed => 0,
        };
        assert_eq!(burst("1/h"), 1);
        assert_eq!(burst("50/s"), 1);
        assert_eq!(burst("1000/s"), 5);
        assert_eq!(burst("1000/s burst 1"), 1);
    }

    #[test]
    fn what_is_no_rate_is_refused_with_its_reason() {
        let refused = |text: &str| text.parse::<Rate>().unwrap_err();
        assert_eq!(refused("20"), RateError::Form);
        assert_eq!(refused("-1/s"), RateError::Form);
        assert_eq!(refused("0/s"), RateError::Form);
        assert_eq!(refused("20/x"), RateError::Unit);
        assert_eq!(refused("20/0s"), RateError::Period);
        assert_eq!(refused("20/9999999d"), RateError::Period);
        assert_eq!(refused("2000000/s"), RateError::TooFast);
        assert_eq!(refused("20/s burst 0"), RateError::Burst);
        assert_eq!(refused("20/ü"), RateError::Unit);
    }

    #[test]
    fn the_interval_is_the_period_over_the_count() {
        assert_eq!(
            "50/s".parse::<Rate>().unwrap().interval(),
            Some(Duration::from_millis(20))
        );
        assert_eq!(Rate::Closed.interval(), None);
    }
}
