//! Taking out what waits for one domain, in whichever lane: its own as a whole, and of the tail and
//! the solo lane, which it shares with others, only its recipients.
//!
//! A chunk that holds others too is replaced by one for them alone, in the same place. That has a
//! higher number, so the walk meets it later, and finds nobody in it.

use postrider_types::{ChunkRecipient, DeliveryState, Domain, LaneName, Timestamp};

use super::walk::Walk;
use super::{end, lanes, purge, refile};
use crate::bounds::SCANNED_CHUNK_COST;
use crate::error::StoreError;
use crate::rows::{ChunkRow, QueueRow, Within};
use crate::tables::Tables;

/// Walks over the lanes of a domain from the walk's place on; says whether that is all.
pub(super) fn end_lanes(
    tables: &mut impl Tables,
    walk: &mut Walk,
    domain: &Domain,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let own = LaneName::own(domain);
    let lanes = [own.clone(), LaneName::tail(domain), LaneName::solo(domain)];
    while let Some(lane) = lanes.get(usize::from(walk.cursor.lane)) {
        walk.only = (*lane != own).then(|| domain.clone());
        if !purge::end_within(tables, walk, &Within::Lane(lane.clone()), now)? {
            return Ok(false);
        }
        walk.next_lane();
    }
    Ok(true)
}

/// Ends those of a chunk that waits who are at the domain, and says whether it is to stay where it
/// is.
pub(super) fn end_some(
    tables: &mut impl Tables,
    walk: &mut Walk,
    entry: &QueueRow,
    chunk: &ChunkRow,
    domain: &Domain,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_meant = |recipient: &ChunkRecipient| recipient.address.to_domain() == *domain;
    walk.spend(SCANNED_CHUNK_COST);
    if !chunk.recipients.iter().any(is_meant) {
        return Ok(true);
    }
    walk.spend(chunk.recipients.len() as u64);
    let left = end::left_of(tables, chunk)?.into_iter();
    let (meant, others): (Vec<_>, Vec<_>) = left.partition(|left| is_meant(&left.recipient));
    if meant.is_empty() {
        return Ok(true);
    }
    for left in meant {
        match left.receipt_state() {
            DeliveryState::Attempting => walk.busy += 1,
            _ => purge::end_one(tables, walk, left.into_receipt(chunk, now), now)?,
        }
    }
    if walk.is_dry_run || others.is_empty() {
        return Ok(false);
    }
    lanes::take_out(tables, entry)?;
    // Limits may have changed while it was parked.
    let is_waiting = entry.due_at != Timestamp::NEVER;
    let due_at = if is_waiting { entry.due_at } else { now };
    refile::file_together(tables, chunk, others, (entry.lane.clone(), due_at), now)?;
    Ok(true)
}
