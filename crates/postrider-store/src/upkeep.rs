//! The operations of a backend that only upkeep needs: tenants, walks over what waits, quarantine,
//! retention and erasure. They are as dumb as the others (see [`Tables`](crate::Tables)), and act
//! in the same transaction.

use postrider_types::{
    Address, AddressKey, CampaignId, ChunkId, DeliveryId, EmailId, LeaseToken, RecipientId, Tenant,
    TenantId, Timestamp, WorkerId,
};

use crate::answers::Answer;
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Within};

/// Rows by key, and the orders in which walks look for them.
pub trait Upkeep {
    /// The key of Message-IDs and of what stands for erased addresses.
    fn message_key(&self) -> [u8; 32];

    /// A tenant that was created; not the one that every store has.
    ///
    /// # Errors
    /// Here and below: [`StoreError`] when the backend cannot read or write. The caller gives up
    /// the whole batch.
    fn tenant(&mut self, tenant: TenantId) -> Result<Option<Tenant>, StoreError>;
    /// A tenant that is not deleted, by name.
    fn tenant_named(&mut self, name: &str) -> Result<Option<TenantId>, StoreError>;
    /// Writes a tenant.
    fn put_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;

    /// Keeps an answer as the newest, in the place of one under the same key.
    fn put_answer(&mut self, answer: &Answer) -> Result<(), StoreError>;
    /// Of the `limit` oldest answers, forgets those from before an instant, and those that are not
    /// among the newest `keep`.
    fn trim_answers(
        &mut self,
        before: Timestamp,
        keep: usize,
        limit: usize,
    ) -> Result<(), StoreError>;

    /// Up to `limit` campaigns with a number from `from` on, lowest first.
    fn all_campaigns(
        &mut self,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError>;
    /// The same, of one tenant.
    fn campaigns_of(
        &mut self,
        tenant: TenantId,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError>;
    /// The same, of those that send one email.
    fn campaigns_sending(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError>;
    /// Forgets an email.
    fn delete_email(&mut self, tenant: TenantId, email: EmailId) -> Result<(), StoreError>;
    /// What is known against an email.
    fn suspect_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
    ) -> Result<Option<SuspectEmail>, StoreError>;
    /// Writes what is known against an email.
    fn put_suspect_email(&mut self, suspect: &SuspectEmail) -> Result<(), StoreError>;
    /// Forgets what is known against an email.
    fn forget_suspect_email(&mut self, tenant: TenantId, email: EmailId) -> Result<(), StoreError>;
    /// Forgets a receipt.
    fn delete_receipt(&mut self, delivery: DeliveryId) -> Result<(), StoreError>;
    /// Of up to `limit` entries of the log after number `after`, deletes those without a receipt.
    /// Answers with how many, and with the number to go on after.
    fn trim_log(&mut self, after: u64, limit: usize) -> Result<(u64, Option<u64>), StoreError>;
    /// Of up to `limit` entries of the log after number `after`, replaces the text by
    /// [`ERASED_TEXT`](crate::removal::ERASED_TEXT) where the receipt has the address
    /// `stands_for`. Answers with the number to go on after.
    fn erase_log(
        &mut self,
        tenant: TenantId,
        stands_for: &Address,
        after: u64,
        limit: usize,
    ) -> Result<Option<u64>, StoreError>;
    /// The chunk that a delivery was filed with by the batcher, if it is there and readable.
    fn home(&mut self, delivery: DeliveryId) -> Result<Option<ChunkRow>, StoreError>;
    /// The numbers of a chunk's recipients, in order, without reading the rest of them; of one that
    /// is missing, none.
    fn numbers(&mut self, chunk: ChunkId) -> Result<Vec<RecipientId>, StoreError>;
    /// Writes the recipients of a chunk again, with other addresses and variables.
    fn rewrite_chunk(&mut self, chunk: &ChunkRow) -> Result<(), StoreError>;
    /// Forgets a chunk.
    fn delete_chunk(&mut self, chunk: ChunkId) -> Result<(), StoreError>;
    /// Up to `limit` chunks of a campaign with a number above `after`, lowest first, and whether
    /// each was refiled rather than filed by the batcher.
    fn chunks_of(
        &mut self,
        campaign: CampaignId,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<(ChunkId, bool)>, StoreError>;
    /// Moves a chunk that cannot be read out of the chunks, and keeps its bytes.
    fn set_chunk_aside(&mut self, chunk: &QuarantinedChunk) -> Result<(), StoreError>;
    /// Forgets one chunk of a tenant that was set aside.
    fn forget_chunk_aside(&mut self, tenant: TenantId, chunk: ChunkId) -> Result<(), StoreError>;
    /// Forgets the chunks of a campaign that were set aside.
    fn forget_chunks_aside(&mut self, campaign: CampaignId) -> Result<(), StoreError>;
    /// Forgets the bytes that were set aside for a tenant where they hold an address.
    fn erase_aside(&mut self, tenant: TenantId, key: &AddressKey) -> Result<(), StoreError>;
    /// Up to `limit` queued chunks with a number above `after`, lowest first.
    fn queued(
        &mut self,
        within: &Within,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError>;
    /// Up to `limit` parked chunks with a number above `after`, lowest first.
    fn parked(
        &mut self,
        within: &Within,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError>;
    /// Up to `limit` leases of chunks within, with a token above `after`, lowest first.
    fn leases(
        &mut self,
        within: &Within,
        after: LeaseToken,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError>;
    /// Up to `limit` leases of one worker, lowest token first.
    fn leases_of_worker(
        &mut self,
        worker: WorkerId,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError>;
}
