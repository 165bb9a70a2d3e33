//! The end of a lease: `release`, `refile`, `finish` and `reap` are one function.
//!
//! Whatever is left of the chunk is filed in the same transaction that ends the lease. Nothing is
//! ever left behind: a recipient that nobody named goes to the tail of its lane. Between `reap`
//! and the others there is one difference: what was begun and has no outcome becomes in doubt,
//! because the one who knows is gone.

use std::collections::HashMap;

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    ChunkId, ChunkRecipient, DeliveryId, DeliveryState, LaneName, LeaseToken, Receipt, Timestamp,
};

use super::{lanes, receipts, refile};
use crate::bounds::REAP_LEASES_MAX;
use crate::error::StoreError;
use crate::request::{Filing, Refused, Reply};
use crate::rows::{ChunkRow, LeaseRow};
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
    let (chunk, left) = what_is_left(tables, &lease)?;
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

pub(super) fn reap(
    tables: &mut impl Tables,
    before: Timestamp,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let over = tables.leases_before(before, REAP_LEASES_MAX)?;
    let more = over.len() == REAP_LEASES_MAX;
    for lease in over {
        let (chunk, left) = what_is_left(tables, &lease)?;
        let (begun, open): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|l| l.receipt_state() == DeliveryState::Attempting);
        for receipt in begun.into_iter().filter_map(|l| l.receipt) {
            doubt(tables, receipt, now)?;
        }
        refile::file_rest(tables, &lease, &chunk, open, now, |_| {
            (lease.lane.clone(), now)
        })?;
        tables.delete_lease(lease.token)?;
    }
    Ok(Reply::Done { more })
}

/// A recipient of a leased chunk on whom work is left.
pub(super) struct Left {
    pub recipient: ChunkRecipient,
    pub receipt: Option<Receipt>,
}

impl Left {
    fn receipt_state(&self) -> DeliveryState {
        self.receipt
            .as_ref()
            .map_or(DeliveryState::Pending, |r| r.state)
    }
}

/// A leased chunk, without its recipients, and those of them on whom work is left.
fn what_is_left(
    tables: &mut impl Tables,
    lease: &LeaseRow,
) -> Result<(ChunkRow, Vec<Left>), StoreError> {
    let mut chunk = existing_chunk(tables, lease.chunk)?;
    let mut left = Vec::new();
    for recipient in std::mem::take(&mut chunk.recipients) {
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
    Ok((chunk, left))
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
pub(super) fn cancel_one(
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

pub(super) fn existing_chunk(
    tables: &mut impl Tables,
    chunk: ChunkId,
) -> Result<ChunkRow, StoreError> {
    let found = tables.chunk(chunk)?;
    found.ok_or_else(|| StoreError::Corrupt {
        what: format!("chunk {chunk} is missing"),
    })
}
