//! `begin` and `record`: one attempt at one delivery.
//!
//! Three sentences decide everything here. Nothing begins without a live lease, a running
//! campaign and an open delivery. An outcome of an attempt that was begun is taken from the very
//! lease that began it, also when that lease is over: it settles what became in doubt. Everything
//! else is stale, and changes nothing.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Address, ChunkId, DeliveryId, DeliveryState, LeaseToken, Outcome, Receipt, Timestamp,
};

use super::{end, receipts, refile};
use crate::error::StoreError;
use crate::request::{Refused, Reply};
use crate::tables::Tables;

/// What a lease says nothing about cannot be begun or ended under it.
const NOT_HELD: Refused = Refused::Malformed("the delivery is not in the leased chunk");

/// One numbered try, as both verbs name it.
pub(super) struct Attempt {
    /// The lease that it is made under.
    pub token: LeaseToken,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Where it goes.
    pub address: Address,
    /// Its number, from 1; attempts so far for an outcome without an attempt.
    pub attempt: u16,
}

impl Attempt {
    /// Whether `receipt` shows this very attempt.
    fn is_of(&self, receipt: &Receipt) -> bool {
        receipt.token == Some(self.token) && receipt.attempts == self.attempt
    }

    /// The receipt of a delivery that was never touched.
    fn first_receipt(&self, chunk: ChunkId, now: Timestamp) -> Receipt {
        Receipt {
            delivery: self.delivery,
            address: self.address.clone(),
            chunk,
            state: DeliveryState::Pending,
            attempts: 0,
            token: None,
            first_attempt_at: None,
            next_attempt_at: None,
            reply: None,
            at: now,
        }
    }
}

pub(super) fn begin(
    tables: &mut impl Tables,
    attempt: Attempt,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let receipt = tables.receipt(attempt.delivery)?;
    let is_replay = receipt
        .as_ref()
        .is_some_and(|r| r.state == DeliveryState::Attempting && attempt.is_of(r));
    if is_replay {
        return Ok(Reply::Done { more: false });
    }
    let Some(lease) = end::live(tables, attempt.token, now)? else {
        return Ok(Reply::Refused(Refused::LeaseOver));
    };
    let Some(campaign) = tables.campaign(attempt.delivery.campaign)? else {
        return Ok(Reply::Refused(Refused::NoCampaign));
    };
    if !receipts::may_begin(campaign.state) {
        return Ok(Reply::Refused(Refused::Campaign {
            state: campaign.state,
        }));
    }
    if !lease.holds(attempt.delivery) {
        return Ok(Reply::Refused(NOT_HELD));
    }
    let receipt = receipt.unwrap_or_else(|| attempt.first_receipt(lease.chunk, now));
    let before = receipt.state;
    let may_follow = matches!(before, DeliveryState::Pending | DeliveryState::Deferred);
    if !may_follow || attempt.attempt != receipt.attempts.saturating_add(1) {
        return Ok(Reply::Refused(Refused::Delivery { state: before }));
    }
    let begun = Receipt {
        chunk: lease.chunk,
        state: DeliveryState::Attempting,
        attempts: attempt.attempt,
        token: Some(attempt.token),
        first_attempt_at: receipt.first_attempt_at.or(Some(now)),
        next_attempt_at: None,
        ..receipt
    };
    receipts::shift(tables, before, begun, now)?;
    Ok(Reply::Done { more: false })
}

pub(super) fn record(
    tables: &mut impl Tables,
    attempt: Attempt,
    outcome: Outcome,
    reply: Option<SmtpReply>,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let receipt = tables.receipt(attempt.delivery)?;
    match receipt {
        Some(receipt) if is_recorded(&receipt, &attempt, outcome) => {
            Ok(Reply::Done { more: false })
        }
        Some(receipt) if receipt.state == DeliveryState::Attempting && attempt.is_of(&receipt) => {
            settle(tables, receipt, outcome, reply, now)
        }
        Some(receipt) if receipt.state == DeliveryState::InDoubt && attempt.is_of(&receipt) => {
            settle_late(tables, receipt, outcome, reply, now)
        }
        receipt => record_without_begin(tables, attempt, receipt, outcome, reply, now),
    }
}

