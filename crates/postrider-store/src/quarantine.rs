//! The words of what cannot be worked on: suspects, deaths and quarantine.

use postrider_types::{
    CampaignId, ChunkId, DeliveryId, EmailId, RecipientId, TenantId, Timestamp, WorkerId,
};
use serde::{Deserialize, Serialize};

/// Who may have killed the worker whose leases are reaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suspects {
    /// Nobody: a lease ran out, and as far as is known nothing died of its work.
    Nobody,
    /// The worker died with these in hand; at most [`SUSPECTS_MAX`](crate::bounds::SUSPECTS_MAX),
    /// or the whole request is refused. One that is open counts only while a lease of the worker
    /// holds it; one that is deadly is judged wherever it is.
    These(Vec<Suspect>),
    /// The worker died, and nobody knows what it had in hand.
    Unknown,
}

/// What a worker had in hand when it died, and what is known of it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// What it is.
    pub what: Held,
    /// What its trial showed.
    pub verdict: Verdict,
}

/// What a worker may hold that can kill it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Held {
    /// A delivery whose message was being rendered.
    Delivery(DeliveryId),
    /// An email that was being loaded or prepared, and its owner.
    Email(TenantId, EmailId),
}

/// What came of trying a suspect in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Nobody knows: it survived, or could not be tried. The death counts against it.
    Open,
    /// It killed that process too, and is quarantined at once. Holds the reason for people, which
    /// is kept as far as the text of a reply is.
    Deadly(String),
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
    /// Emails that it quarantined.
    pub emails: u64,
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

/// What is known against an email: recipients of it that were quarantined, workers that died of
/// it, and whether it is quarantined itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspectEmail {
    /// Its owner.
    pub tenant: TenantId,
    /// The email.
    pub email: EmailId,
    /// Recipients of it that were quarantined one by one.
    pub recipients: u32,
    /// Workers that died while they prepared it, each once, however often their death is told; at
    /// most [`EMAIL_DEATHS_MAX`](crate::bounds::EMAIL_DEATHS_MAX), which quarantine it.
    pub deaths: Vec<WorkerId>,
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

/// How the reason begins of everybody who was quarantined because this chunk cannot be read; so
/// they can be selected by it.
pub fn chunk_reason(chunk: ChunkId) -> String {
    format!("its chunk {chunk} cannot be read")
}
