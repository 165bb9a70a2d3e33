//! The rows of a memory store, by key.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use postrider_types::{
    Campaign, CampaignId, ChunkId, DeliveryId, EmailId, LaneName, LeaseToken, Receipt, RecipientId,
    TenantId, Timestamp, WorkerId,
};

use super::State;
use crate::error::StoreError;
use crate::rows::{ChunkRow, LaneRow, LeaseRow, LogRow, Look, QueueRow, Sequence};
use crate::share::Share;
use crate::tables::Tables;

impl Tables for State {
    fn next(&mut self, sequence: Sequence) -> Result<u64, StoreError> {
        let number = self.sequences.entry(sequence).or_default();
        *number += 1;
        Ok(*number)
    }

    fn campaign(&mut self, campaign: CampaignId) -> Result<Option<Campaign>, StoreError> {
        Ok(self.campaigns.get(&campaign).cloned())
    }

    fn campaign_named(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<CampaignId>, StoreError> {
        Ok(self.names.get(&(tenant, name.to_owned())).copied())
    }

    fn drafts_due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<CampaignId>, StoreError> {
        let mut due: Vec<_> = self.scheduled().filter(|(at, _)| *at <= now).collect();
        due.sort_unstable();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, campaign)| campaign).collect())
    }

    fn next_send_at(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.scheduled().map(|(at, _)| at).min())
    }

    fn put_campaign(&mut self, campaign: &Campaign) -> Result<(), StoreError> {
        self.names
            .insert((campaign.tenant, campaign.name.clone()), campaign.id);
        self.campaigns.insert(campaign.id, campaign.clone());
        Ok(())
    }

    fn has_email(&mut self, tenant: TenantId, email: EmailId) -> Result<bool, StoreError> {
        Ok(self.emails.contains_key(&(tenant, email)))
    }

    fn put_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        content: &Bytes,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        self.emails.insert((tenant, email), content.clone());
        Ok(())
    }

    fn receipt(&mut self, delivery: DeliveryId) -> Result<Option<Receipt>, StoreError> {
        Ok(self.receipts.get(&delivery).cloned())
    }

    fn receipts_from(
        &mut self,
        from: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        let last = DeliveryId {
            recipient: RecipientId(u32::MAX),
            ..from
        };
        let page = self.receipts.range(from..=last).take(limit);
        Ok(page.map(|(_, receipt)| receipt.clone()).collect())
    }

    fn put_receipt(&mut self, receipt: &Receipt) -> Result<(), StoreError> {
        self.receipts.insert(receipt.delivery, receipt.clone());
        Ok(())
    }

    fn append_log(&mut self, entry: &LogRow) -> Result<(), StoreError> {
        self.log_last += 1;
        self.log.insert(self.log_last, entry.clone());
        Ok(())
    }

    fn look_at(&mut self, chunk: ChunkId) -> Result<Look, StoreError> {
        let found = self.chunks.get(&chunk).cloned();
        Ok(found.map_or(Look::Missing, Look::Whole))
    }

    fn put_chunk(&mut self, chunk: &ChunkRow) -> Result<(), StoreError> {
        if let Some(first) = chunk.first {
            self.filed.insert((chunk.campaign, first), chunk.chunk);
        }
        self.chunks.insert(chunk.chunk, chunk.clone());
        Ok(())
    }

    fn enqueue(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        let lane = self.queue.entry(entry.lane.clone()).or_default();
        lane.insert((entry.due_at, entry.chunk), entry.campaign);
        let queued = self.queued.entry(entry.campaign).or_default();
        queued.insert(entry.chunk, (entry.lane.clone(), entry.due_at));
        Ok(())
    }

    fn dequeue(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        if let Some(lane) = self.queue.get_mut(&entry.lane) {
            lane.remove(&(entry.due_at, entry.chunk));
        }
        if let Some(queued) = self.queued.get_mut(&entry.campaign) {
            queued.remove(&entry.chunk);
        }
        Ok(())
    }

    fn first_in_lane(&mut self, lane: &LaneName) -> Result<Option<QueueRow>, StoreError> {
        let first = self.queue.get(lane).and_then(BTreeMap::first_key_value);
        Ok(first.map(|(&(due_at, chunk), &campaign)| QueueRow {
            lane: lane.clone(),
            due_at,
            chunk,
            campaign,
        }))
    }

    fn wake_queue(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let never = (Timestamp::NEVER, ChunkId(0));
        for (name, lane) in &mut self.queue {
            for ((_, chunk), campaign) in lane.split_off(&never) {
                lane.insert((now, chunk), campaign);
                let queued = self.queued.entry(campaign).or_default();
                queued.insert(chunk, (name.clone(), now));
            }
        }
        Ok(())
    }

    fn queued_chunk(
        &mut self,
        campaign: CampaignId,
        chunk: ChunkId,
    ) -> Result<Option<QueueRow>, StoreError> {
        let found = self.queued.get(&campaign).and_then(|of| of.get(&chunk));
        Ok(found.map(|(lane, due_at)| QueueRow {
            lane: lane.clone(),
            due_at: *due_at,
            chunk,
            campaign,
        }))
    }

    fn park(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        let place = (entry.lane.clone(), entry.due_at);
        self.parked.insert((entry.campaign, entry.chunk), place);
        Ok(())
    }

    fn unpark(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        self.parked.remove(&(entry.campaign, entry.chunk));
        Ok(())
    }

    fn parked_chunk(
        &mut self,
        campaign: CampaignId,
        chunk: ChunkId,
    ) -> Result<Option<QueueRow>, StoreError> {
        let found = self.parked.get(&(campaign, chunk));
        Ok(found.map(|(lane, due_at)| QueueRow {
            lane: lane.clone(),
            due_at: *due_at,
            chunk,
            campaign,
        }))
    }

    fn lane(&mut self, lane: &LaneName) -> Result<Option<LaneRow>, StoreError> {
        Ok(self.lanes.get(lane).cloned())
    }

    fn put_lane(&mut self, lane: &LaneRow) -> Result<(), StoreError> {
        if let Some(old) = self.lanes.insert(lane.lane.clone(), lane.clone()) {
            old.turn.map(|turn| self.turns.remove(&turn));
            old.wake_at
                .map(|wake_at| self.wakes.remove(&(wake_at, old.lane)));
        }
        lane.turn
            .map(|turn| self.turns.insert(turn, lane.lane.clone()));
        lane.wake_at
            .map(|wake_at| self.wakes.insert((wake_at, lane.lane.clone())));
        Ok(())
    }

    fn lane_in_turn(
        &mut self,
        skip: &[LaneName],
        share: Share,
    ) -> Result<Option<LaneRow>, StoreError> {
        let mut turns = self.turns.values();
        let next = turns.find(|lane| share.has(lane) && !skip.contains(lane));
        Ok(next.and_then(|lane| self.lanes.get(lane)).cloned())
    }

    fn lanes_to_wake(&mut self, now: Timestamp, limit: usize) -> Result<Vec<LaneRow>, StoreError> {
        let due = self
            .wakes
            .iter()
            .take_while(|(wake_at, _)| *wake_at <= now)
            .take(limit);
        Ok(due
            .filter_map(|(_, lane)| self.lanes.get(lane).cloned())
            .collect())
    }

    fn next_wake(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self
            .wakes
            .first()
            .map(|(wake_at, _)| *wake_at)
            .filter(|at| *at != Timestamp::NEVER))
    }

    fn wake_lanes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let queued_for = self.queue.iter().filter(|(_, lane)| !lane.is_empty());
        let names: BTreeSet<_> = queued_for.map(|(name, _)| name.clone()).collect();
        for mut lane in self.lanes.clone().into_values() {
            lane.not_until = Timestamp::EPOCH;
            if lane.turn.is_none() && names.contains(&lane.lane) {
                lane.wake_at = Some(now);
            }
            self.put_lane(&lane)?;
        }
        Ok(())
    }

    fn lease(&mut self, token: LeaseToken) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.leases.get(&token).cloned())
    }

    fn lease_of_claim(
        &mut self,
        worker: WorkerId,
        claim: u64,
    ) -> Result<Option<LeaseRow>, StoreError> {
        let is_it = |lease: &&LeaseRow| lease.worker == worker && lease.claim == claim;
        Ok(self.leases.values().find(is_it).cloned())
    }

    fn put_lease(&mut self, lease: &LeaseRow) -> Result<(), StoreError> {
        self.leases.insert(lease.token, lease.clone());
        Ok(())
    }

    fn delete_lease(&mut self, token: LeaseToken) -> Result<(), StoreError> {
        self.leases.remove(&token);
        Ok(())
    }

    fn leases_before(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeaseRow>, StoreError> {
        let mut over: Vec<_> = self
            .leases
            .values()
            .filter(|lease| lease.until < before)
            .cloned()
            .collect();
        over.sort_by_key(|lease| (lease.until, lease.token));
        over.truncate(limit);
        Ok(over)
    }
}
