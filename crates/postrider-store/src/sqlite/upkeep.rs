//! What upkeep needs, inside one transaction of the writer.

use postrider_types::{
    Address, AddressKey, CampaignId, ChunkId, DeliveryId, EmailId, LeaseToken, RecipientId, Tenant,
    TenantId, Timestamp, WorkerId,
};

use super::queue::Waiting;
use super::sql::execute;
use super::tables::SqliteTables;
use super::{answers, campaigns, chunks, log, quarantine, queue, receipts, tenants};
use crate::answers::Answer;
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Within};
use crate::upkeep::Upkeep;

impl Upkeep for SqliteTables<'_> {
    fn message_key(&self) -> [u8; 32] {
        self.message_key
    }

    fn tenant(&mut self, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.cache.tenant(self.connection, tenant)
    }

    fn tenant_named(&mut self, name: &str) -> Result<Option<TenantId>, StoreError> {
        let found = tenants::by_name(self.connection, name)?;
        Ok(found.map(|tenant| tenant.id))
    }

    fn put_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        self.cache.put_tenant(self.connection, tenant)
    }

    fn put_answer(&mut self, answer: &Answer) -> Result<(), StoreError> {
        answers::put(self.connection, answer)
    }

    fn trim_answers(
        &mut self,
        before: Timestamp,
        keep: usize,
        limit: usize,
    ) -> Result<(), StoreError> {
        answers::trim(self.connection, before, keep, limit)
    }

    fn all_campaigns(
        &mut self,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError> {
        campaigns::all(self.connection, from, limit)
    }

    fn campaigns_of(
        &mut self,
        tenant: TenantId,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError> {
        campaigns::of_tenant(self.connection, tenant, from, limit)
    }

    fn campaigns_sending(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError> {
        campaigns::sending(self.connection, (tenant, email), from, limit)
    }

    fn delete_email(&mut self, tenant: TenantId, email: EmailId) -> Result<(), StoreError> {
        let sql = "DELETE FROM emails WHERE tenant = ?1 AND email = ?2";
        execute(self.connection, sql, (tenant.0, email.as_bytes()))
    }

    fn suspect_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
    ) -> Result<Option<SuspectEmail>, StoreError> {
        quarantine::suspect(self.connection, tenant, email)
    }

    fn put_suspect_email(&mut self, suspect: &SuspectEmail) -> Result<(), StoreError> {
        quarantine::put_suspect(self.connection, suspect)
    }

    fn forget_suspect_email(&mut self, tenant: TenantId, email: EmailId) -> Result<(), StoreError> {
        quarantine::forget_suspect(self.connection, tenant, email)
    }

    fn delete_receipt(&mut self, delivery: DeliveryId) -> Result<(), StoreError> {
        receipts::delete(self.connection, delivery)
    }

    fn trim_log(&mut self, after: u64, limit: usize) -> Result<(u64, Option<u64>), StoreError> {
        log::trim(self.connection, after, limit)
    }

    fn erase_log(
        &mut self,
        tenant: TenantId,
        stands_for: &Address,
        after: u64,
        limit: usize,
    ) -> Result<Option<u64>, StoreError> {
        log::erase(self.connection, tenant, stands_for, after, limit)
    }

    fn home(&mut self, delivery: DeliveryId) -> Result<Option<ChunkRow>, StoreError> {
        let DeliveryId {
            tenant,
            campaign,
            recipient,
        } = delivery;
        match chunks::filed(self.connection, tenant, campaign, recipient, 1) {
            Ok(found) => Ok(found.into_iter().next()),
            Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn numbers(&mut self, chunk: ChunkId) -> Result<Vec<RecipientId>, StoreError> {
        chunks::numbers(self.connection, chunk)
    }

    fn rewrite_chunk(&mut self, chunk: &ChunkRow) -> Result<(), StoreError> {
        chunks::rewrite(self.connection, chunk)
    }

    fn delete_chunk(&mut self, chunk: ChunkId) -> Result<(), StoreError> {
        chunks::delete(self.connection, chunk)
    }

    fn chunks_of(
        &mut self,
        campaign: CampaignId,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<(ChunkId, bool)>, StoreError> {
        chunks::of_campaign(self.connection, campaign, after, limit)
    }

    fn set_chunk_aside(&mut self, chunk: &QuarantinedChunk) -> Result<(), StoreError> {
        quarantine::set_aside(self.connection, chunk)
    }

    fn forget_chunk_aside(&mut self, tenant: TenantId, chunk: ChunkId) -> Result<(), StoreError> {
        quarantine::forget_aside(self.connection, tenant, chunk)
    }

    fn forget_chunks_aside(&mut self, campaign: CampaignId) -> Result<(), StoreError> {
        quarantine::forget_aside_of(self.connection, campaign)
    }

    fn erase_aside(&mut self, tenant: TenantId, key: &AddressKey) -> Result<(), StoreError> {
        quarantine::erase_aside(self.connection, tenant, key)
    }

    fn queued(
        &mut self,
        within: &Within,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError> {
        queue::waiting(self.connection, Waiting::Queue, within, after, limit)
    }

    fn parked(
        &mut self,
        within: &Within,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError> {
        queue::waiting(self.connection, Waiting::Parked, within, after, limit)
    }

    fn leases(
        &mut self,
        within: &Within,
        after: LeaseToken,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError> {
        Ok(self.cache.leases_after(after, limit, |lease| match within {
            Within::Campaign(campaign) => lease.campaign == *campaign,
            Within::Lane(lane) => lease.lane == *lane,
        }))
    }

    fn leases_of_worker(
        &mut self,
        worker: WorkerId,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError> {
        let is_of = |lease: &LeaseRow| lease.worker == worker;
        Ok(self.cache.leases_after(LeaseToken(0), limit, is_of))
    }
}