/// Whether this very outcome of this very attempt was recorded before, and at most cancelled since.
fn is_recorded(receipt: &Receipt, attempt: &Attempt, outcome: Outcome) -> bool {
    let charged = match outcome {
        Outcome::Returned => attempt.attempt.saturating_sub(1),
        _ => attempt.attempt,
    };
    let is_cancelled = receipt.state == DeliveryState::Cancelled && outcome.state().is_open();
    (receipt.state == outcome.state() || is_cancelled)
        && receipt.token == Some(attempt.token)
        && receipt.attempts == charged
}

/// The outcome of an attempt that was begun, under the lease that began it.
fn settle(
    tables: &mut impl Tables,
    receipt: Receipt,
    outcome: Outcome,
    reply: Option<SmtpReply>,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let before = receipt.state;
    let settled = apply_outcome(receipt, outcome, reply);
    receipts::shift(tables, before, settled, now)?;
    Ok(Reply::Done { more: false })
}

/// The outcome of an attempt that is in doubt: the truth, late.
///
/// A refusal means that the delivery is open again. If its lease is over, nothing holds it, and
/// it is filed alone; otherwise it is still in the leased chunk, and waits for the lease's end.
fn settle_late(
    tables: &mut impl Tables,
    receipt: Receipt,
    outcome: Outcome,
    reply: Option<SmtpReply>,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let due_at = match outcome {
        Outcome::Deferred { next_attempt_at } => Some(next_attempt_at),
        Outcome::Returned => Some(now),
        _ => None,
    };
    let is_held = match receipt.token {
        Some(token) => tables.lease(token)?.is_some(),
        None => false,
    };
    let delivery = receipt.delivery;
    let settled = settle(tables, receipt, outcome, reply, now)?;
    if let (Some(due_at), false) = (due_at, is_held)
        && let Some(receipt) = tables.receipt(delivery)?
    {
        refile::file_alone(tables, receipt, due_at, now)?;
    }
    Ok(settled)
}

/// What may be said of a delivery that was not begun: refused before the dot, or given up.
fn record_without_begin(
    tables: &mut impl Tables,
    attempt: Attempt,
    receipt: Option<Receipt>,
    outcome: Outcome,
    reply: Option<SmtpReply>,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let state = receipt.as_ref().map_or(DeliveryState::Pending, |r| r.state);
    let Some(lease) = end::live(tables, attempt.token, now)? else {
        return Ok(Reply::Refused(Refused::LeaseOver));
    };
    if !lease.holds(attempt.delivery) {
        return Ok(Reply::Refused(NOT_HELD));
    }
    let is_open = matches!(state, DeliveryState::Pending | DeliveryState::Deferred);
    let needs_begin = matches!(
        outcome,
        Outcome::Delivered | Outcome::InDoubt | Outcome::Returned
    );
    let attempts = receipt.as_ref().map_or(0, |r| r.attempts);
    let is_attempt = matches!(outcome, Outcome::Deferred { .. } | Outcome::Bounced);
    let expected = if is_attempt {
        attempts.saturating_add(1)
    } else {
        attempts
    };
    if !is_open || needs_begin || attempt.attempt != expected {
        return Ok(Reply::Refused(Refused::Delivery { state }));
    }
    let receipt = receipt.unwrap_or_else(|| attempt.first_receipt(lease.chunk, now));
    let touched = Receipt {
        chunk: lease.chunk,
        attempts: expected,
        token: Some(attempt.token),
        first_attempt_at: receipt
            .first_attempt_at
            .or_else(|| is_attempt.then_some(now)),
        ..receipt
    };
    receipts::shift(tables, state, apply_outcome(touched, outcome, reply), now)?;
    Ok(Reply::Done { more: false })
}

/// The receipt after an outcome. An attempt whose terminator was never written is not charged.
fn apply_outcome(receipt: Receipt, outcome: Outcome, reply: Option<SmtpReply>) -> Receipt {
    let next_attempt_at = match outcome {
        Outcome::Deferred { next_attempt_at } => Some(next_attempt_at),
        _ => None,
    };
    let attempts = match outcome {
        Outcome::Returned => receipt.attempts.saturating_sub(1),
        _ => receipt.attempts,
    };
    Receipt {
        state: outcome.state(),
        attempts,
        next_attempt_at,
        reply,
        ..receipt
    }
}
