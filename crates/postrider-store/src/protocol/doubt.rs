//! In doubt: what a campaign's policy makes of it, and how the truth settles it late.
//!
//! A delivery comes into doubt when its dot may have been written and nobody can say what became
//! of it. The policy of the campaign then says what happens by itself. `hold`: nothing. `retry`:
//! the delivery is filed alone, due when every trace of the try is over (the deadline of the dot,
//! the lease, and a margin), and the claim that finds it makes it pending again. `assume_delivered`:
//! it counts as delivered at once. A person may decide the same, and more (see `resolve`).
//!
//! None of this is knowledge, so the receipt keeps which attempt was in doubt, and its late
//! outcome is listened to as long as no newer doubt takes its place:
//!
//! - it settles what is in doubt, and what was only assumed to be delivered;
//! - that it was delivered is always believed, whatever came since; when another attempt had
//!   begun by then and may have been taken too, the recipient may have the message twice;
//! - that it was not delivered changes nothing in what goes on already.
//!
//! Invariant: a delivery that was ever taken out of doubt waits alone in its chunk, and its
//! receipt names that chunk; so the late truth can take it out of the queue.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    CampaignState, DeliveryState, Doubt, InDoubtPolicy, Outcome, Receipt, Timestamp,
};

use super::attempt::apply_outcome;
use super::{campaign, end, lanes, receipts, refile, tenant};
use crate::bounds::DOUBT_RETRIES_MAX;
use crate::error::StoreError;
use crate::request::{Refused, Reply};
use crate::rows::Look;
use crate::tables::Tables;

/// Nobody can say what became of the attempt that `receipt` shows as begun, for the reason in
/// `reply`: the campaign's policy decides.
pub(super) fn enter(
    tables: &mut impl Tables,
    receipt: Receipt,
    reply: Option<SmtpReply>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let campaign = campaign::existing(tables, receipt.delivery.campaign)?;
    let before = receipt.state;
    let doubted = Receipt {
        state: DeliveryState::InDoubt,
        next_attempt_at: None,
        reply,
        at: now,
        ..receipt
    };
    receipts::shift(tables, before, doubted.clone(), now)?;
    match campaign.in_doubt {
        InDoubtPolicy::Hold => Ok(()),
        InDoubtPolicy::Retry => {
            let is_left_to_people = doubted.retries_in_doubt >= DOUBT_RETRIES_MAX;
            let is_over = tenant::state_of(tables, &campaign)? == CampaignState::Cancelled;
            if is_left_to_people || is_over {
                return Ok(());
            }
            let due_at = now.plus(campaign.in_doubt_retry_after);
            refile::file_alone(tables, doubted, due_at, now)
        }
        InDoubtPolicy::AssumeDelivered => {
            let reason = "nobody knows, and the campaign's policy counts it as delivered";
            decide(tables, doubted, DeliveryState::Delivered, reason, now)
        }
    }
}

/// Ends a delivery in doubt without knowing; `receipt` is as it was.
pub(super) fn decide(
    tables: &mut impl Tables,
    receipt: Receipt,
    state: DeliveryState,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    withdraw(tables, &receipt)?;
    let decided = Receipt {
        state,
        reply: Some(SmtpReply::new(0, None, reason)),
        doubt: receipt.to_doubt(),
        ..receipt
    };
    receipts::shift(tables, DeliveryState::InDoubt, decided, now)
}

/// Makes a delivery in doubt pending again without knowing; filing it is left to the caller. Its
/// age counts anew, because it is to be sent once more and not given up for the try that is in doubt.
pub(super) fn take_up(
    tables: &mut impl Tables,
    receipt: Receipt,
    reason: &str,
    now: Timestamp,
) -> Result<Receipt, StoreError> {
    let again = Receipt {
        state: DeliveryState::Pending,
        reply: Some(SmtpReply::new(0, None, reason)),
        doubt: receipt.to_doubt(),
        retries_in_doubt: receipt.retries_in_doubt.saturating_add(1),
        first_attempt_at: None,
        at: now,
        ..receipt
    };
    receipts::shift(tables, DeliveryState::InDoubt, again.clone(), now)?;
    Ok(again)
}

