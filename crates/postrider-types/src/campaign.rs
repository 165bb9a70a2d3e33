//! A campaign: one decision to send one email to one audience under one policy.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{CampaignId, EmailId, TenantId};
use crate::state::Tally;
use crate::time::Timestamp;

/// The state of a campaign.
///
/// ```text
/// draft --start, or its time comes--> running --pause--> paused --resume--> running
/// draft | running | paused --cancel--> cancelled
/// running --sealed and nothing open--> finished
/// finished | cancelled --retry by a person--> running
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum CampaignState {
    /// Created; nothing is sent before a person starts it, or its time (`send_at`) comes.
    Draft = 0,
    /// Its chunks are sent as limits allow.
    Running = 1,
    /// A person stopped it for now; nothing new begins.
    Paused = 2,
    /// A person ended it; what had not begun ends `cancelled`.
    Cancelled = 3,
    /// Sealed, and nothing is pending, attempting or deferred; under the policy `retry`, nothing
    /// is in doubt either.
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

    /// Whether it is over: nothing is sent any more, unless a person retries some of it.
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
/// A late outcome settles the doubt under every policy, and so may a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum InDoubtPolicy {
    /// Nothing: it is listed, and stays as it is until somebody decides. Nobody gets a second
    /// copy.
    #[default]
    Hold = 0,
    /// It is sent once more, under the same Message-ID, when the doubt is old enough for every
    /// trace of the first try to be over. Who had got the first copy gets a second one.
    Retry = 1,
    /// It counts as delivered at once. Who had not got the first copy gets none.
    AssumeDelivered = 2,
}

impl InDoubtPolicy {
    /// All policies, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Hold, Self::Retry, Self::AssumeDelivered];

    /// The name in API and command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Retry => "retry",
            Self::AssumeDelivered => "assume_delivered",
        }
    }

    /// The number that a store writes.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The policy with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for InDoubtPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a policy for deliveries in doubt; the policies are hold, retry and \
         assume_delivered"
)]
pub struct InDoubtPolicyError(String);

impl FromStr for InDoubtPolicy {
    type Err = InDoubtPolicyError;

    fn from_str(text: &str) -> Result<Self, InDoubtPolicyError> {
        let found = Self::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| InDoubtPolicyError(text.to_owned()))
    }
}

/// Why a campaign is held up: it begins nothing until a person lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PauseReason {
    /// A person paused it.
    Person = 0,
    /// Its email is quarantined.
    Quarantine = 1,
    /// The store does not know what was sent last: it is a restored backup, or lost its log.
    Restored = 2,
    /// Its email was quarantined, and was released by a person.
    Released = 3,
}

impl PauseReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::Person,
        Self::Quarantine,
        Self::Restored,
        Self::Released,
    ];

    /// The name in API and command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Quarantine => "quarantine",
            Self::Restored => "restored",
            Self::Released => "released",
        }
    }

    /// The number that a store writes.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The reason with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A campaign as its store knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How old a doubt must be before its delivery may be sent again, by the policy `retry` or by
    /// a person: longer than any trace of the first try lasts.
    pub in_doubt_retry_after: Duration,
    /// When a draft starts by itself; a draft without one waits for a person.
    pub send_at: Option<Timestamp>,
    /// Why it is paused, or why a draft with a time does not start by itself.
    pub paused_because: Option<PauseReason>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was first started; the Date of all of its messages.
    pub started_at: Option<Timestamp>,
    /// When it last began to run: started, resumed, or retried when it was over. Nobody is given up
    /// for the time before.
    pub running_since: Option<Timestamp>,
    /// When it was cancelled or finished.
    pub ended_at: Option<Timestamp>,
    /// When retention deleted its receipts, chunks and log; the tally tells what they said.
    pub retained_at: Option<Timestamp>,
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

    #[test]
    fn every_policy_is_found_by_its_number_and_by_its_name() {
        for policy in InDoubtPolicy::ALL {
            assert_eq!(InDoubtPolicy::from_number(policy.number()), Some(policy));
            assert_eq!(policy.name().parse(), Ok(policy));
        }
        let error = "drop".parse::<InDoubtPolicy>().unwrap_err().to_string();
        assert!(
            error.contains("hold, retry and assume_delivered"),
            "{error}"
        );
    }

    #[test]
    fn every_reason_of_a_pause_is_found_by_its_number() {
        for reason in PauseReason::ALL {
            assert_eq!(PauseReason::from_number(reason.number()), Some(reason));
        }
    }
}
