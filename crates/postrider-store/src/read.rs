//! Cold matters: what people and the API look at, and the body of an email.
//!
//! Reading never waits for the writer and never holds it up. Every listing is a page by key, so
//! its cost is that of the page, not of what lies behind it; only who asks for receipts by address
//! or by state also pays for those that are passed over.

use bytes::Bytes;
use postrider_types::{
    AddressKey, Campaign, CampaignId, ChunkId, DeliveryId, DeliveryState, EmailId, LaneName,
    LogEntry, Receipt, RecipientId, Tenant, TenantId, Timestamp,
};

use crate::answers::Answer;
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::rows::ChunkRow;

/// Reads of a store, from any thread; each is short, and blocks.
///
/// What only the service itself reads has a body here that says so: a worker's reader, which goes
/// over a socket, and readers of tests leave it out.
pub trait Reader: Send + Sync {
    /// The key of all Message-IDs: random, made with the store, never changed.
    fn message_key(&self) -> [u8; 32];

    /// The stored form of an email.
    ///
    /// # Errors
    /// Here and below: [`StoreError`] when the backend cannot read.
    fn email(&self, tenant: TenantId, email: EmailId) -> Result<Option<Bytes>, StoreError>;

    /// A campaign by number.
    fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>, StoreError>;

    /// A campaign by name.
    fn campaign_named(&self, tenant: TenantId, name: &str) -> Result<Option<Campaign>, StoreError>;

    /// Up to `limit` campaigns with a number below `before`, newest first. One whose row cannot be
    /// read is left out, and told in the log.
    fn campaigns(
        &self,
        tenant: TenantId,
        before: Option<CampaignId>,
        limit: usize,
    ) -> Result<Vec<Campaign>, StoreError>;

    /// How many campaigns listings left out, because their rows cannot be read.
    fn unreadable_campaigns(&self) -> usize {
        0
    }

    /// Up to `limit` receipts of a campaign with a number from `from` on, in order of number,
    /// only those in `state` if one is given. Deliveries that were never touched have none.
    fn receipts(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: RecipientId,
        state: Option<DeliveryState>,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError>;

    /// Up to `limit` chunks of a campaign as the batcher filed them, in order of their first
    /// number, from the one that holds `from` on: the whole audience, touched or not.
    fn audience(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: RecipientId,
        limit: usize,
    ) -> Result<Vec<ChunkRow>, StoreError>;

    /// The receipts of one address over all campaigns, newest campaign first, at most `limit`.
    fn receipts_of(
        &self,
        tenant: TenantId,
        address: &AddressKey,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError>;

    /// Up to `limit` entries of the attempt log with a number above `after`.
    fn log(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError>;

    /// How large an email is in its stored form, told without loading it.
    fn email_bytes(&self, tenant: TenantId, email: EmailId) -> Result<Option<u64>, StoreError> {
        let _ = (tenant, email);
        Err(StoreError::Elsewhere)
    }

    /// Whether an email is kept, or a campaign sends it although it is not.
    fn has_email(&self, tenant: TenantId, email: EmailId) -> Result<bool, StoreError> {
        let _ = (tenant, email);
        Err(StoreError::Elsewhere)
    }

    /// Whether anything waits in a lane, or ever did.
    fn has_lane(&self, lane: &LaneName) -> Result<bool, StoreError> {
        let _ = lane;
        Err(StoreError::Elsewhere)
    }

    /// Up to `limit` entries of the attempt log about one delivery, oldest first: its history.
    fn history(&self, delivery: DeliveryId, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let _ = (delivery, limit);
        Err(StoreError::Elsewhere)
    }

    /// Up to `limit` tenants with a number above `after`, lowest first, deleted ones too.
    fn tenants(&self, after: TenantId, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        let _ = (after, limit);
        Err(StoreError::Elsewhere)
    }

    /// The answer that is kept under a key.
    fn answer(&self, key: &[u8; 32]) -> Result<Option<Answer>, StoreError> {
        let _ = key;
        Err(StoreError::Elsewhere)
    }

    /// The tenant with a name; none that is deleted.
    fn tenant_named(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        let _ = name;
        Err(StoreError::Elsewhere)
    }

    /// What is known against an email; `None` when nothing is.
    fn suspect_email(
        &self,
        tenant: TenantId,
        email: EmailId,
    ) -> Result<Option<SuspectEmail>, StoreError> {
        let _ = (tenant, email);
        Err(StoreError::Elsewhere)
    }

    /// Up to `limit` quarantined emails with an id above `after`, in order of id.
    fn quarantined_emails(
        &self,
        tenant: TenantId,
        after: Option<EmailId>,
        limit: usize,
    ) -> Result<Vec<SuspectEmail>, StoreError> {
        let _ = (tenant, after, limit);
        Err(StoreError::Elsewhere)
    }

    /// Up to `limit` chunks that could not be read, with a number above `after`, lowest first.
    fn quarantined_chunks(
        &self,
        tenant: TenantId,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QuarantinedChunk>, StoreError> {
        let _ = (tenant, after, limit);
        Err(StoreError::Elsewhere)
    }

    /// What waits, by lane: up to `limit` lanes, longest queue first.
    fn lanes(&self, limit: usize) -> Result<Vec<LaneShape>, StoreError>;
}

/// One lane as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneShape {
    /// Its name.
    pub lane: LaneName,
    /// Chunks that wait in its queue.
    pub chunks: u64,
    /// When its first chunk is due.
    pub due_at: Option<Timestamp>,
    /// Its limits say: not before this instant.
    pub not_until: Timestamp,
}
