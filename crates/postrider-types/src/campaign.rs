//! A campaign: one decision to send one email to one audience under one policy.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{CampaignId, EmailId, TenantId};
use crate::state::Tally;
use crate::time::Timestamp;

/// The state of a campaign.
///
/// ```text
/// draft --start--> running --pause--> paused --resume--> running
/// draft | running | paused --cancel--> cancelled
/// running --sealed and nothing open--> finished
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum CampaignState {
    /// Created; nothing is sent yet.
    Draft = 0,
    /// Its chunks are sent as limits allow.
    Running = 1,
    /// A person stopped it for now; nothing new begins.
    Paused = 2,
    /// A person ended it; what had not begun ends `cancelled`.
    Cancelled = 3,
    /// Sealed, and nothing is pending, attempting or deferred.
    Finished = 4,
}

impl CampaignState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Running,
        Self::Paused,
        Self::Cancelled,
        Self::Finished,
    ];

    /// The name in API and command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
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

    /// Whether nothing can change it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Finished)
    }
}

impl fmt::Display for CampaignState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no state of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a state of a campaign; the states are draft, running, paused, cancelled \
         and finished"
)]
pub struct CampaignStateError(String);

impl FromStr for CampaignState {
    type Err = CampaignStateError;

    fn from_str(text: &str) -> Result<Self, CampaignStateError> {
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| CampaignStateError(text.to_owned()))
    }
}

/// What happens by itself to a delivery that is in doubt.
///
/// Only `hold` exists so far: the delivery is listed, and stays as it is until a person decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum InDoubtPolicy {
    /// Nothing: nobody gets a second copy.
    #[default]
    Hold = 0,
}

/// A campaign as its store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its owner.
    pub tenant: TenantId,
    /// Its number.
    pub id: CampaignId,
    /// Its name, unique within its tenant; 1 to 200 bytes.
    pub name: String,
    /// The email it sends.
    pub email: EmailId,
    /// Its state.
    pub state: CampaignState,
    /// Whether the audience is complete; an unsealed campaign may send, and never finishes.
    pub is_sealed: bool,
    /// What happens to deliveries in doubt.
    pub in_doubt: InDoubtPolicy,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was first started; the Date of all of its messages.
    pub started_at: Option<Timestamp>,
    /// When it was cancelled or finished.
    pub ended_at: Option<Timestamp>,
    /// How many deliveries are in each state.
    pub tally: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_number_and_by_its_name() {
        for state in CampaignState::ALL {
            assert_eq!(CampaignState::from_number(state.number()), Some(state));
            assert_eq!(state.name().parse(), Ok(state));
        }
    }
}
