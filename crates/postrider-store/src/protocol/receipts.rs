//! The one place that moves a delivery from state to state: receipt, log and tally together.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{CampaignState, DeliveryState, Receipt, Timestamp};

use super::campaign;
use crate::error::StoreError;
use crate::rows::LogRow;
use crate::tables::Tables;

/// Why a delivery of a cancelled campaign ends.
pub(super) const CANCELLED: &str = "the campaign was cancelled";

/// Why a delivery of a recipient who was erased ends.
pub(super) const ERASED: &str = "the recipient was erased";

/// Writes a receipt in its new state, counts it, and logs it unless it only began.
///
/// `before` is the state that it was in; a delivery without a receipt was pending.
pub(super) fn shift(
    tables: &mut impl Tables,
    before: DeliveryState,
    receipt: Receipt,
    now: Timestamp,
) -> Result<(), StoreError> {
    let attempt = receipt.attempts;
    shift_about(tables, before, receipt, attempt, now)
}

/// The same, by word of an attempt that need not be the newest one.
pub(super) fn shift_about(
    tables: &mut impl Tables,
    before: DeliveryState,
    receipt: Receipt,
    attempt: u16,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut campaign = campaign::existing(tables, receipt.delivery.campaign)?;
    campaign.tally.shift(before, receipt.state);
    if receipt.state.is_open() {
        campaign::reopen(&mut campaign);
    }
    if receipt.state != DeliveryState::Attempting {
        tables.append_log(&LogRow {
            delivery: receipt.delivery,
            attempt,
            state: receipt.state,
            reply: receipt.reply.clone(),
            at: now,
        })?;
    }
    tables.put_receipt(&Receipt { at: now, ..receipt })?;
    campaign::finish_if_done(&mut campaign, now);
    tables.put_campaign(&campaign)
}

/// Ends a delivery as cancelled; `receipt` is as it was.
pub(super) fn cancel(
    tables: &mut impl Tables,
    receipt: Receipt,
    now: Timestamp,
) -> Result<(), StoreError> {
    cancel_because(tables, receipt, CANCELLED, now)
}

/// The same, for a reason of its own.
pub(super) fn cancel_because(
    tables: &mut impl Tables,
    receipt: Receipt,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = receipt.state;
    // Its late outcome is still listened to, and a retry is one of a doubt.
    let doubt = match before {
        DeliveryState::InDoubt => receipt.to_doubt(),
        _ => receipt.doubt,
    };
    let cancelled = Receipt {
        state: DeliveryState::Cancelled,
        doubt,
        next_attempt_at: None,
        reply: Some(SmtpReply::new(0, None, reason)),
        ..receipt
    };
    shift(tables, before, cancelled, now)
}

/// Whether the campaign lets anything begin.
pub(super) const fn may_begin(state: CampaignState) -> bool {
    matches!(state, CampaignState::Running)
}
