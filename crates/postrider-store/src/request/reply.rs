//! What the store answers.

use postrider_types::{
    Campaign, CampaignId, ChunkId, ChunkRecipient, EmailId, LaneName, LeaseToken, RecipientId,
    Tenant, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Refused;
use crate::error::StoreError;
use crate::quarantine::Reaped;
use crate::removal::Walked;

/// The answer to a [`Request`](super::Request).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// A chunk, leased.
    Claimed(Box<Claimed>),
    /// Nothing is due; the next lane wakes at this instant, if any does.
    Idle {
        /// The earliest instant at which a claim may give something, unless new work is filed.
        next_at: Option<Timestamp>,
    },
    /// Done; for `sweep`, `unpark` and `compact`, `more` says whether a further step is needed.
    Done {
        /// Whether the same request would find more to do.
        more: bool,
    },
    /// The chunk is in, and its first recipient has this number.
    Filed {
        /// The chunk.
        chunk: ChunkId,
        /// The number of the first recipient; the others follow densely.
        first: RecipientId,
    },
    /// The campaign as it is now.
    Campaign(Box<Campaign>),
    /// Drafts that were started because their time had come.
    Started {
        /// Which; chunks of theirs are parked until `unpark`.
        campaigns: Vec<CampaignId>,
        /// When the next draft starts; not after now when there are more to start.
        next_at: Option<Timestamp>,
    },
    /// One step of `resolve`.
    Step {
        /// Deliveries that it was about and changed, or would change.
        matched: u64,
        /// Deliveries that it was about and left, because their doubt is not old enough.
        too_early: u64,
        /// Where the next step begins; `None` at the end.
        next: Option<RecipientId>,
    },
    /// The tenant as it is now.
    Tenant(Box<Tenant>),
    /// What one step of a walk did.
    Walked(Walked),
    /// What a reap did.
    Reaped(Reaped),
    /// Whether the email was new.
    Put {
        /// False when the same content was there already.
        is_new: bool,
    },
    /// The rules say no; nothing was changed.
    Refused(Refused),
    /// This one met something stored that cannot be read, and changed nothing; the others of its
    /// commit are done.
    Failed(StoreError),
}

impl Reply {
    /// The reply, or the error that it stands for.
    ///
    /// # Errors
    /// The error of [`Reply::Failed`].
    pub fn into_result(self) -> Result<Self, StoreError> {
        match self {
            Self::Failed(error) => Err(error),
            reply => Ok(reply),
        }
    }
}

/// A leased chunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// The lease.
    pub token: LeaseToken,
    /// When the lease ends unless it is extended.
    pub until: Timestamp,
    /// The chunk.
    pub chunk: ChunkId,
    /// The owner of the campaign.
    pub tenant: TenantId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The email.
    pub email: EmailId,
    /// When the campaign was started: the Date of its messages.
    pub started_at: Timestamp,
    /// When the campaign last began to run. No age counts from earlier: while it was paused, nobody
    /// could be tried.
    pub running_since: Timestamp,
    /// The lane.
    pub lane: LaneName,
    /// Who is left, all of them pending or due again.
    pub recipients: Vec<ChunkRecipient>,
}
