//! The end of a lease: `release`, `refile`, `finish` and `reap` are one function.
//!
//! Whatever is left of the chunk is filed, in the same transaction that ends the lease, into new
//! chunks by (lane, due). Nothing is ever left behind: a recipient that nobody named goes to the
//! tail of its lane. Between `reap` and the others there is one difference: what was begun and
//! has no outcome becomes in doubt, because the one who knows is gone.

use std::collections::{BTreeMap, HashMap};

use postrider_types::bounds::{CHUNK_BYTES_MAX, CHUNK_RECIPIENTS_MAX};
use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    CampaignState, ChunkId, ChunkRecipient, DeliveryId, DeliveryState, LaneName, LeaseToken,
    Receipt, Timestamp,
};

use super::{campaign, lanes, receipts};
use crate::bounds::REAP_LEASES_MAX;
use crate::error::StoreError;
use crate::request::{Filing, Refused, Reply};
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Sequence};
use crate::tables::Tables;

pub(super) fn extend(
    tables: &mut impl Tables,
    token: LeaseToken,
    until: Timestamp,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match tables.lease(token)? {
        Some(lease) if lease.until > now => {
            let until = lease.until.max(until);
            tables.put_lease(&LeaseRow { until, ..lease })?;
            Ok(Reply::Done { more: false })
        }
        _ => Ok(Reply::Refused(Refused::LeaseOver)),
    }
}

pub(super) fn end(
    tables: &mut impl Tables,
    token: LeaseToken,
    filings: &[Filing],
    throttle: Option<(LaneName, Timestamp)>,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let Some(lease) = tables.lease(token)? else {
        return Ok(Reply::Refused(Refused::LeaseOver));
    };
    let left = what_is_left(tables, &lease)?;
    if left
        .iter()
        .any(|l| l.receipt_state() == DeliveryState::Attempting)
    {
        return Ok(Reply::Refused(Refused::StillAttempting));
    }
    if let Some((lane, until)) = throttle {
        lanes::throttle(tables, &lane, until)?;
    }
    let waits: HashMap<_, _> = filings.iter().map(|f| (f.recipient, f)).collect();
    let lane = lease.lane.clone();
    file_rest(tables, &lease, left, now, |recipient| {
        match waits.get(&recipient.recipient) {
            Some(filing) => (filing.lane.clone(), filing.due_at),
            None => (lane.clone(), now),
        }
    })?;
    tables.delete_lease(token)?;
    Ok(Reply::Done { more: false })
}

pub(super) fn reap(
    tables: &mut impl Tables,
    before: Timestamp,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let over = tables.leases_before(before, REAP_LEASES_MAX)?;
    let more = over.len() == REAP_LEASES_MAX;
    for lease in over {
        let left = what_is_left(tables, &lease)?;
        let (begun, open): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|l| l.receipt_state() == DeliveryState::Attempting);
        for receipt in begun.into_iter().filter_map(|l| l.receipt) {
            doubt(tables, receipt, now)?;
        }
        file_rest(tables, &lease, open, now, |_| (lease.lane.clone(), now))?;
        tables.delete_lease(lease.token)?;
    }
    Ok(Reply::Done { more })
}

/// A recipient of a leased chunk on whom work is left.
struct Left {
    recipient: ChunkRecipient,
    receipt: Option<Receipt>,
}

impl Left {
    fn receipt_state(&self) -> DeliveryState {
        self.receipt
            .as_ref()
            .map_or(DeliveryState::Pending, |r| r.state)
    }
}

fn what_is_left(tables: &mut impl Tables, lease: &LeaseRow) -> Result<Vec<Left>, StoreError> {
    let chunk = existing_chunk(tables, lease.chunk)?;
    let mut left = Vec::new();
    for recipient in chunk.recipients {
        let delivery = DeliveryId {
            tenant: chunk.tenant,
            campaign: chunk.campaign,
            recipient: recipient.recipient,
        };
        let receipt = tables.receipt(delivery)?;
        if receipt.as_ref().is_none_or(|r| r.state.is_open()) {
            left.push(Left { recipient, receipt });
        }
    }
    Ok(left)
}

/// Puts what is left into the queue, or ends it when its campaign is cancelled.
fn file_rest(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    left: Vec<Left>,
    now: Timestamp,
    wait: impl Fn(&ChunkRecipient) -> (LaneName, Timestamp),
) -> Result<(), StoreError> {
    let chunk = existing_chunk(tables, lease.chunk)?;
    let state = campaign::existing(tables, chunk.campaign)?.state;
    if state == CampaignState::Cancelled {
        return left
            .into_iter()
            .try_for_each(|l| cancel_one(tables, &chunk, l, now));
    }
    let is_whole = left.len() == chunk.recipients.len();
    let mut groups: BTreeMap<(LaneName, Timestamp), Vec<ChunkRecipient>> = BTreeMap::new();
    let mut is_unchanged = true;
    for Left {
        mut recipient,
        receipt,
    } in left
    {
        let (lane, mut due_at) = wait(&recipient);
        if let Some(receipt) = receipt {
            due_at = due_at.max(receipt.next_attempt_at.unwrap_or(due_at));
            is_unchanged &= recipient.attempts == receipt.attempts;
            recipient.attempts = receipt.attempts;
            recipient.first_attempt_at = receipt.first_attempt_at;
        }
        groups.entry((lane, due_at)).or_default().push(recipient);
    }
    if is_whole && is_unchanged && groups.len() == 1 {
        let (lane, due_at) = groups.into_keys().next().expect("there is one group");
        return queue(tables, &chunk, chunk.chunk, lane, due_at, state, now);
    }
    for ((lane, due_at), recipients) in groups {
        for part in cut(recipients) {
            let number = ChunkId(tables.next(Sequence::Chunk)?);
            let new = ChunkRow {
                chunk: number,
                first: None,
                recipients: part,
                ..chunk.clone()
            };
            tables.put_chunk(&new)?;
            queue(tables, &chunk, number, lane.clone(), due_at, state, now)?;
        }
    }
    Ok(())
}

