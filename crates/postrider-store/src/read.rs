//! Cold matters: what people and the API look at, and the body of an email.
//!
//! Reading never waits for the writer and never holds it up. Every listing is a page by key, so
//! its cost is that of the page, not of what lies behind it; only who asks for receipts by address
//! or by state also pays for those that are passed over.

use bytes::Bytes;
use postrider_types::{
    AddressKey, Campaign, CampaignId, DeliveryState, EmailId, LogEntry, Receipt, RecipientId,
    TenantId, Timestamp,
};

use crate::error::StoreError;
use crate::rows::ChunkRow;

/// Reads of a store, from any thread; each is short, and blocks.
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

    /// Up to `limit` campaigns with a number below `before`, newest first.
    fn campaigns(
        &self,
        tenant: TenantId,
        before: Option<CampaignId>,
        limit: usize,
    ) -> Result<Vec<Campaign>, StoreError>;

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

    /// What waits, by lane: up to `limit` lanes, longest queue first.
    fn lanes(&self, limit: usize) -> Result<Vec<LaneShape>, StoreError>;
}

/// One lane as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneShape {
    /// Its name.
    pub lane: postrider_types::LaneName,
    /// Chunks that wait in its queue.
    pub chunks: u64,
    /// When its first chunk is due.
    pub due_at: Option<Timestamp>,
    /// Its limits say: not before this instant.
    pub not_until: Timestamp,
}
