//! What is refused or goes wrong by chance, and when a domain is dark.

use serde::{Deserialize, Serialize};

use crate::bounds::SPAN_MAX;
use crate::clock::micros;
use crate::profile::Words;
use crate::profile::is_default;
use crate::units::{Share, Span};
use crate::world::treatment::{Act, Noise, Stage, Treatment};

/// A refusal by chance.
///
/// One with a code of 500 or more meets always the same addresses; one below is drawn anew for each
/// attempt, so that it passes. At `connect`, `hello` and `mail` no address is known: there each
/// connection is drawn, by its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Which part is refused.
    pub share: Share,
    /// Where it is said; never at `body`. Default: at `rcpt`.
    #[serde(default = "rcpt")]
    pub stage: Stage,
    /// What is said; after 421 the connection is closed.
    pub reply: Words,
    /// How often it is said to one address; without it as often as chance says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_max: Option<u32>,
}

/// Something that goes wrong by chance, drawn anew for each attempt.
///
/// At `connect`, `hello` and `mail` no address is known: there each connection is drawn, by its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mishap {
    /// At which part of the attempts.
    pub share: Share,
    /// Where it happens.
    pub stage: Stage,
    /// What happens.
    pub how: How,
    /// Only at the dot: whether the message is accepted and logged although its reply does not
    /// arrive whole. Default: no. What lets the whole reply arrive in the end always accepts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub accepts: bool,
    /// Time before it happens. Default: none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delay: Span,
    /// How often it happens to one address; without it as often as chance says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_max: Option<u32>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The normal reply, after `delay`.
    Late,
    /// The connection is closed (FIN) without a word.
    Close,
    /// The connection is reset (RST) without a word.
    Reset,
    /// The first half of the normal reply, then the connection is closed.
    Half,
    /// No answer until the client leaves, at most an hour.
    Hold,
    /// The normal reply as three lines, in odd but legal pieces.
    Split,
    /// Continuation lines without end.
    EndlessReply,
    /// A line of 10 MB, then the normal reply.
    LongLine,
    /// The normal reply without CR LF, then nothing.
    NoLineEnd,
    /// The normal reply, one byte a second.
    SlowLoris,
}

/// When a domain is dark: from `after` for `lasts`, and again every `every`, counted from the first
/// connection of the mock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// How long all is well at first. Default: no time.
    #[serde(default)]
    pub after: Span,
    /// How long it is dark.
    pub lasts: Span,
    /// From the beginning of one darkness to that of the next; longer than `lasts`. Default: once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// What darkness is like. Default: connections are closed.
    #[serde(default)]
    pub how: Dark,
}

/// What darkness is like: at RCPT for a domain, and from the greeting on at a provider's own door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dark {
    /// Connections are closed (FIN) without a word.
    #[default]
    Close,
    /// Connections are reset (RST).
    Reset,
    /// Nothing answers.
    Hold,
    /// `421 4.3.2`, and the connection is closed.
    Refuse,
}

impl Reject {
    /// Whether each attempt is drawn anew.
    pub(crate) fn is_by_attempt(&self) -> bool {
        self.reply.code() < 500 || self.times_max.is_some()
    }
}

impl Mishap {
    /// What is done to the client.
    pub(crate) fn treatment(&self) -> Treatment {
        Treatment::now(self.how.act()).not_before(self.delay.duration())
    }
}

impl How {
    /// The name in profiles.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::Half => "half",
            Self::Hold => "hold",
            Self::Split => "split",
            Self::EndlessReply => "endless_reply",
            Self::LongLine => "long_line",
            Self::NoLineEnd => "no_line_end",
            Self::SlowLoris => "slow_loris",
        }
    }

    pub(crate) const fn act(self) -> Act {
        match self {
            Self::Late => Act::Proceed,
            Self::Close => Act::Close,
            Self::Reset => Act::Reset,
            Self::Half => Act::Half,
            Self::Hold => Act::Hold,
            Self::Split => Act::Split,
            Self::EndlessReply => Act::Noise(Noise::EndlessReply),
            Self::LongLine => Act::Noise(Noise::LongLine),
            Self::NoLineEnd => Act::Noise(Noise::NoLineEnd),
            Self::SlowLoris => Act::Noise(Noise::SlowLoris),
        }
    }
}

impl Outage {
    /// Whether it is dark so long after the first connection.
    pub(crate) fn is_dark(&self, since_start_us: i64) -> bool {
        let into_us = since_start_us.saturating_sub(micros(self.after.duration()));
        let lasts_us = micros(self.lasts.duration());
        let phase_us = match self.every {
            Some(every) if into_us >= 0 => into_us % micros(every.duration()).max(1),
            _ => into_us,
        };
        (0..lasts_us).contains(&phase_us)
    }

    pub(crate) fn scaled(self, scale: u32) -> Self {
        Self {
            after: self.after.scaled(scale),
            lasts: self.lasts.scaled(scale),
            every: self.every.map(|every| every.scaled(scale)),
            how: self.how,
        }
    }

    /// Whether it ends at all.
    pub(crate) fn is_well_formed(&self) -> bool {
        let lasts = self.lasts.duration();
        !lasts.is_zero()
            && lasts <= SPAN_MAX
            && self.every.is_none_or(|every| every.duration() > lasts)
    }
}

fn rcpt() -> Stage {
    Stage::Rcpt
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    fn outage(every: Option<&str>) -> Outage {
        Outage {
            after: "30s".parse().unwrap(),
            lasts: "20s".parse().unwrap(),
            every: every.map(|text| text.parse().unwrap()),
            how: Dark::Close,
        }
    }

    fn dark_seconds(outage: &Outage) -> Vec<i64> {
        (0..200)
            .filter(|at| outage.is_dark(at * SECOND_US))
            .collect()
    }

    #[test]
    fn an_outage_is_dark_once_or_again_and_again() {
        assert_eq!(dark_seconds(&outage(None)), (30..50).collect::<Vec<_>>());
        let again = dark_seconds(&outage(Some("1m")));
        assert_eq!(
            again,
            (30..50).chain(90..110).chain(150..170).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_faster_time_shortens_an_outage() {
        let dark = dark_seconds(&outage(None).scaled(10));
        assert_eq!(dark, [3, 4]);
    }

    #[test]
    fn an_outage_must_end_before_it_comes_again() {
        assert!(outage(None).is_well_formed() && outage(Some("21s")).is_well_formed());
        assert!(!outage(Some("20s")).is_well_formed());
    }
}
