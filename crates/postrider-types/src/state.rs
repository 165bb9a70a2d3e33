//! The states of a delivery, and the tally of a campaign over them.
//!
//! The edges between the states are not here but in the store's `protocol`, which is the only
//! place that may take one.

use std::fmt;
use std::ops::Index;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The one current state of a delivery.
///
/// `held` is not a state: the campaign says why nothing of it can be sent now. Nothing leads to
/// `suppressed` and `capped` yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryState {
    /// Waits for its turn, its slot or its retry.
    Pending = 0,
    /// Begun, durably: the final dot may have been written, and no outcome is recorded yet.
    Attempting = 1,
    /// Refused for now, or not reached; waits until `next_attempt_at`.
    Deferred = 2,
    /// The next hop answered 2xx to the message.
    Delivered = 3,
    /// The next hop refused it for good.
    Bounced = 4,
    /// The final dot was, or may have been, sent, and no reply is known: accepted or not, we
    /// cannot know.
    InDoubt = 5,
    /// The address is on a list of those that are not to be mailed.
    Suppressed = 6,
    /// The recipient has had as much mail as the cap allows.
    Capped = 7,
    /// Older than the give-up age.
    Expired = 8,
    /// Its campaign or tenant is gone, or a person took it out, before it was begun.
    Cancelled = 9,
    /// The message cannot be built for this recipient, or the server cannot take it (its size, or
    /// an address beyond ASCII); nothing was sent.
    Failed = 10,
    /// We cannot work on it (it kills its worker); a person looks.
    Quarantined = 11,
}

impl DeliveryState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::Attempting,
        Self::Deferred,
        Self::Delivered,
        Self::Bounced,
        Self::InDoubt,
        Self::Suppressed,
        Self::Capped,
        Self::Expired,
        Self::Cancelled,
        Self::Failed,
        Self::Quarantined,
    ];

    /// The name in API, command, metrics and export: lower case with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Attempting => "attempting",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::InDoubt => "in_doubt",
            Self::Suppressed => "suppressed",
            Self::Capped => "capped",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
        }
    }

    /// The number that a store writes.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The state with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether work is left that goes on by itself: pending, attempting or deferred.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Attempting | Self::Deferred)
    }

    /// Whether a campaign that ends with this delivery is complete: everyone who should get the
    /// email has it. In doubt does not count, because nobody knows.
    pub const fn is_complete(self) -> bool {
        matches!(self, Self::Delivered | Self::Suppressed | Self::Capped)
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no state of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a state of a delivery; the states are pending, attempting, deferred, \
         delivered, bounced, in_doubt, suppressed, capped, expired, cancelled, failed and \
         quarantined"
)]
pub struct StateError(String);

impl FromStr for DeliveryState {
    type Err = StateError;

    fn from_str(text: &str) -> Result<Self, StateError> {
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| StateError(text.to_owned()))
    }
}

/// How many deliveries of a campaign are in each state.
///
/// The balance: the audience is the sum over all states, at all times. It holds because a tally
/// can only be changed by [`Tally::add`] (the audience grew) and [`Tally::shift`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally([u64; DeliveryState::ALL.len()]);

impl Tally {
    /// A tally read back from a store, indexed by [`DeliveryState::number`].
    pub const fn from_counts(counts: [u64; DeliveryState::ALL.len()]) -> Self {
        Self(counts)
    }

    /// The counts by [`DeliveryState::number`].
    pub const fn counts(&self) -> &[u64; DeliveryState::ALL.len()] {
        &self.0
    }

    /// `count` more recipients, in `state`.
    pub fn add(&mut self, state: DeliveryState, count: u64) {
        self.0[usize::from(state.number())] += count;
    }

    /// One delivery goes from one state to another.
    pub fn shift(&mut self, from: DeliveryState, to: DeliveryState) {
        let left = &mut self.0[usize::from(from.number())];
        *left = left
            .checked_sub(1)
            .expect("a delivery leaves a state that it was counted in");
        self.0[usize::from(to.number())] += 1;
    }

    /// All deliveries: the size of the audience.
    pub fn audience(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Deliveries on which work is left: pending, attempting and deferred.
    pub fn open(&self) -> u64 {
        DeliveryState::ALL
            .into_iter()
            .filter(|s| s.is_open())
            .map(|s| self[s])
            .sum()
    }

    /// Whether any delivery ended other than delivered, suppressed or capped.
    pub fn is_incomplete(&self) -> bool {
        DeliveryState::ALL
            .into_iter()
            .any(|s| !s.is_open() && !s.is_complete() && self[s] > 0)
    }
}

impl Index<DeliveryState> for Tally {
    type Output = u64;

    fn index(&self, state: DeliveryState) -> &u64 {
        &self.0[usize::from(state.number())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_number_and_by_its_name() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::from_number(state.number()), Some(state));
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert_eq!(DeliveryState::from_number(12), None);
    }

    #[test]
    fn shifting_keeps_the_balance() {
        let mut tally = Tally::default();
        tally.add(DeliveryState::Pending, 3);
        tally.shift(DeliveryState::Pending, DeliveryState::Attempting);
        tally.shift(DeliveryState::Attempting, DeliveryState::Delivered);
        assert_eq!(tally.audience(), 3);
        assert_eq!(tally.open(), 2);
        assert!(!tally.is_incomplete());
    }

    #[test]
    fn a_delivery_in_doubt_makes_a_campaign_incomplete() {
        let mut tally = Tally::default();
        tally.add(DeliveryState::Delivered, 1);
        tally.add(DeliveryState::InDoubt, 1);
        assert_eq!(tally.open(), 0);
        assert!(tally.is_incomplete());
    }
}
