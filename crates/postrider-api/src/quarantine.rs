//! The quarantine: what cannot be worked on, why, and the way back.

use postrider_types::EmailId;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The answer of `GET /v1/quarantine`. Single recipients in quarantine are receipts of their
/// campaign in state `quarantined`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Emails of which too many recipients were quarantined, or that cannot be read; all
    /// campaigns that send them are paused.
    pub emails: Vec<QuarantinedEmail>,
    /// Chunks that could not be read.
    pub chunks: Vec<QuarantinedChunk>,
    /// Campaigns with recipients in quarantine, and how many, among the newest 100 campaigns.
    pub campaigns: Vec<QuarantinedCampaign>,
}

/// An email in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedEmail {
    /// The email.
    #[serde(with = "crate::text")]
    pub email_id: EmailId,
    /// Recipients of it that were quarantined one by one.
    pub recipients: u32,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Option<Time>,
}

/// A chunk that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedChunk {
    /// Its number.
    pub chunk: u64,
    /// Its campaign.
    pub campaign_id: String,
    /// What is wrong with it.
    pub reason: String,
    /// Since when.
    pub since: Time,
    /// Bytes that are kept aside for whoever wants to look into them.
    pub bytes: u64,
}

/// A campaign with recipients in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedCampaign {
    /// The campaign.
    pub campaign_id: String,
    /// Its name.
    pub name: String,
    /// How many recipients.
    pub recipients: u64,
}

/// The answer to letting an email out of quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    /// Deliveries that left the quarantine.
    pub matched: u64,
}
