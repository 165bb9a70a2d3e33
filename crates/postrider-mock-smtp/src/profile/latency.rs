//! Time before a reply: constant, or drawn from a log-normal distribution, as networks have it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bounds::LATENCY_FACTOR_MAX;
use crate::error::MockError;
use crate::units::Span;
use crate::world::treatment::Stage;

/// Time before a reply, written `20ms` or `lognormal(20ms, 0.5)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Latency {
    /// Always the same.
    Constant(Span),
    /// Half of the replies come before the median; `sigma` says how long the tail is (0 to 4).
    /// No draw is longer than a hundred medians.
    LogNormal {
        /// The median.
        median: Span,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

/// Time before the reply of each stage; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latencies {
    /// Before the greeting.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub connect: Latency,
    /// Before the reply to EHLO and HELO.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub hello: Latency,
    /// Before the reply to MAIL.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub mail: Latency,
    /// Before the reply to RCPT.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub rcpt: Latency,
    /// Before 354.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub data: Latency,
    /// Before the first bytes of a message are read: a window that opens slowly.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub body: Latency,
    /// Before the reply to the final dot.
    #[serde(skip_serializing_if = "Latency::is_none")]
    pub dot: Latency,
}

impl Latency {
    /// Whether there is nothing to wait for.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The wait for two draws from 0 (inclusive) to 1 (exclusive).
    pub(crate) fn sample(self, draws: impl FnOnce() -> (f64, f64)) -> Duration {
        match self {
            Self::Constant(span) => span.duration(),
            Self::LogNormal { median, sigma } => {
                let (first, second) = draws();
                // Box and Muller: two even draws make a normal one. 1 - x is never zero.
                let radius = (-2.0 * (1.0 - first).ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * second).cos();
                let factor = (sigma * normal).exp().min(LATENCY_FACTOR_MAX);
                median.duration().mul_f64(factor)
            }
        }
    }

    /// The same in a time that runs `scale` times as fast.
    pub(crate) fn scaled(self, scale: u32) -> Self {
        match self {
            Self::Constant(span) => Self::Constant(span.scaled(scale)),
            Self::LogNormal { median, sigma } => Self::LogNormal {
                median: median.scaled(scale),
                sigma,
            },
        }
    }
}

impl Latencies {
    /// The one of a stage.
    pub(crate) fn of(&self, stage: Stage) -> Latency {
        match stage {
            Stage::Connect => self.connect,
            Stage::Hello => self.hello,
            Stage::Mail => self.mail,
            Stage::Rcpt => self.rcpt,
            Stage::Data => self.data,
            Stage::Body => self.body,
            Stage::Dot => self.dot,
        }
    }

    /// Whether no stage waits.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn scaled(&self, scale: u32) -> Self {
        Self {
            connect: self.connect.scaled(scale),
            hello: self.hello.scaled(scale),
            mail: self.mail.scaled(scale),
            rcpt: self.rcpt.scaled(scale),
            data: self.data.scaled(scale),
            body: self.body.scaled(scale),
            dot: self.dot.scaled(scale),
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::Constant(Span::ZERO)
    }
}

impl FromStr for Latency {
    type Err = MockError;

    fn from_str(text: &str) -> Result<Self, MockError> {
        let bad = || MockError::Value {
            text: text.to_owned(),
            expected: "a latency; write a span as \"20ms\", or a median and a sigma from 0 to 4 as \
                       \"lognormal(20ms, 0.5)\"",
        };
        let Some(inner) = text.strip_prefix("lognormal(") else {
            return text.parse().map(Self::Constant).map_err(|_| bad());
        };
        let inner = inner.strip_suffix(')').ok_or_else(bad)?;
        let (median, sigma) = inner.split_once(',').ok_or_else(bad)?;
        let median = median.trim().parse().map_err(|_| bad())?;
        let sigma: f64 = sigma.trim().parse().map_err(|_| bad())?;
        if !(0.0..=4.0).contains(&sigma) {
            return Err(bad());
        }
        Ok(Self::LogNormal { median, sigma })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(span) => span.fmt(f),
            Self::LogNormal { median, sigma } => write!(f, "lognormal({median}, {sigma})"),
        }
    }
}

impl TryFrom<String> for Latency {
    type Error = MockError;

    fn try_from(text: String) -> Result<Self, MockError> {
        text.parse()
    }
}

impl From<Latency> for String {
    fn from(latency: Latency) -> Self {
        latency.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::draw;

    #[test]
    fn latencies_read_and_print_the_same() {
        for text in ["20ms", "lognormal(20ms, 0.5)", "lognormal(1s, 4)"] {
            assert_eq!(text.parse::<Latency>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "20",
            "lognormal(20ms)",
            "lognormal(20ms, 9)",
            "lognormal(20ms, -1)",
            "normal(1s, 1)",
        ] {
            assert!(text.parse::<Latency>().is_err(), "{text:?} is no latency");
        }
    }

    #[test]
    fn half_of_the_draws_are_below_the_median_and_the_tail_is_as_long_as_sigma_says() {
        let latency: Latency = "lognormal(20ms, 0.5)".parse().unwrap();
        let mut waits: Vec<Duration> = (0..10_000)
            .map(|n| latency.sample(|| (draw(1, "a", "x", n), draw(1, "b", "x", n))))
            .collect();
        waits.sort_unstable();
        let at = |share: usize| waits[10_000 * share / 1000].as_secs_f64() * 1000.0;
        assert!((19.0..21.0).contains(&at(500)), "{}", at(500));
        // One sigma up (84.1 %) is a factor of e^0.5.
        assert!((31.5..34.5).contains(&at(841)), "{}", at(841));
    }

    #[test]
    fn no_draw_is_longer_than_a_hundred_medians() {
        let latency: Latency = "lognormal(1ms, 4)".parse().unwrap();
        let wait = latency.sample(|| (0.999_999_999, 0.0));
        assert_eq!(wait, Duration::from_millis(100));
    }
}
