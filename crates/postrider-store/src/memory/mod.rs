//! A store in memory: the fastest, the model that the others are compared with, and lost at exit.

mod reader;
mod tables;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use postrider_types::{
    Campaign, CampaignId, CampaignState, ChunkId, DeliveryId, EmailId, LaneName, LeaseToken,
    Receipt, RecipientId, Tenant, TenantId, Timestamp,
};

use crate::answers::Answer;
use crate::error::StoreError;
use crate::handle::{Backend, Now, Parts, Store};
use crate::protocol;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::request::{Reply, Request};
use crate::rows::{ChunkRow, LaneRow, LeaseRow, LogRow, Sequence};

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
    let state = State {
        message_key,
        ..State::default()
    };
    let shared = Shared(Arc::new(Mutex::new(state)), message_key);
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

/// The rows of a memory store. Who wants to look at them between two requests, as a simulator
/// does, keeps them itself and lets [`protocol::apply`] work on them.
#[derive(Debug, Default)]
pub struct State {
    message_key: [u8; 32],
    tenants: BTreeMap<TenantId, Tenant>,
    suspects: BTreeMap<(TenantId, EmailId), SuspectEmail>,
    aside: BTreeMap<ChunkId, QuarantinedChunk>,
    sequences: HashMap<Sequence, u64>,
    campaigns: BTreeMap<CampaignId, Campaign>,
    names: HashMap<(TenantId, String), CampaignId>,
    emails: HashMap<(TenantId, EmailId), Bytes>,
    receipts: BTreeMap<DeliveryId, Receipt>,
    /// By number.
    log: BTreeMap<u64, LogRow>,
    /// The newest number of the log.
    log_last: u64,
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
    /// In the order in which they came.
    answers: VecDeque<Answer>,
}

impl State {
    /// Drafts that start by themselves, and when.
    fn scheduled(&self) -> impl Iterator<Item = (Timestamp, CampaignId)> + '_ {
        let drafts = self.campaigns.values().filter(|campaign| {
            campaign.state == CampaignState::Draft && campaign.paused_because.is_none()
        });
        drafts.filter_map(|draft| draft.send_at.map(|at| (at, draft.id)))
    }
}

impl Backend for Shared {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        self.apply_each(&mut std::iter::once(batch), now)
    }

    fn apply_each(
        &mut self,
        groups: &mut dyn Iterator<Item = Vec<Request>>,
        now: Timestamp,
    ) -> Result<Vec<Reply>, StoreError> {
        let mut state = self.state();
        let each = groups.flatten().map(|request| {
            let done = protocol::apply(&mut *state, request, now);
            match done {
                Err(error) if error.is_of_a_row() => Ok(Reply::Failed(error)),
                done => done,
            }
        });
        each.collect()
    }
}
