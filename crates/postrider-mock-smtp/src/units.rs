//! The values that people write in a profile: spans of time, rates and shares.
//!
//! An invalid one cannot be built; the message says what was expected.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::error::MockError;

/// Units of time as written, longest first.
const UNITS: [(&str, Duration); 6] = [
    ("d", Duration::from_secs(86_400)),
    ("h", Duration::from_secs(3_600)),
    ("m", Duration::from_secs(60)),
    ("s", Duration::from_secs(1)),
    ("ms", Duration::from_millis(1)),
    ("us", Duration::from_micros(1)),
];

/// A span of time, written `40ms`, `15s` or `2m`; at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The same as a standard duration.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The same in a time that runs `scale` times as fast; 0 counts as 1.
    pub(crate) fn scaled(self, scale: u32) -> Self {
        Self(self.0 / scale.max(1))
    }
}

impl FromStr for Span {
    type Err = MockError;

    fn from_str(text: &str) -> Result<Self, MockError> {
        let bad = || MockError::Value {
            text: text.to_owned(),
            expected: "a span of at most a day, as in \"40ms\", \"15s\" or \"2m\"",
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let count: u32 = text[..digits].parse().map_err(|_| bad())?;
        let unit = unit_of(&text[digits..]).ok_or_else(bad)?;
        match unit.checked_mul(count) {
            Some(span) if span <= bounds::SPAN_MAX => Ok(Self(span)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let unit = UNITS
            .iter()
            .find(|(_, unit)| micros.is_multiple_of(unit.as_micros()));
        let (name, unit) = unit.unwrap_or(&UNITS[UNITS.len() - 1]);
        write!(f, "{}{name}", micros / unit.as_micros())
    }
}

/// So many in such a time, written `50/s`, `600/m` or `1000/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    count: NonZeroU32,
    unit: (&'static str, Duration),
}

impl Rate {
    /// Nanoseconds between two of them at an even pace; at least one.
    pub fn interval_ns(self) -> u64 {
        let unit_ns = u64::try_from(self.unit.1.as_nanos()).unwrap_or(u64::MAX);
        (unit_ns / u64::from(self.count.get())).max(1)
    }

    /// How many fit into a tenth of a second; at least one.
    pub fn tenth_of_a_second(self) -> u32 {
        let cells = 100_000_000 / self.interval_ns();
        u32::try_from(cells).unwrap_or(u32::MAX).max(1)
    }
}

impl FromStr for Rate {
    type Err = MockError;

    fn from_str(text: &str) -> Result<Self, MockError> {
        let bad = || MockError::Value {
            text: text.to_owned(),
            expected: "a rate above zero, as in \"50/s\", \"600/m\" or \"1000/h\"",
        };
        let (count, unit) = text.split_once('/').ok_or_else(bad)?;
        let count = count.parse().map_err(|_| bad())?;
        let unit = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(bad)?;
        Ok(Self { count, unit: *unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.0)
    }
}

/// A part of all, from 0 (none, the default) to 1 (every one).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// None of them.
    pub const NONE: Self = Self(0.0);

    /// Every one of them.
    pub const ALL: Self = Self(1.0);

    /// A share of the given size.
    ///
    /// # Errors
    /// [`MockError`] outside 0 to 1.
    pub fn new(part: f64) -> Result<Self, MockError> {
        if (0.0..=1.0).contains(&part) {
            return Ok(Self(part));
        }
        Err(MockError::Value {
            text: part.to_string(),
            expected: "a share from 0 to 1",
        })
    }

    /// Whether it is none at all.
    pub fn is_none(self) -> bool {
        self.0 == 0.0
    }

    /// Whether a draw from 0 (inclusive) to 1 (exclusive) falls into this share.
    pub fn holds(self, draw: f64) -> bool {
        draw < self.0
    }
}

fn unit_of(name: &str) -> Option<Duration> {
    UNITS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, unit)| *unit)
}

impl TryFrom<String> for Span {
    type Error = MockError;

    fn try_from(text: String) -> Result<Self, MockError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl TryFrom<String> for Rate {
    type Error = MockError;

    fn try_from(text: String) -> Result<Self, MockError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl TryFrom<f64> for Share {
    type Error = MockError;

    fn try_from(part: f64) -> Result<Self, MockError> {
        Self::new(part)
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print_the_same() {
        for text in ["0d", "40ms", "15s", "2m", "1h", "1d", "7us"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["", "40", "ms", "-1s", "1.5s", "2d", "15 s", "4294967296s"] {
            assert!(text.parse::<Span>().is_err(), "{text:?} is not a span");
        }
    }

    #[test]
    fn a_rate_is_an_interval() {
        let rate: Rate = "50/s".parse().unwrap();
        assert_eq!(
            (rate.interval_ns(), rate.tenth_of_a_second()),
            (20_000_000, 5)
        );
        assert_eq!("1000/h".parse::<Rate>().unwrap().to_string(), "1000/h");
        for text in ["", "50", "0/s", "/s", "50/", "5/y", "-5/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text:?} is not a rate");
        }
    }

    #[test]
    fn a_share_is_from_none_to_all() {
        assert!(!Share::NONE.holds(0.0) && Share::ALL.holds(0.999));
        for part in [-0.1, 1.1, f64::NAN] {
            assert!(Share::new(part).is_err(), "{part} is not a share");
        }
    }
}
