//! Campaigns: what is sent to whom, and how far it is.

use std::collections::BTreeMap;
use std::fmt;

use postrider_types::{
    CampaignId, CampaignState, DeliveryState, EmailId, InDoubtPolicy, PauseReason,
};
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The body of `POST /v1/campaigns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCampaign {
    /// Its name, unique; 1 to 200 bytes.
    pub name: String,
    /// The email it sends, which must have been put.
    #[serde(with = "crate::text")]
    pub email_id: EmailId,
    /// Whose it is; `default` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What happens to deliveries in doubt; `in_doubt.policy` of the configuration unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_doubt: Option<InDoubtPolicy>,
    /// When it starts by itself; without a time it waits to be started. A time that is over
    /// means at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Time>,
}

impl NewCampaign {
    /// One of the tenant `default` that waits to be started, with the policy of the service.
    pub fn new(name: impl Into<String>, email_id: EmailId) -> Self {
        Self {
            name: name.into(),
            email_id,
            tenant: None,
            in_doubt: None,
            send_at: None,
        }
    }
}

/// The body of `POST /v1/campaigns/{id}/schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleCampaign {
    /// When the draft starts by itself; `null`: not before a person starts it. It must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    pub send_at: Option<Time>,
}

/// A campaign as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its id.
    #[serde(with = "crate::text")]
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// The email it sends.
    #[serde(with = "crate::text")]
    pub email_id: EmailId,
    /// Its state.
    pub state: CampaignState,
    /// Whether the audience is complete. An unsealed campaign may send, and never finishes.
    pub is_sealed: bool,
    /// How many recipients it has: the sum of the tally.
    pub audience: u64,
    /// How many deliveries are in each state; every state is there.
    pub tally: BTreeMap<DeliveryState, u64>,
    /// Whether any delivery ended other than delivered, suppressed or capped.
    pub is_incomplete: bool,
    /// Why nothing of it can be sent now, whatever its limits say; empty when nothing hinders.
    #[serde(default)]
    pub held: Vec<Held>,
    /// What happens to deliveries in doubt.
    #[serde(default)]
    pub in_doubt: InDoubtPolicy,
    /// How old a doubt must be before its delivery may be sent again.
    #[serde(default)]
    pub in_doubt_retry_after_seconds: u64,
    /// When a draft starts by itself.
    #[serde(default)]
    pub send_at: Option<Time>,
    /// Why it is paused, or why a draft does not start at its time.
    #[serde(default)]
    pub paused_because: Option<PauseReason>,
    /// The number of the tenant whose it is; 1 is `default`.
    #[serde(default)]
    pub tenant_id: u32,
    /// When it was created.
    pub created_at: Time,
    /// When it was first started.
    pub started_at: Option<Time>,
    /// When it was cancelled or finished.
    pub ended_at: Option<Time>,
}

impl Campaign {
    /// How many deliveries are in `state`.
    pub fn count(&self, state: DeliveryState) -> u64 {
        self.tally.get(&state).copied().unwrap_or(0)
    }

    /// Deliveries on which work is left: pending, attempting and deferred.
    pub fn open(&self) -> u64 {
        let open = self.tally.iter().filter(|(state, _)| state.is_open());
        open.map(|(_, count)| count).sum()
    }
}

/// What holds up a running campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What kind of thing it is.
    pub reason: HeldReason,
    /// A sentence for people.
    pub detail: String,
    /// Since when, where that is known.
    pub since: Option<Time>,
}

/// What kind of thing holds up a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldReason {
    /// The relay cannot be used.
    Route,
    /// The store cannot record, and nothing is sent that could not be recorded.
    Store,
    /// The service is draining.
    Draining,
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Route => "route",
            Self::Store => "store",
            Self::Draining => "draining",
        })
    }
}

/// A change that a person makes to a campaign: `POST /v1/campaigns/{id}/<verb>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignVerb {
    /// The audience is complete.
    Seal,
    /// Begin to send.
    Start,
    /// Begin nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Never begin anything again.
    Cancel,
}

impl CampaignVerb {
    /// All verbs.
    pub const ALL: [Self; 5] = [
        Self::Seal,
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
    ];

    /// The verb as it stands in the path and in commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    /// What changes a campaign that is in `state`; a verb whose effect is there already is taken
    /// too, and changes nothing.
    pub const fn allowed(state: CampaignState) -> &'static [Self] {
        match state {
            CampaignState::Draft => &[Self::Seal, Self::Start, Self::Cancel],
            CampaignState::Running => &[Self::Seal, Self::Pause, Self::Cancel],
            CampaignState::Paused => &[Self::Seal, Self::Resume, Self::Cancel],
            CampaignState::Cancelled | CampaignState::Finished => &[],
        }
    }
}

impl fmt::Display for CampaignVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What came of an audience that was posted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeReport {
    /// Lines with a recipient, good or bad.
    pub lines: u64,
    /// Recipients that are in the audience now because of this call; they are durable.
    pub accepted: u64,
    /// Lines whose address was in the audience already.
    pub duplicates: u64,
    /// Lines that were refused.
    pub bad: u64,
    /// The first of the bad lines, as many as `intake.errors_max` says; `bad` counts all of them.
    pub errors: Vec<BadLine>,
    /// Whether the audience is sealed now.
    pub is_sealed: bool,
}

/// A line of an audience that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Its number in the file, from 1; the header of a CSV file is line 1.
    pub line: u64,
    /// A stable name for programs, such as `missing_at_sign`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}
