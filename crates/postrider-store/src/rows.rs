//! The rows that the rules of [`protocol`](crate::protocol) read and write.

use std::sync::Arc;

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    CampaignId, ChunkId, ChunkRecipient, DeliveryId, DeliveryState, EmailId, LaneName, LeaseToken,
    RecipientId, TenantId, Timestamp, WorkerId,
};

/// A chunk. It is written once and never changed: what is refiled goes into new chunks, and a
/// chunk whose work is done stays as the home of its recipients' variables.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkRow {
    /// Its number.
    pub chunk: ChunkId,
    /// The owner of its campaign.
    pub tenant: TenantId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// The email.
    pub email: EmailId,
    /// For a chunk that the batcher filed, the number of its first recipient (the others follow
    /// densely); `None` for one that was refiled.
    pub first: Option<RecipientId>,
    /// Whom it holds, in order of number.
    pub recipients: Vec<ChunkRecipient>,
}

impl ChunkRow {
    /// The delivery of one of its recipients.
    pub const fn delivery(&self, recipient: RecipientId) -> DeliveryId {
        DeliveryId {
            tenant: self.tenant,
            campaign: self.campaign,
            recipient,
        }
    }

    /// The numbers of its recipients.
    pub fn numbers(&self) -> Arc<[RecipientId]> {
        self.recipients.iter().map(|r| r.recipient).collect()
    }
}

/// What is found under a chunk's number.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// The chunk.
    Whole(ChunkRow),
    /// A row that holds no chunk which this version can read.
    Unreadable(UnreadableChunk),
    /// Nothing.
    Missing,
}

/// A stored chunk whose recipients cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableChunk {
    /// Whom it holds, in order of number, as far as that stands beside it.
    pub numbers: Vec<RecipientId>,
    /// What is wrong with it.
    pub what: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Chunks that are looked at together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// Those of a campaign.
    Campaign(CampaignId),
    /// Those that wait in a lane, or were claimed from it.
    Lane(LaneName),
}

/// A chunk that waits: in the queue of its lane, or parked because its campaign does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    /// The lane.
    pub lane: LaneName,
    /// When it may be claimed.
    pub due_at: Timestamp,
    /// The chunk.
    pub chunk: ChunkId,
    /// The chunk's campaign.
    pub campaign: CampaignId,
}

/// A lane, as the schedule sees it: no recipients and no chunks, only when and in what turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRow {
    /// Its name.
    pub lane: LaneName,
    /// Its limits say: not before this instant.
    pub not_until: Timestamp,
    /// Its turn among the lanes that may be claimed from now; `None` when it may not.
    pub turn: Option<u64>,
    /// When it is to be looked at again; `None` when it has a turn or is empty.
    pub wake_at: Option<Timestamp>,
}

/// A leased chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// The fencing token.
    pub token: LeaseToken,
    /// The chunk.
    pub chunk: ChunkId,
    /// The chunk's campaign.
    pub campaign: CampaignId,
    /// Whom the chunk holds, in order of number; not stored, because the chunk says it.
    pub recipients: Arc<[RecipientId]>,
    /// Who holds it.
    pub worker: WorkerId,
    /// The claim that it answered.
    pub claim: u64,
    /// The lane that it came from.
    pub lane: LaneName,
    /// When it ends.
    pub until: Timestamp,
    /// Whether what had not begun was ended by the sweep of its campaign.
    pub is_swept: bool,
}

impl LeaseRow {
    /// Whether the lease is on this delivery's chunk.
    pub fn holds(&self, delivery: DeliveryId) -> bool {
        let is_in_chunk = || self.recipients.binary_search(&delivery.recipient).is_ok();
        self.campaign == delivery.campaign && is_in_chunk()
    }
}

/// An entry for the attempt log, before it has a number.
#[derive(Debug, Clone)]
pub struct LogRow {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The attempt; 0 when there was none.
    pub attempt: u16,
    /// The state that it went into.
    pub state: DeliveryState,
    /// The reply, or our own reason with code 0.
    pub reply: Option<SmtpReply>,
    /// When.
    pub at: Timestamp,
}

/// The numbers that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// Tenant ids, from the second on.
    Tenant,
    /// Campaign ids.
    Campaign,
    /// Chunk ids.
    Chunk,
    /// Lease tokens.
    Token,
    /// Turns of lanes.
    Turn,
}
