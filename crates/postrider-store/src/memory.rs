//! A store in memory: the fastest, the model that the others are compared with, and lost at exit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use postrider_types::{
    AddressKey, Campaign, CampaignId, ChunkId, DeliveryId, DeliveryState, EmailId, LaneName,
    LeaseToken, LogEntry, Receipt, RecipientId, TenantId, Timestamp, WorkerId,
};

use crate::error::StoreError;
use crate::handle::{Backend, Now, Parts, Store};
use crate::protocol;
use crate::read::{LaneShape, Reader};
use crate::request::{Reply, Request};
use crate::rows::{ChunkRow, LaneRow, LeaseRow, LogRow, QueueRow, Sequence};
use crate::tables::Tables;

/// A memory store whose writer has its own thread.
///
/// # Errors
/// [`StoreError::Unwritable`] when no thread can be started.
pub fn open(message_key: [u8; 32], now: Now) -> Result<Store, StoreError> {
    let (backend, reader) = parts(message_key);
    Store::on_thread(backend, reader, now)
}

/// A memory store whose backend runs in the caller's thread, for scenes under simulated time.
pub fn inline(message_key: [u8; 32], now: Now) -> Store {
    let (backend, reader) = parts(message_key);
    Store::inline(backend, reader, now)
}

/// Backend and reader over the same rows.
pub fn parts(message_key: [u8; 32]) -> Parts {
    let shared = Shared(Arc::new(Mutex::new(State::default())), message_key);
    (Box::new(shared.clone()), Arc::new(shared))
}

#[derive(Clone)]
struct Shared(Arc<Mutex<State>>, [u8; 32]);

impl Shared {
    /// A reader that panicked cannot have left anything half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    sequences: HashMap<Sequence, u64>,
    campaigns: BTreeMap<CampaignId, Campaign>,
    names: HashMap<(TenantId, String), CampaignId>,
    emails: HashMap<(TenantId, EmailId), Bytes>,
    receipts: BTreeMap<DeliveryId, Receipt>,
    log: Vec<LogRow>,
    chunks: BTreeMap<ChunkId, ChunkRow>,
    /// The chunks that the batcher filed, by first number.
    filed: BTreeMap<(CampaignId, RecipientId), ChunkId>,
    /// By lane, then due, then chunk.
    queue: BTreeMap<LaneName, BTreeMap<(Timestamp, ChunkId), CampaignId>>,
    queued: BTreeMap<CampaignId, BTreeMap<ChunkId, (LaneName, Timestamp)>>,
    parked: BTreeMap<(CampaignId, ChunkId), (LaneName, Timestamp)>,
    lanes: BTreeMap<LaneName, LaneRow>,
    turns: BTreeMap<u64, LaneName>,
    wakes: BTreeSet<(Timestamp, LaneName)>,
    leases: BTreeMap<LeaseToken, LeaseRow>,
}

impl Backend for Shared {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        let mut state = self.state();
        batch
            .into_iter()
            .map(|request| protocol::apply(&mut *state, request, now))
            .collect()
    }
}

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

    fn put_receipt(&mut self, receipt: &Receipt) -> Result<(), StoreError> {
        self.receipts.insert(receipt.delivery, receipt.clone());
        Ok(())
    }

    fn append_log(&mut self, entry: &LogRow) -> Result<(), StoreError> {
        self.log.push(entry.clone());
        Ok(())
    }

    fn chunk(&mut self, chunk: ChunkId) -> Result<Option<ChunkRow>, StoreError> {
        Ok(self.chunks.get(&chunk).cloned())
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

    fn queued_of(
        &mut self,
        campaign: CampaignId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError> {
        let queued = self.queued.get(&campaign).into_iter().flatten();
        let row = |(&chunk, (lane, due_at)): (&ChunkId, &(LaneName, Timestamp))| QueueRow {
            lane: lane.clone(),
            due_at: *due_at,
            chunk,
            campaign,
        };
        Ok(queued.map(row).take(limit).collect())
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

    fn park(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        let place = (entry.lane.clone(), entry.due_at);
        self.parked.insert((entry.campaign, entry.chunk), place);
        Ok(())
    }

    fn unpark(&mut self, entry: &QueueRow) -> Result<(), StoreError> {
        self.parked.remove(&(entry.campaign, entry.chunk));
        Ok(())
    }

    fn parked_of(
        &mut self,
        campaign: CampaignId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, StoreError> {
        let parked = self
            .parked
            .range((campaign, ChunkId(0))..=(campaign, ChunkId(u64::MAX)));
        let row = |(&(campaign, chunk), (lane, due_at)): (&_, &(LaneName, Timestamp))| QueueRow {
            lane: lane.clone(),
            due_at: *due_at,
            chunk,
            campaign,
        };
        Ok(parked.map(row).take(limit).collect())
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

    fn lane_in_turn(&mut self, skip: &[LaneName]) -> Result<Option<LaneRow>, StoreError> {
        let next = self.turns.values().find(|lane| !skip.contains(lane));
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
        let numbered = (1_u64..).zip(&state.log);
        let new = numbered.filter(|(number, row)| *number > after && row.delivery.tenant == tenant);
        let entry = |(number, row): (u64, &LogRow)| {
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
        Ok(new.filter_map(entry).take(limit).collect())
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
