//! The keyed operations that a backend offers to the rules.
//!
//! They are deliberately dumb: no rule of the life of a delivery is known here, so a backend
//! cannot get one wrong. All of them act inside one transaction, which the backend commits after
//! the batch, or rolls back as a whole.

use bytes::Bytes;
use postrider_types::{
    Campaign, CampaignId, ChunkId, DeliveryId, EmailId, LaneName, LeaseToken, Receipt, TenantId,
    Timestamp, WorkerId,
};

use crate::error::StoreError;
use crate::rows::{ChunkRow, LaneRow, LeaseRow, LogRow, Look, QueueRow, Sequence};
use crate::share::Share;
use crate::upkeep::Upkeep;

/// Rows by key, and the few orders in which the rules look for them.
pub trait Tables: Upkeep {
    /// The next number of a sequence, from 1; a number is never given twice, also not after a
    /// restart.
    ///
    /// # Errors
    /// Here and below: [`StoreError`] when the backend cannot read or write. The caller gives up
    /// the whole batch.
    fn next(&mut self, sequence: Sequence) -> Result<u64, StoreError>;

    /// A campaign by number.
    fn campaign(&mut self, campaign: CampaignId) -> Result<Option<Campaign>, StoreError>;
    /// A campaign by name.
    fn campaign_named(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<CampaignId>, StoreError>;
    /// Up to `limit` drafts whose `send_at` is not after `now`, earliest first; none that is held
    /// up (`paused_because`).
    fn drafts_due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<CampaignId>, StoreError>;
    /// The earliest `send_at` of all drafts that are not held up.
    fn next_send_at(&mut self) -> Result<Option<Timestamp>, StoreError>;
    /// Writes a campaign.
    fn put_campaign(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// Whether an email is kept.
    fn has_email(&mut self, tenant: TenantId, email: EmailId) -> Result<bool, StoreError>;
    /// Keeps an email.
    fn put_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        content: &Bytes,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The receipt of a delivery that was ever touched.
    fn receipt(&mut self, delivery: DeliveryId) -> Result<Option<Receipt>, StoreError>;
    /// Up to `limit` receipts of a campaign with a number from that of `from` on, in order.
    fn receipts_from(&mut self, from: DeliveryId, limit: usize)
    -> Result<Vec<Receipt>, StoreError>;
    /// Writes a receipt.
    fn put_receipt(&mut self, receipt: &Receipt) -> Result<(), StoreError>;
    /// Appends to the attempt log under the next number.
    fn append_log(&mut self, entry: &LogRow) -> Result<(), StoreError>;

    /// What is stored under a chunk's number.
    fn look_at(&mut self, chunk: ChunkId) -> Result<Look, StoreError>;
    /// A chunk that must be there, or must not; one that cannot be read is an error.
    fn chunk(&mut self, chunk: ChunkId) -> Result<Option<ChunkRow>, StoreError> {
        match self.look_at(chunk)? {
            Look::Whole(chunk) => Ok(Some(chunk)),
            Look::Missing => Ok(None),
            Look::Unreadable(found) => Err(StoreError::Corrupt {
                what: format!("chunk {chunk} ({})", found.what),
            }),
        }
    }
    /// Writes a new chunk.
    fn put_chunk(&mut self, chunk: &ChunkRow) -> Result<(), StoreError>;
    /// Puts a chunk into the queue of its lane.
    fn enqueue(&mut self, entry: &QueueRow) -> Result<(), StoreError>;
    /// Takes a chunk out of the queue of its lane.
    fn dequeue(&mut self, entry: &QueueRow) -> Result<(), StoreError>;
    /// The chunk of a lane that is due first; of equal ones the lower number.
    fn first_in_lane(&mut self, lane: &LaneName) -> Result<Option<QueueRow>, StoreError>;
    /// Sets every queue entry that is due at [`Timestamp::NEVER`] to `now`.
    fn wake_queue(&mut self, now: Timestamp) -> Result<(), StoreError>;

    /// The queue entry of a chunk, if it is queued.
    fn queued_chunk(
        &mut self,
        campaign: CampaignId,
        chunk: ChunkId,
    ) -> Result<Option<QueueRow>, StoreError>;

    /// Keeps a chunk of a campaign that does not run.
    fn park(&mut self, entry: &QueueRow) -> Result<(), StoreError>;
    /// Forgets a parked chunk.
    fn unpark(&mut self, entry: &QueueRow) -> Result<(), StoreError>;
    /// The entry of a chunk, if it is parked.
    fn parked_chunk(
        &mut self,
        campaign: CampaignId,
        chunk: ChunkId,
    ) -> Result<Option<QueueRow>, StoreError>;

    /// A lane that was ever used.
    fn lane(&mut self, lane: &LaneName) -> Result<Option<LaneRow>, StoreError>;
    /// Writes a lane.
    fn put_lane(&mut self, lane: &LaneRow) -> Result<(), StoreError>;
    /// The lane with the lowest turn that is in `share` and not in `skip`.
    fn lane_in_turn(
        &mut self,
        skip: &[LaneName],
        share: Share,
    ) -> Result<Option<LaneRow>, StoreError>;
    /// Up to `limit` lanes whose `wake_at` is not after `now`, earliest first.
    fn lanes_to_wake(&mut self, now: Timestamp, limit: usize) -> Result<Vec<LaneRow>, StoreError>;
    /// The earliest `wake_at` of all lanes.
    fn next_wake(&mut self) -> Result<Option<Timestamp>, StoreError>;
    /// For every lane that is queued for: no `not_until`, and to be looked at `now`.
    fn wake_lanes(&mut self, now: Timestamp) -> Result<(), StoreError>;

    /// A lease that has not ended.
    fn lease(&mut self, token: LeaseToken) -> Result<Option<LeaseRow>, StoreError>;
    /// The lease that a claim was answered with.
    fn lease_of_claim(
        &mut self,
        worker: WorkerId,
        claim: u64,
    ) -> Result<Option<LeaseRow>, StoreError>;
    /// Writes a lease.
    fn put_lease(&mut self, lease: &LeaseRow) -> Result<(), StoreError>;
    /// Forgets a lease.
    fn delete_lease(&mut self, token: LeaseToken) -> Result<(), StoreError>;
    /// Up to `limit` leases that end before `before`, earliest first.
    fn leases_before(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError>;
}
