//! What upkeep needs of a memory store.

use std::ops::Bound;

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Address, AddressKey, CampaignId, ChunkId, DeliveryId, EmailId, LaneName, LeaseToken,
    RecipientId, Tenant, TenantId, Timestamp, WorkerId,
};

use super::State;
use crate::answers::Answer;
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::removal::ERASED_TEXT;
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Within};
use crate::upkeep::Upkeep;

impl Upkeep for State {
    fn message_key(&self) -> [u8; 32] {
        self.message_key
    }

    fn tenant(&mut self, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
        Ok(self.tenants.get(&tenant).cloned())
    }

    fn tenant_named(&mut self, name: &str) -> Result<Option<TenantId>, StoreError> {
        let mut living = self.tenants.values().filter(|tenant| !tenant.is_deleted());
        Ok(living
            .find(|tenant| tenant.name == name)
            .map(|tenant| tenant.id))
    }

    fn put_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        self.tenants.insert(tenant.id, tenant.clone());
        Ok(())
    }

    fn put_answer(&mut self, answer: &Answer) -> Result<(), StoreError> {
        self.answers.retain(|kept| kept.key != answer.key);
        self.answers.push_back(answer.clone());
        Ok(())
    }

    fn trim_answers(
        &mut self,
        before: Timestamp,
        keep: usize,
        limit: usize,
    ) -> Result<(), StoreError> {
        let beyond = self.answers.len().saturating_sub(keep);
        let mut place = 0;
        let mut looked = 0;
        while looked < limit && place < self.answers.len() {
            if looked < beyond || self.answers[place].at < before {
                self.answers.remove(place);
            } else {
                place += 1;
            }
            looked += 1;
        }
        Ok(())
    }

    fn all_campaigns(
        &mut self,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError> {
        Ok(self
            .campaigns
            .range(from..)
            .map(|(id, _)| *id)
            .take(limit)
            .collect())
    }

    fn campaigns_of(
        &mut self,
        tenant: TenantId,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError> {
        let rest = self.campaigns.range(from..);
        let of_tenant = rest.filter(|(_, campaign)| campaign.tenant == tenant);
        Ok(of_tenant.map(|(id, _)| *id).take(limit).collect())
    }

    fn campaigns_sending(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        from: CampaignId,
        limit: usize,
    ) -> Result<Vec<CampaignId>, StoreError> {
        let rest = self.campaigns.range(from..);
        let sending = rest.filter(|(_, c)| c.tenant == tenant && c.email == email);
        Ok(sending.map(|(id, _)| *id).take(limit).collect())
    }

    fn delete_email(&mut self, tenant: TenantId, email: EmailId) -> Result<(), StoreError> {
        self.emails.remove(&(tenant, email));
        Ok(())
    }

    fn suspect_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
    ) -> Result<Option<SuspectEmail>, StoreError> {
        Ok(self.suspects.get(&(tenant, email)).cloned())
    }

    fn put_suspect_email(&mut self, suspect: &SuspectEmail) -> Result<(), StoreError> {
        let key = (suspect.tenant, suspect.email);
        self.suspects.insert(key, suspect.clone());
        Ok(())
    }

    fn forget_suspect_email(&mut self, tenant: TenantId, email: EmailId) -> Result<(), StoreError> {
        self.suspects.remove(&(tenant, email));
        Ok(())
    }

    fn delete_receipt(&mut self, delivery: DeliveryId) -> Result<(), StoreError> {
        self.receipts.remove(&delivery);
        Ok(())
    }

    fn trim_log(&mut self, after: u64, limit: usize) -> Result<(u64, Option<u64>), StoreError> {
        let numbers = self.log_numbers(after, limit);
        let mut deleted = 0;
        for number in &numbers {
            let delivery = self.log[number].delivery;
            if !self.receipts.contains_key(&delivery) {
                self.log.remove(number);
                deleted += 1;
            }
        }
        Ok((deleted, next_of(&numbers, limit)))
    }

    fn erase_log(
        &mut self,
        tenant: TenantId,
        stands_for: &Address,
        after: u64,
        limit: usize,
    ) -> Result<Option<u64>, StoreError> {
        let numbers = self.log_numbers(after, limit);
        for number in &numbers {
            let Some(row) = self.log.get_mut(number) else {
                continue;
            };
            let receipt = self.receipts.get(&row.delivery);
            let is_meant = row.delivery.tenant == tenant
                && receipt.is_some_and(|receipt| receipt.address == *stands_for);
            if let (true, Some(reply)) = (is_meant, row.reply.take()) {
                row.reply = Some(SmtpReply {
                    text: ERASED_TEXT.to_owned(),
                    ..reply
                });
            }
        }
        Ok(next_of(&numbers, limit))
    }

    fn home(&mut self, delivery: DeliveryId) -> Result<Option<ChunkRow>, StoreError> {
        let (campaign, recipient) = (delivery.campaign, delivery.recipient);
        let up_to = self
            .filed
            .range((campaign, RecipientId(0))..=(campaign, recipient));
        Ok(up_to
            .last()
            .and_then(|(_, chunk)| self.chunks.get(chunk))
            .cloned())
    }

    fn numbers(&mut self, chunk: ChunkId) -> Result<Vec<RecipientId>, StoreError> {
        let found = self.chunks.get(&chunk).into_iter();
        Ok(found
            .flat_map(|chunk| chunk.recipients.iter().map(|r| r.recipient))
            .collect())
    }

    fn rewrite_chunk(&mut self, chunk: &ChunkRow) -> Result<(), StoreError> {
        self.chunks.insert(chunk.chunk, chunk.clone());
        Ok(())
    }

    fn delete_chunk(&mut self, chunk: ChunkId) -> Result<(), StoreError> {
        if let Some(deleted) = self.chunks.remove(&chunk)
            && let Some(first) = deleted.first
        {
            self.filed.remove(&(deleted.campaign, first));
        }
        Ok(())
    }

    fn chunks_of(
        &mut self,
        campaign: CampaignId,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<(ChunkId, bool)>, StoreError> {
        let rest = self
            .chunks
            .range((Bound::Excluded(after), Bound::Unbounded));
        let of_campaign = rest.filter(|(_, chunk)| chunk.campaign == campaign);
        let place = of_campaign.map(|(id, chunk)| (*id, chunk.first.is_none()));
        Ok(place.take(limit).collect())
    }

    fn set_chunk_aside(&mut self, chunk: &QuarantinedChunk) -> Result<(), StoreError> {
        self.delete_chunk(chunk.chunk)?;
        self.aside.insert(chunk.chunk, chunk.clone());
        Ok(())
    }

    fn forget_chunk_aside(&mut self, tenant: TenantId, chunk: ChunkId) -> Result<(), StoreError> {
        self.aside
            .retain(|number, aside| *number != chunk || aside.tenant != tenant);
        Ok(())
    }

    fn forget_chunks_aside(&mut self, campaign: CampaignId) -> Result<(), StoreError> {
        self.aside.retain(|_, chunk| chunk.campaign != campaign);
        Ok(())
    }

    /// Nothing in memory is unreadable, so no bytes are kept.
    fn erase_aside(&mut self, _tenant: TenantId, _key: &AddressKey) -> Result<(), StoreError> {
        Ok(())
    }

    fn queued(
        &mut self,
        within: &Within,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError> {
        let mut rows: Vec<_> = match within {
            Within::Campaign(campaign) => {
                let queued = self.queued.get(campaign).into_iter().flatten();
                let row = queued.map(|(chunk, place)| entry(*campaign, *chunk, place));
                row.filter(|row| row.chunk > after).take(limit).collect()
            }
            Within::Lane(lane) => {
                let queued = self.queue.get(lane).into_iter().flatten();
                let row = queued.map(|(&(due_at, chunk), &campaign)| QueueRow {
                    lane: lane.clone(),
                    due_at,
                    chunk,
                    campaign,
                });
                row.filter(|row| row.chunk > after).collect()
            }
        };
        rows.sort_by_key(|row| row.chunk);
        rows.truncate(limit);
        Ok(rows)
    }

    fn parked(
        &mut self,
        within: &Within,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError> {
        let parked = self.parked.iter();
        let rows = parked.map(|(&(campaign, chunk), place)| entry(campaign, chunk, place));
        let mut rows: Vec<_> = rows
            .filter(|row| row.chunk > after && is_within(within, row.campaign, &row.lane))
            .collect();
        rows.sort_by_key(|row| row.chunk);
        rows.truncate(limit);
        Ok(rows)
    }

    fn leases(
        &mut self,
        within: &Within,
        after: LeaseToken,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError> {
        let rest = self
            .leases
            .range((Bound::Excluded(after), Bound::Unbounded));
        let meant = rest.filter(|(_, lease)| is_within(within, lease.campaign, &lease.lane));
        Ok(meant.map(|(_, lease)| lease.clone()).take(limit).collect())
    }

    fn leases_of_worker(
        &mut self,
        worker: WorkerId,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError> {
        let of_worker = self.leases.values().filter(|lease| lease.worker == worker);
        Ok(of_worker.take(limit).cloned().collect())
    }
}

impl State {
    fn log_numbers(&self, after: u64, limit: usize) -> Vec<u64> {
        let rest = self.log.range((Bound::Excluded(after), Bound::Unbounded));
        rest.map(|(number, _)| *number).take(limit).collect()
    }
}

/// Where to go on after a page of numbers.
fn next_of(numbers: &[u64], limit: usize) -> Option<u64> {
    numbers.last().copied().filter(|_| numbers.len() == limit)
}

fn entry(campaign: CampaignId, chunk: ChunkId, place: &(LaneName, Timestamp)) -> QueueRow {
    QueueRow {
        lane: place.0.clone(),
        due_at: place.1,
        chunk,
        campaign,
    }
}

fn is_within(within: &Within, campaign: CampaignId, lane: &LaneName) -> bool {
    match within {
        Within::Campaign(meant) => campaign == *meant,
        Within::Lane(meant) => lane == meant,
    }
}