/// Cuts recipients into chunks within the bounds of count and bytes.
fn cut(recipients: Vec<ChunkRecipient>) -> Vec<Vec<ChunkRecipient>> {
    let mut parts: Vec<Vec<ChunkRecipient>> = Vec::new();
    let mut bytes = usize::MAX;
    for recipient in recipients {
        let more = recipient.stored_bytes();
        let is_full = parts
            .last()
            .is_none_or(|part| part.len() == CHUNK_RECIPIENTS_MAX);
        if is_full || bytes + more > CHUNK_BYTES_MAX {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += more;
        parts
            .last_mut()
            .expect("a part was just begun")
            .push(recipient);
    }
    parts
}

fn queue(
    tables: &mut impl Tables,
    home: &ChunkRow,
    chunk: ChunkId,
    lane: LaneName,
    due_at: Timestamp,
    state: CampaignState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = QueueRow {
        lane,
        due_at,
        chunk,
        campaign: home.campaign,
    };
    if receipts::may_begin(state) {
        lanes::enqueue(tables, &entry, now)
    } else {
        tables.park(&entry)
    }
}

/// Files one delivery whose chunk is over, from the chunk that still holds its variables.
pub(super) fn file_alone(
    tables: &mut impl Tables,
    home: ChunkId,
    delivery: DeliveryId,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let chunk = existing_chunk(tables, home)?;
    let found = chunk
        .recipients
        .iter()
        .find(|r| r.recipient == delivery.recipient)
        .cloned();
    let (Some(recipient), Some(receipt)) = (found, tables.receipt(delivery)?) else {
        return Err(StoreError::Corrupt {
            what: format!("{delivery} is not in chunk {home}"),
        });
    };
    let lane = LaneName::tail(&recipient.address.to_domain());
    let alone = ChunkRow {
        chunk: ChunkId(tables.next(Sequence::Chunk)?),
        first: None,
        recipients: vec![ChunkRecipient {
            attempts: receipt.attempts,
            first_attempt_at: receipt.first_attempt_at,
            ..recipient
        }],
        ..chunk
    };
    tables.put_chunk(&alone)?;
    let state = campaign::existing(tables, alone.campaign)?.state;
    queue(tables, &alone, alone.chunk, lane, due_at, state, now)
}

/// Nobody can know any more whether the receiver took this one.
fn doubt(tables: &mut impl Tables, receipt: Receipt, now: Timestamp) -> Result<(), StoreError> {
    let reason = "the worker was lost between the final dot and the reply";
    let doubted = Receipt {
        state: DeliveryState::InDoubt,
        reply: Some(SmtpReply::new(0, None, reason)),
        ..receipt
    };
    receipts::shift(tables, DeliveryState::Attempting, doubted, now)
}

/// Ends one open delivery of a cancelled campaign.
fn cancel_one(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    left: Left,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Left { recipient, receipt } = left;
    let untouched = Receipt {
        delivery: DeliveryId {
            tenant: chunk.tenant,
            campaign: chunk.campaign,
            recipient: recipient.recipient,
        },
        address: recipient.address,
        chunk: chunk.chunk,
        state: DeliveryState::Pending,
        attempts: recipient.attempts,
        token: None,
        first_attempt_at: recipient.first_attempt_at,
        next_attempt_at: None,
        reply: None,
        at: now,
    };
    receipts::cancel(tables, receipt.unwrap_or(untouched), now)
}

/// Ends every open delivery of a chunk that is neither queued nor leased any more.
pub(super) fn cancel_chunk(
    tables: &mut impl Tables,
    chunk: ChunkId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let chunk = existing_chunk(tables, chunk)?;
    for recipient in chunk.recipients.clone() {
        let delivery = DeliveryId {
            tenant: chunk.tenant,
            campaign: chunk.campaign,
            recipient: recipient.recipient,
        };
        let receipt = tables.receipt(delivery)?;
        let may_end = |r: &Receipt| r.state.is_open() && r.state != DeliveryState::Attempting;
        if receipt.as_ref().is_none_or(may_end) {
            cancel_one(tables, &chunk, Left { recipient, receipt }, now)?;
        }
    }
    Ok(())
}

fn existing_chunk(tables: &mut impl Tables, chunk: ChunkId) -> Result<ChunkRow, StoreError> {
    let found = tables.chunk(chunk)?;
    found.ok_or_else(|| StoreError::Corrupt {
        what: format!("chunk {chunk} is missing"),
    })
}
