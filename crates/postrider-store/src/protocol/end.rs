//! The end of a lease by its own worker: `release`, `refile` and `finish` are one function.
//!
//! Whatever is left of the chunk is filed in the same transaction that ends the lease. Nothing is
//! ever left behind: a recipient that nobody named goes to the tail of its lane. How the lease of
//! a worker that is gone ends is told in `suspects`.

use std::collections::HashMap;

use postrider_types::{
    ChunkId, ChunkRecipient, DeliveryId, DeliveryState, LaneName, LeaseToken, Receipt, Timestamp,
};

use super::{lanes, quarantine, receipts, refile};
use crate::error::StoreError;
use crate::request::{Filing, Refused, Reply};
use crate::rows::{ChunkRow, LeaseRow, Look};
use crate::tables::Tables;

pub(super) fn extend(
    tables: &mut impl Tables,
    token: LeaseToken,
    until: Timestamp,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let Some(lease) = live(tables, token, now)? else {
        return Ok(Reply::Refused(Refused::LeaseOver));
    };
    let until = lease.until.max(until);
    tables.put_lease(&LeaseRow { until, ..lease })?;
    Ok(Reply::Done { more: false })
}

/// A lease that has not run out.
pub(super) fn live(
    tables: &mut impl Tables,
    token: LeaseToken,
    now: Timestamp,
) -> Result<Option<LeaseRow>, StoreError> {
    Ok(tables.lease(token)?.filter(|lease| lease.until > now))
}

/// Whether a delivery is in the leased chunk, and not filed anew since. Chunks get growing
/// numbers, so a receipt that names a newer chunk says that the delivery left this one: it was
/// taken out of doubt while its old lease lived on.
pub(super) fn holds(lease: &LeaseRow, delivery: DeliveryId, receipt: Option<&Receipt>) -> bool {
    lease.holds(delivery) && receipt.is_none_or(|receipt| receipt.chunk <= lease.chunk)
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
    let chunk = match tables.look_at(lease.chunk)? {
        Look::Whole(chunk) => chunk,
        look => {
            // What is begun keeps its lease until its outcome is there.
            if !quarantine::begun_of(tables, &lease)?.is_empty() {
                return Ok(Reply::Refused(Refused::StillAttempting));
            }
            quarantine::set_aside(tables, lease.chunk, lease.campaign, look, now)?;
            tables.delete_lease(token)?;
            return Ok(Reply::Done { more: false });
        }
    };
    let left = left_of(tables, &chunk)?;
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
    refile::file_rest(tables, &lease, &chunk, left, now, |recipient| {
        match waits.get(&recipient.recipient) {
            Some(filing) => (filing.lane.clone(), filing.due_at),
            None => (lane.clone(), now),
        }
    })?;
    tables.delete_lease(token)?;
    Ok(Reply::Done { more: false })
}

/// A recipient of a leased chunk on whom work is left.
pub(super) struct Left {
    pub recipient: ChunkRecipient,
    pub receipt: Option<Receipt>,
}

impl Left {
    pub(super) fn receipt_state(&self) -> DeliveryState {
        self.receipt
            .as_ref()
            .map_or(DeliveryState::Pending, |r| r.state)
    }

    /// Its receipt, or the one that it would have: pending, in `chunk`.
    pub(super) fn into_receipt(self, chunk: &ChunkRow, now: Timestamp) -> Receipt {
        let Self { recipient, receipt } = self;
        receipt.unwrap_or_else(|| Receipt {
            attempts: recipient.attempts,
            first_attempt_at: recipient.first_attempt_at,
            ..Receipt::untouched(
                chunk.delivery(recipient.recipient),
                recipient.address,
                chunk.chunk,
                now,
            )
        })
    }
}

/// Those of a chunk's recipients on whom work is left, and who were not filed anew since.
///
/// Whose receipt cannot be read is not among them: it may say that the message has left, so nothing
/// may be sent to them, and it must not hold up the others.
pub(super) fn left_of(tables: &mut impl Tables, chunk: &ChunkRow) -> Result<Vec<Left>, StoreError> {
    let mut left = Vec::new();
    for recipient in chunk.recipients.clone() {
        let delivery = chunk.delivery(recipient.recipient);
        let Some(receipt) = readable(tables, delivery)? else {
            continue;
        };
        let is_here = |r: &Receipt| r.state.is_open() && r.chunk <= chunk.chunk;
        if receipt.as_ref().is_none_or(is_here) {
            left.push(Left { recipient, receipt });
        }
    }
    Ok(left)
}

/// A receipt, or that there is none; `None` when it cannot be read. Nobody may be sent to, or be
/// ended, on account of what is not known, and nobody else is held up by it.
pub(super) fn readable(
    tables: &mut impl Tables,
    delivery: DeliveryId,
) -> Result<Option<Option<Receipt>>, StoreError> {
    match tables.receipt(delivery) {
        Err(error) if error.is_of_a_row() => {
            tracing::error!(%error, %delivery, "a receipt cannot be read; nothing is sent");
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Ends one open delivery of a cancelled campaign.
pub(super) fn cancel_one(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    left: Left,
    now: Timestamp,
) -> Result<(), StoreError> {
    receipts::cancel(tables, left.into_receipt(chunk, now), now)
}

pub(super) fn existing_chunk(
    tables: &mut impl Tables,
    chunk: ChunkId,
) -> Result<ChunkRow, StoreError> {
    let found = tables.chunk(chunk)?;
    found.ok_or_else(|| StoreError::Corrupt {
        what: format!("chunk {chunk} is missing"),
    })
}
