//! The keyed operations, inside one transaction of the writer.

use bytes::Bytes;
use postrider_types::{
    Campaign, CampaignId, ChunkId, DeliveryId, EmailId, LaneName, LeaseToken, Receipt, TenantId,
    Timestamp, WorkerId,
};
use rusqlite::Connection;

use super::cache::Cache;
use super::queue::Waiting;
use super::{campaigns, chunks, queue, receipts};
use crate::error::StoreError;
use crate::rows::{ChunkRow, LaneRow, LeaseRow, LogRow, Look, QueueRow, Sequence};
use crate::share::Share;
use crate::tables::Tables;

pub(super) struct SqliteTables<'a> {
    /// In a transaction.
    pub connection: &'a Connection,
    /// Thrown away when the transaction is rolled back.
    pub cache: &'a mut Cache,
    /// The store's key.
    pub message_key: [u8; 32],
}

impl Tables for SqliteTables<'_> {
    fn next(&mut self, sequence: Sequence) -> Result<u64, StoreError> {
        Ok(self.cache.next(sequence))
    }

    fn campaign(&mut self, campaign: CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.cache.campaign(self.connection, campaign)
    }

    fn campaign_named(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<CampaignId>, StoreError> {
        let found = campaigns::by_name(self.connection, tenant, name)?;
        Ok(found.map(|campaign| campaign.id))
    }

    fn drafts_due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<CampaignId>, StoreError> {
        campaigns::due(self.connection, now, limit)
    }

    fn next_send_at(&mut self) -> Result<Option<Timestamp>, StoreError> {
        campaigns::next_send_at(self.connection)
    }

    fn put_campaign(&mut self, campaign: &Campaign) -> Result<(), StoreError> {
        self.cache.put_campaign(self.connection, campaign)
    }

    fn has_email(&mut self, tenant: TenantId, email: EmailId) -> Result<bool, StoreError> {
        campaigns::has_email(self.connection, tenant, email)
    }

    fn put_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        content: &Bytes,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        campaigns::put_email(self.connection, tenant, email, content, now)
    }

    fn receipt(&mut self, delivery: DeliveryId) -> Result<Option<Receipt>, StoreError> {
        receipts::by_delivery(self.connection, delivery)
    }

    fn receipts_from(
        &mut self,
        from: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        receipts::page(self.connection, from, None, limit)
    }

    fn put_receipt(&mut self, receipt: &Receipt) -> Result<(), StoreError> {
        receipts::put(self.connection, receipt)
    }

    fn append_log(&mut self, entry: &LogRow) -> Result<(), StoreError> {
        receipts::append(self.connection, self.cache.next_log(), entry)
    }

    fn look_at(&mut self, chunk: ChunkId) -> Result<Look, StoreError> {
        chunks::look_at(self.connection, chunk)
    }

    fn put_chunk(&mut self, chunk: &ChunkRow) -> Result<(), StoreError> {
        chunks::insert(self.connection, chunk)
    }

    fn enqueue(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        queue::enqueue(self.connection, entry)
    }

    fn dequeue(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        queue::dequeue(self.connection, entry)
    }

    fn first_in_lane(&mut self, lane: &LaneName) -> Result<Option<QueueRow>, StoreError> {
        queue::first_in_lane(self.connection, lane)
    }

    fn wake_queue(&mut self, now: Timestamp) -> Result<(), StoreError> {
        queue::wake(self.connection, now)
    }

    fn queued_chunk(
        &mut self,
        campaign: CampaignId,
        chunk: ChunkId,
    ) -> Result<Option<QueueRow>, StoreError> {
        queue::waiting_chunk(self.connection, Waiting::Queue, campaign, chunk)
    }

    fn park(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        queue::park(self.connection, entry)
    }

    fn unpark(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        queue::unpark(self.connection, entry)
    }

    fn parked_chunk(
        &mut self,
        campaign: CampaignId,
        chunk: ChunkId,
    ) -> Result<Option<QueueRow>, StoreError> {
        queue::waiting_chunk(self.connection, Waiting::Parked, campaign, chunk)
    }

    fn lane(&mut self, lane: &LaneName) -> Result<Option<LaneRow>, StoreError> {
        queue::lane(self.connection, lane)
    }

    fn put_lane(&mut self, lane: &LaneRow) -> Result<(), StoreError> {
        queue::put_lane(self.connection, lane)
    }

    fn lane_in_turn(
        &mut self,
        skip: &[LaneName],
        share: Share,
    ) -> Result<Option<LaneRow>, StoreError> {
        queue::lane_in_turn(self.connection, skip, share)
    }

    fn lanes_to_wake(&mut self, now: Timestamp, limit: usize) -> Result<Vec<LaneRow>, StoreError> {
        queue::lanes_to_wake(self.connection, now, limit)
    }

    fn next_wake(&mut self) -> Result<Option<Timestamp>, StoreError> {
        queue::next_wake(self.connection)
    }

    fn wake_lanes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        queue::wake_lanes(self.connection, now)
    }

    fn lease(&mut self, token: LeaseToken) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.cache.lease(token))
    }

    fn lease_of_claim(
        &mut self,
        worker: WorkerId,
        claim: u64,
    ) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.cache.lease_of_claim(worker, claim))
    }

    fn put_lease(&mut self, lease: &LeaseRow) -> Result<(), StoreError> {
        self.cache.put_lease(self.connection, lease)
    }

    fn delete_lease(&mut self, token: LeaseToken) -> Result<(), StoreError> {
        self.cache.delete_lease(self.connection, token)
    }

    fn leases_before(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError> {
        Ok(self.cache.leases_before(before, limit))
    }
}
