//! Cold reads of a memory store.

use bytes::Bytes;
use postrider_types::{
    AddressKey, Campaign, CampaignId, ChunkId, DeliveryId, DeliveryState, EmailId, LaneName,
    LogEntry, Receipt, RecipientId, Tenant, TenantId, Timestamp,
};

use super::Shared;
use crate::answers::Answer;
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::read::{LaneShape, Reader};
use crate::rows::{ChunkRow, LogRow, Within};
use crate::tables::Tables;
use crate::upkeep::Upkeep;

impl Reader for Shared {
    fn message_key(&self) -> [u8; 32] {
        self.1
    }

    fn email(&self, tenant: TenantId, email: EmailId) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().emails.get(&(tenant, email)).cloned())
    }

    fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.state().campaign(campaign)
    }

    fn campaign_named(&self, tenant: TenantId, name: &str) -> Result<Option<Campaign>, StoreError> {
        let mut state = self.state();
        let found = state.campaign_named(tenant, name)?;
        Ok(found.and_then(|id| state.campaigns.get(&id).cloned()))
    }

    fn campaigns(
        &self,
        tenant: TenantId,
        before: Option<CampaignId>,
        limit: usize,
    ) -> Result<Vec<Campaign>, StoreError> {
        let state = self.state();
        let newest_first = state.campaigns.values().rev();
        let of_tenant = newest_first.filter(|c| c.tenant == tenant);
        let page = of_tenant.filter(|c| before.is_none_or(|before| c.id < before));
        Ok(page.take(limit).cloned().collect())
    }

    fn receipts(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: RecipientId,
        wanted: Option<DeliveryState>,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        let first = DeliveryId {
            tenant,
            campaign,
            recipient: from,
        };
        let last = DeliveryId {
            recipient: RecipientId(u32::MAX),
            ..first
        };
        let state = self.state();
        let page = state
            .receipts
            .range(first..=last)
            .map(|(_, receipt)| receipt);
        let page = page.filter(|receipt| wanted.is_none_or(|wanted| receipt.state == wanted));
        Ok(page.take(limit).cloned().collect())
    }

    fn audience(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: RecipientId,
        limit: usize,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        let state = self.state();
        let up_to = state
            .filed
            .range((campaign, RecipientId(0))..=(campaign, from));
        let start = up_to.last().map_or(from, |(&(_, first), _)| first);
        let filed = state
            .filed
            .range((campaign, start)..=(campaign, RecipientId(u32::MAX)));
        let chunks = filed.filter_map(|(_, chunk)| state.chunks.get(chunk));
        Ok(chunks
            .filter(|chunk| chunk.tenant == tenant)
            .take(limit)
            .cloned()
            .collect())
    }

    fn receipts_of(
        &self,
        tenant: TenantId,
        address: &AddressKey,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        let state = self.state();
        let newest_first = state.receipts.values().rev();
        let of_tenant = newest_first.filter(|receipt| receipt.delivery.tenant == tenant);
        let found = of_tenant.filter(|receipt| receipt.address.key() == *address);
        Ok(found.take(limit).cloned().collect())
    }

    fn log(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let state = self.state();
        let new = state.log.range(after.saturating_add(1)..);
        let of_tenant = new.filter(|(_, row)| row.delivery.tenant == tenant);
        let entry = |(&number, row): (&u64, &LogRow)| {
            let receipt = state.receipts.get(&row.delivery)?;
            Some(LogEntry {
                number,
                delivery: row.delivery,
                address: receipt.address.clone(),
                attempt: row.attempt,
                state: row.state,
                reply: row.reply.clone(),
                at: row.at,
            })
        };
        Ok(of_tenant.filter_map(entry).take(limit).collect())
    }

    fn email_bytes(&self, tenant: TenantId, email: EmailId) -> Result<Option<u64>, StoreError> {
        let state = self.state();
        let found = state.emails.get(&(tenant, email));
        Ok(found.map(|content| content.len() as u64))
    }

    fn has_email(&self, tenant: TenantId, email: EmailId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let is_kept = state.emails.contains_key(&(tenant, email));
        let sending = state.campaigns_sending(tenant, email, CampaignId(0), 1)?;
        Ok(is_kept || !sending.is_empty())
    }

    fn has_lane(&self, lane: &LaneName) -> Result<bool, StoreError> {
        let mut state = self.state();
        let is_used = state.lanes.contains_key(lane);
        let parked = state.parked(&Within::Lane(lane.clone()), ChunkId(0), 1)?;
        Ok(is_used || !parked.is_empty())
    }

    fn history(&self, delivery: DeliveryId, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let mut entries = self.log(delivery.tenant, 0, usize::MAX)?;
        entries.retain(|entry| entry.delivery == delivery);
        entries.truncate(limit);
        Ok(entries)
    }

    fn tenants(&self, after: TenantId, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        let state = self.state();
        let standard = Tenant::standard();
        let all = std::iter::once(&standard).chain(state.tenants.values());
        let rest = all.filter(|tenant| tenant.id > after);
        Ok(rest.take(limit).cloned().collect())
    }

    fn answer(&self, key: &[u8; 32]) -> Result<Option<Answer>, StoreError> {
        let state = self.state();
        let found = state.answers.iter().find(|answer| answer.key == *key);
        Ok(found.cloned())
    }

    fn tenant_named(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        let tenants = self.tenants(TenantId(0), usize::MAX)?;
        let mut living = tenants.into_iter().filter(|tenant| !tenant.is_deleted());
        Ok(living.find(|tenant| tenant.name == name))
    }

    fn suspect_email(
        &self,
        tenant: TenantId,
        email: EmailId,
    ) -> Result<Option<SuspectEmail>, StoreError> {
        Ok(self.state().suspects.get(&(tenant, email)).cloned())
    }

    fn quarantined_emails(
        &self,
        tenant: TenantId,
        after: Option<EmailId>,
        limit: usize,
    ) -> Result<Vec<SuspectEmail>, StoreError> {
        let state = self.state();
        let of_tenant = state.suspects.values().filter(|found| {
            let is_next = after.is_none_or(|after| found.email > after);
            found.tenant == tenant && found.since.is_some() && is_next
        });
        Ok(of_tenant.take(limit).cloned().collect())
    }

    fn quarantined_chunks(
        &self,
        tenant: TenantId,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QuarantinedChunk>, StoreError> {
        let state = self.state();
        let aside = state.aside.values();
        let of_tenant = aside.filter(|chunk| chunk.tenant == tenant && chunk.chunk > after);
        Ok(of_tenant.take(limit).cloned().collect())
    }

    fn lanes(&self, limit: usize) -> Result<Vec<LaneShape>, StoreError> {
        let state = self.state();
        let mut shapes: Vec<_> = state
            .queue
            .iter()
            .filter(|(_, chunks)| !chunks.is_empty())
            .map(|(lane, chunks)| LaneShape {
                lane: lane.clone(),
                chunks: chunks.len() as u64,
                due_at: chunks.first_key_value().map(|(&(due_at, _), _)| due_at),
                not_until: state
                    .lanes
                    .get(lane)
                    .map_or(Timestamp::EPOCH, |row| row.not_until),
            })
            .collect();
        shapes.sort_by(|a, b| b.chunks.cmp(&a.chunks).then_with(|| a.lane.cmp(&b.lane)));
        shapes.truncate(limit);
        Ok(shapes)
    }
}
