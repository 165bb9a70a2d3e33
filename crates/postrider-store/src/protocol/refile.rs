//! Refile: what must wait goes into new chunks by (lane, due).
//!
//! A chunk that is left exactly as it was is queued again instead of written again.

use std::collections::BTreeMap;

use postrider_types::bounds::{CHUNK_BYTES_MAX, CHUNK_RECIPIENTS_MAX};
use postrider_types::{CampaignState, ChunkId, ChunkRecipient, LaneName, Receipt, Timestamp};

use super::end::{self, Left};
use super::{campaign, lanes, receipts};
use crate::error::StoreError;
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Sequence};
use crate::tables::Tables;

/// Puts what is left into the queue, or ends it when its campaign is cancelled.
pub(super) fn file_rest(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    chunk: &ChunkRow,
    left: Vec<Left>,
    now: Timestamp,
    wait: impl Fn(&ChunkRecipient) -> (LaneName, Timestamp),
) -> Result<(), StoreError> {
    let state = campaign::existing(tables, chunk.campaign)?.state;
    if state == CampaignState::Cancelled {
        return left
            .into_iter()
            .try_for_each(|l| end::cancel_one(tables, chunk, l, now));
    }
    let is_whole = left.len() == lease.recipients.len();
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
            is_unchanged &= recipient.attempts == receipt.attempts
                && recipient.first_attempt_at == receipt.first_attempt_at;
            recipient.attempts = receipt.attempts;
            recipient.first_attempt_at = receipt.first_attempt_at;
        }
        groups.entry((lane, due_at)).or_default().push(recipient);
    }
    if is_whole && is_unchanged && groups.len() == 1 {
        let (lane, due_at) = groups.into_keys().next().expect("there is one group");
        return queue(tables, chunk, chunk.chunk, lane, due_at, state, now);
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
            queue(tables, chunk, number, lane.clone(), due_at, state, now)?;
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
    lanes::enqueue_or_park(tables, &entry, state, now)
}

/// Files one delivery whose chunk is over, from the chunk that still holds its variables; or ends
/// it when its campaign is cancelled, because nobody would sweep it any more.
pub(super) fn file_alone(
    tables: &mut impl Tables,
    receipt: Receipt,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let delivery = receipt.delivery;
    let state = campaign::existing(tables, delivery.campaign)?.state;
    if state == CampaignState::Cancelled {
        return receipts::cancel(tables, receipt, now);
    }
    let mut home = end::existing_chunk(tables, receipt.chunk)?;
    let recipients = std::mem::take(&mut home.recipients);
    let found = recipients
        .into_iter()
        .find(|r| r.recipient == delivery.recipient);
    let Some(recipient) = found else {
        return Err(StoreError::Corrupt {
            what: format!("{delivery} is not in chunk {}", receipt.chunk),
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
        ..home
    };
    tables.put_chunk(&alone)?;
    queue(tables, &alone, alone.chunk, lane, due_at, state, now)
}
