//! `begin` and `record`: one attempt at one delivery.
//!
//! Three sentences decide everything here. Nothing begins without a live lease, a running
//! campaign and an open delivery. An outcome of an attempt that was begun is taken from the very
//! lease that began it, also when that lease is over: it settles what became in doubt. Everything
//! else is stale, and changes nothing.

use std::borrow::Cow;

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Address, ChunkId, DeliveryId, DeliveryState, Doubt, LeaseToken, Outcome, Receipt, Timestamp,
};

use super::{doubt, end, receipts, tenant};
use crate::error::StoreError;
use crate::request::{Refused, Reply};
use crate::tables::Tables;

/// What a lease says nothing about cannot be begun or ended under it.
const NOT_HELD: Refused =
    Refused::Malformed(Cow::Borrowed("the delivery is not in the leased chunk"));

/// Why a delivery expires.
const TOO_OLD: &str = "older than the give-up age";

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

    /// Whether `receipt` shows that this very attempt was given back unsent. A worker does not try
    /// whom it gave back from the same chunk again, so this is an old request that comes once more;
    /// done again, nobody would ever say what came of it.
    fn is_returned(&self, receipt: &Receipt) -> bool {
        receipt.state == DeliveryState::Pending
            && receipt.token == Some(self.token)
            && receipt.attempts.saturating_add(1) == self.attempt
    }

    /// What `receipt` keeps of this very attempt, which was taken out of doubt.
    fn doubt_of(&self, receipt: &Receipt) -> Option<Doubt> {
        let is_it = |doubt: &Doubt| doubt.token == self.token && doubt.attempt == self.attempt;
        receipt.doubt.filter(is_it)
    }

    /// Whether this says nothing new of a delivery that turned out, late, to be delivered: the
    /// outcome of an attempt that had begun by then, or the late outcome again.
    fn is_overtaken(&self, receipt: &Receipt, outcome: Outcome) -> bool {
        let is_settled = receipt.doubt.is_some_and(|doubt| doubt.is_settled);
        let is_the_late_one = self.doubt_of(receipt).is_some();
        let is_repeated = matches!(outcome, Outcome::Delivered | Outcome::InDoubt);
        let is_newer = !is_the_late_one && self.is_of(receipt);
        receipt.state == DeliveryState::Delivered
            && is_settled
            && (is_newer || (is_the_late_one && is_repeated))
    }

    /// The receipt of a delivery that was never touched.
    fn first_receipt(&self, chunk: ChunkId, now: Timestamp) -> Receipt {
        Receipt::untouched(self.delivery, self.address.clone(), chunk, now)
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
    let state = tenant::state_of(tables, &campaign)?;
    if !receipts::may_begin(state) {
        return Ok(Reply::Refused(Refused::Campaign { state }));
    }
    if !end::holds(&lease, attempt.delivery, receipt.as_ref()) {
        return Ok(Reply::Refused(NOT_HELD));
    }
    let receipt = receipt.unwrap_or_else(|| attempt.first_receipt(lease.chunk, now));
    let before = receipt.state;
    let may_follow = matches!(before, DeliveryState::Pending | DeliveryState::Deferred)
        && !attempt.is_returned(&receipt);
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
        Some(receipt) if let Some(doubt) = attempt.doubt_of(&receipt).filter(|d| !d.is_settled) => {
            doubt::settle_decided(tables, receipt, doubt, (outcome, reply), now)
        }
        Some(receipt) if is_recorded(&receipt, &attempt, outcome) => {
            Ok(Reply::Done { more: false })
        }
        Some(receipt) if receipt.state == DeliveryState::Attempting && attempt.is_of(&receipt) => {
            settle(tables, receipt, outcome, reply, now)
        }
        Some(receipt) if receipt.state == DeliveryState::InDoubt && attempt.is_of(&receipt) => {
            doubt::settle(tables, receipt, outcome, reply, now)
        }
        Some(receipt) if attempt.is_overtaken(&receipt, outcome) => Ok(Reply::Done { more: false }),
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
    if outcome == Outcome::InDoubt {
        doubt::enter(tables, receipt, reply, now)?;
    } else {
        let before = receipt.state;
        let settled = apply_outcome(receipt, outcome, reply);
        receipts::shift(tables, before, settled, now)?;
    }
    Ok(Reply::Done { more: false })
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
    if !end::holds(&lease, attempt.delivery, receipt.as_ref()) {
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
pub(super) fn apply_outcome(
    receipt: Receipt,
    outcome: Outcome,
    reply: Option<SmtpReply>,
) -> Receipt {
    let next_attempt_at = match outcome {
        Outcome::Deferred { next_attempt_at } => Some(next_attempt_at),
        _ => None,
    };
    let attempts = match outcome {
        Outcome::Returned => receipt.attempts.saturating_sub(1),
        _ => receipt.attempts,
    };
    let reply = match outcome {
        Outcome::Expired => Some(too_old(reply.as_ref().or(receipt.reply.as_ref()))),
        _ => reply,
    };
    Receipt {
        state: outcome.state(),
        attempts,
        next_attempt_at,
        reply,
        ..receipt
    }
}

/// What a receipt says of a delivery that was given up: that it was, and what was said of it last.
fn too_old(last: Option<&SmtpReply>) -> SmtpReply {
    let text = match last {
        None => TOO_OLD.to_owned(),
        Some(ours) if ours.code == 0 => format!("{TOO_OLD}; last: {}", ours.text),
        Some(theirs) => format!("{TOO_OLD}; last: {theirs}"),
    };
    SmtpReply::new(0, None, &text)
}
