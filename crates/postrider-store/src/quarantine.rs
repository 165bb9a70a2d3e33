//! The words of what cannot be worked on: suspects, deaths and quarantine.

use postrider_types::{CampaignId, ChunkId, DeliveryId, EmailId, RecipientId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// Who may have killed the worker whose leases are reaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suspects {
    /// Nobody: a lease ran out, and as far as is known nothing died of its work.
    Nobody,
    /// The worker died with these in hand, at most one for each of its connections.
    These(Vec<DeliveryId>),
    /// The worker died, and nobody knows what it had in hand.
    Unknown,
}

/// What one reap did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaped {
    /// Leases that it ended.
    pub leases: u64,
    /// Deliveries that were begun, and are in doubt.
    pub in_doubt: u64,
    /// Deliveries that wait again.
    pub refiled: u64,
    /// Deliveries that it quarantined.
    pub quarantined: u64,
    /// Whether the same request would find more to do.
    pub more: bool,
}

/// What a worker cannot work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// One recipient of the leased chunk.
    Recipient(RecipientId),
    /// The leased chunk.
    Chunk,
    /// The email of the leased chunk: all campaigns that send it are paused.
    Email,
}

/// How something leaves the quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lift {
    /// It is tried again; campaigns stay paused until a person resumes them.
    Release,
    /// It ends cancelled, and with it the campaigns of an email.
    Discard,
}

/// What is known against an email: recipients of it that were quarantined, and whether it is
/// quarantined itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspectEmail {
    /// Its owner.
    pub tenant: TenantId,
    /// The email.
    pub email: EmailId,
    /// Recipients of it that were quarantined one by one.
    pub recipients: u32,
    /// Why it is quarantined; empty while it is not.
    pub reason: String,
    /// Since when it is quarantined; `None` while it is not.
    pub since: Option<Timestamp>,
}

/// A chunk that could not be read, and was taken out of every queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedChunk {
    /// Its number.
    pub chunk: ChunkId,
    /// The owner of its campaign.
    pub tenant: TenantId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// What is wrong with it.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Bytes that are kept aside for whoever wants to look into them.
    pub bytes: u64,
}