/// Whether a delivery is in a leased chunk, whose end files it.
pub(super) fn is_held(tables: &mut impl Tables, receipt: &Receipt) -> Result<bool, StoreError> {
    let Some(token) = receipt.token else {
        return Ok(false);
    };
    let lease = tables.lease(token)?;
    Ok(lease.is_some_and(|lease| end::holds(&lease, receipt.delivery, Some(receipt))))
}

/// Whether a delivery in doubt is filed alone, and waits for its retry.
pub(super) fn is_filed(tables: &mut impl Tables, receipt: &Receipt) -> Result<bool, StoreError> {
    let campaign = receipt.delivery.campaign;
    Ok(tables.queued_chunk(campaign, receipt.chunk)?.is_some()
        || tables.parked_chunk(campaign, receipt.chunk)?.is_some())
}

/// The outcome of the newest attempt, of which nobody knew: the truth, late.
///
/// A refusal means that the delivery is open again. If its lease is over, nothing holds it, and
/// it is filed alone; otherwise it is still in the leased chunk, and waits for the lease's end.
pub(super) fn settle(
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
    let before = receipt.state;
    withdraw(tables, &receipt)?;
    // A doubt of an older attempt is not settled by this one's outcome.
    let doubt = if receipt.is_decided() {
        settled(&receipt)
    } else {
        receipt.doubt
    };
    let settled = Receipt {
        at: now,
        doubt,
        ..apply_outcome(receipt, outcome, reply)
    };
    receipts::shift(tables, before, settled.clone(), now)?;
    if let Some(due_at) = due_at
        && !is_held(tables, &settled)?
    {
        file_or_cancel(tables, settled, due_at, now)?;
    }
    Ok(Reply::Done { more: false })
}

/// Files an open delivery that nothing holds; in a cancelled campaign it ends instead, because
/// nobody would sweep it any more.
fn file_or_cancel(
    tables: &mut impl Tables,
    receipt: Receipt,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let campaign = campaign::existing(tables, receipt.delivery.campaign)?;
    if tenant::state_of(tables, &campaign)? == CampaignState::Cancelled {
        return receipts::cancel(tables, receipt, now);
    }
    refile::file_alone(tables, receipt, due_at, now)
}

/// The first outcome of an attempt that was taken out of doubt without knowing it.
pub(super) fn settle_decided(
    tables: &mut impl Tables,
    receipt: Receipt,
    doubt: Doubt,
    (outcome, reply): (Outcome, Option<SmtpReply>),
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let is_newest = receipt.token == Some(doubt.token) && receipt.attempts == doubt.attempt;
    if outcome == Outcome::InDoubt {
        // Said again, because the answer was lost.
        return Ok(Reply::Done { more: false });
    }
    match (outcome, receipt.state) {
        (Outcome::Delivered, before) => {
            let may_be_taken_too = !is_newest
                && matches!(
                    before,
                    DeliveryState::Attempting | DeliveryState::InDoubt | DeliveryState::Delivered
                );
            if before != DeliveryState::Attempting {
                withdraw(tables, &receipt)?;
            }
            let delivered = Receipt {
                state: DeliveryState::Delivered,
                next_attempt_at: None,
                reply,
                doubt: settled(&receipt),
                is_possible_duplicate: receipt.is_possible_duplicate || may_be_taken_too,
                ..receipt
            };
            receipts::shift_about(tables, before, delivered, doubt.attempt, now)?;
            Ok(Reply::Done { more: false })
        }
        // It was only assumed.
        (_, DeliveryState::Delivered) if is_newest => settle(tables, receipt, outcome, reply, now),
        _ => Ok(Reply::Refused(Refused::LeaseOver)),
    }
}

/// Takes a delivery out of where it waits alone, if it does.
fn withdraw(tables: &mut impl Tables, receipt: &Receipt) -> Result<(), StoreError> {
    let found = lanes::waiting(tables, receipt.delivery.campaign, receipt.chunk)?;
    let Some(entry) = found else {
        return Ok(());
    };
    match tables.look_at(receipt.chunk)? {
        Look::Whole(chunk) if chunk.recipients.len() > 1 => Ok(()),
        // The claim that meets it puts it aside.
        Look::Unreadable(_) | Look::Missing => Ok(()),
        Look::Whole(_) => lanes::take_out(tables, &entry),
    }
}

/// The doubt of a receipt, settled, when there is one.
fn settled(receipt: &Receipt) -> Option<Doubt> {
    receipt.doubt.map(|doubt| Doubt {
        is_settled: true,
        ..doubt
    })
}
