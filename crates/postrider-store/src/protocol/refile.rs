//! Refile: what must wait goes into new chunks by (lane, due).
//!
//! A chunk that is left exactly as it was is queued again instead of written again. A delivery
//! that was ever taken out of doubt is filed alone, and its receipt names its chunk, so that the
//! late truth about the doubt can take it out again.

use std::collections::BTreeMap;

use postrider_types::bounds::{CHUNK_BYTES_MAX, CHUNK_RECIPIENTS_MAX};
use postrider_types::{
    CampaignId, CampaignState, ChunkId, ChunkRecipient, LaneName, Receipt, Timestamp,
};

use super::end::{self, Left};
use super::{campaign, home, lanes, quarantine, receipts, tenant};
use crate::error::StoreError;
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Sequence};
use crate::tables::Tables;

/// Puts what is left of a leased chunk into the queue, or ends it when its campaign is cancelled.
pub(super) fn file_rest(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    chunk: &ChunkRow,
    left: Vec<Left>,
    now: Timestamp,
    wait: impl Fn(&ChunkRecipient) -> (LaneName, Timestamp),
) -> Result<(), StoreError> {
    let is_whole = left.len() == lease.recipients.len();
    file(tables, chunk, (left, is_whole), now, wait)
}

/// Puts some of a chunk's recipients into one place of the queue, as new chunks.
pub(super) fn file_together(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    left: Vec<Left>,
    place: (LaneName, Timestamp),
    now: Timestamp,
) -> Result<(), StoreError> {
    file(tables, chunk, (left, false), now, |_| place.clone())
}

/// The chunk itself may be queued again when everybody of it is left as it was.
fn file(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    (left, is_whole): (Vec<Left>, bool),
    now: Timestamp,
    wait: impl Fn(&ChunkRecipient) -> (LaneName, Timestamp),
) -> Result<(), StoreError> {
    let campaign = campaign::existing(tables, chunk.campaign)?;
    let state = tenant::state_of(tables, &campaign)?;
    if state == CampaignState::Cancelled {
        return left
            .into_iter()
            .try_for_each(|l| end::cancel_one(tables, chunk, l, now));
    }
    let mut groups: BTreeMap<(LaneName, Timestamp), Vec<ChunkRecipient>> = BTreeMap::new();
    let mut alone = Vec::new();
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
            if receipt.doubt.is_some() {
                alone.push((receipt, recipient, (lane, due_at)));
                continue;
            }
        }
        groups.entry((lane, due_at)).or_default().push(recipient);
    }
    let is_whole = is_whole && alone.is_empty();
    for (receipt, recipient, place) in alone {
        file_alone_in(tables, receipt, recipient, place, now)?;
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

/// Files recipients of a campaign whom no chunk holds any more, as many to a chunk as fit; answers
/// with the chunk of each.
pub(super) fn file_new(
    tables: &mut impl Tables,
    campaign: CampaignId,
    recipients: Vec<ChunkRecipient>,
    (lane, due_at): (LaneName, Timestamp),
    now: Timestamp,
) -> Result<Vec<ChunkId>, StoreError> {
    let campaign = campaign::existing(tables, campaign)?;
    let mut chunks = Vec::with_capacity(recipients.len());
    for part in cut(recipients) {
        let new = ChunkRow {
            chunk: ChunkId(tables.next(Sequence::Chunk)?),
            tenant: campaign.tenant,
            campaign: campaign.id,
            email: campaign.email,
            first: None,
            recipients: part,
        };
        chunks.extend(new.recipients.iter().map(|_| new.chunk));
        tables.put_chunk(&new)?;
        queue(
            tables,
            &new,
            new.chunk,
            lane.clone(),
            due_at,
            campaign.state,
            now,
        )?;
    }
    Ok(chunks)
}

/// Files one delivery that no chunk holds any more, in the lane of its domain; its receipt names
/// the new chunk. The variables come from the chunk that the receipt names.
pub(super) fn file_alone(
    tables: &mut impl Tables,
    receipt: Receipt,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(recipient) = home::recipient_of(tables, &receipt)? else {
        return quarantine::put_lost(tables, receipt, now);
    };
    let lane = lanes::lane_of(tables, &recipient.address.to_domain())?;
    file_alone_in(tables, receipt, recipient, (lane, due_at), now)
}

/// The same, with recipient and lane as the caller knows them.
pub(super) fn file_alone_in(
    tables: &mut impl Tables,
    receipt: Receipt,
    recipient: ChunkRecipient,
    (lane, due_at): (LaneName, Timestamp),
    now: Timestamp,
) -> Result<(), StoreError> {
    if recipient.address.is_erased() {
        return end_erased(tables, receipt, now);
    }
    let delivery = receipt.delivery;
    let campaign = campaign::existing(tables, delivery.campaign)?;
    let alone = ChunkRow {
        chunk: ChunkId(tables.next(Sequence::Chunk)?),
        tenant: delivery.tenant,
        campaign: delivery.campaign,
        email: campaign.email,
        first: None,
        recipients: vec![ChunkRecipient {
            attempts: receipt.attempts,
            first_attempt_at: receipt.first_attempt_at,
            ..recipient
        }],
    };
    tables.put_chunk(&alone)?;
    queue(
        tables,
        &alone,
        alone.chunk,
        lane,
        due_at,
        campaign.state,
        now,
    )?;
    tables.put_receipt(&Receipt {
        chunk: alone.chunk,
        ..receipt
    })
}

/// Who was erased is not tried again, whatever was decided; what is in doubt stays so.
pub(super) fn end_erased(
    tables: &mut impl Tables,
    receipt: Receipt,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !receipt.state.is_open() {
        return Ok(());
    }
    receipts::cancel_because(tables, receipt, receipts::ERASED, now)
}
