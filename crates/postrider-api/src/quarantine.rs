//! The quarantine: what cannot be worked on, why, and the way back.

use postrider_types::{CampaignState, EmailId};
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A page of `GET /v1/quarantine`: first emails, then chunks, then campaigns. Single recipients in
/// quarantine are receipts of their campaign in state `quarantined`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Emails of which too many recipients were quarantined, or that cannot be read; all
    /// campaigns that send them are paused.
    pub emails: Vec<QuarantinedEmail>,
    /// Chunks that could not be read.
    pub chunks: Vec<QuarantinedChunk>,
    /// Campaigns with recipients in quarantine, and how many; newest first.
    pub campaigns: Vec<QuarantinedCampaign>,
    /// Whether another page follows. A page may have few entries, or none, although one does.
    #[serde(default)]
    pub has_more: bool,
    /// The cursor of the next page: hand it back as it is. `None` on the last one.
    #[serde(default)]
    pub next: Option<String>,
}

/// An email in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedEmail {
    /// The email.
    #[serde(with = "crate::text")]
    pub email_id: EmailId,
    /// Recipients of it that were quarantined one by one.
    pub recipients: u32,
    /// Workers that died while they prepared it.
    #[serde(default)]
    pub deaths: u32,
    /// Why; empty while it is only suspected.
    pub reason: String,
    /// Since when; `None` while it is only suspected.
    pub since: Option<Time>,
}

/// What is known against one email: the answer of `GET /v1/quarantine/emails/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailRecord {
    /// The email, which may be only suspected.
    pub email: QuarantinedEmail,
    /// Campaigns that send it, newest first, at most 100.
    pub campaigns: Vec<EmailCampaign>,
}

/// A campaign that sends an email in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailCampaign {
    /// The campaign.
    pub campaign_id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: CampaignState,
    /// How many recipients are in quarantine.
    pub quarantined: u64,
    /// How many wait: pending or deferred.
    pub waiting: u64,
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

/// The body of `POST /v1/quarantine/…/release` and `…/discard`; without a body it is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftRequest {
    /// Only count.
    #[serde(default)]
    pub is_dry_run: bool,
}

/// The answer to letting something out of quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    /// Deliveries that it changed, or would: those that left the quarantine, and with a discarded
    /// email those that waited too.
    pub matched: u64,
    /// Whether nothing was changed.
    #[serde(default)]
    pub is_dry_run: bool,
}
