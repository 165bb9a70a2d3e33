//! Quarantine: what cannot be worked on is put aside with its reason.
//!
//! Three kinds end here. A *recipient* that kills its worker, or that a worker refuses. An *email*,
//! for which the rules are in `email_quarantine`. A *chunk* that cannot be read: it leaves the queue
//! for good, with its bytes kept aside, and whoever it held is quarantined as far as anybody knows
//! who that is.
//!
//! Nothing leaves by itself; the way back is in `lift`.

use postrider_types::reply::{Reply as SmtpReply, tame};
use postrider_types::{
    CampaignId, ChunkId, DeliveryId, DeliveryState, EmailId, LeaseToken, Receipt, RecipientId,
    TenantId, Timestamp,
};

use super::{email_quarantine, end, home, receipts};
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, Subject, chunk_reason};
use crate::request::{Refused, Reply};
use crate::rows::{ChunkRow, LeaseRow, Look, QueueRow};
use crate::tables::Tables;

/// A worker says that it cannot work on something of its chunk. Saying it again changes nothing.
pub(super) fn report(
    tables: &mut impl Tables,
    token: LeaseToken,
    what: Subject,
    reason: &str,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let Some(lease) = end::live(tables, token, now)? else {
        return Ok(Reply::Refused(Refused::LeaseOver));
    };
    let Look::Whole(chunk) = tables.look_at(lease.chunk)? else {
        // The end of the lease puts it aside.
        return Ok(Reply::Done { more: false });
    };
    let (tenant, email) = (chunk.tenant, chunk.email);
    let meant = |recipient: RecipientId| match what {
        Subject::Recipient(one) => recipient == one,
        Subject::Chunk | Subject::Email => true,
    };
    let mut left = end::left_of(tables, &chunk)?;
    left.retain(|left| {
        meant(left.recipient.recipient) && left.receipt_state() != DeliveryState::Attempting
    });
    // Before the last open delivery ends: a campaign that is to be paused must not finish with it.
    match what {
        Subject::Recipient(_) if !left.is_empty() => {
            email_quarantine::count_recipient(tables, tenant, email, now)?;
        }
        Subject::Email => {
            email_quarantine::put(tables, tenant, email, reason, now)?;
        }
        Subject::Recipient(_) | Subject::Chunk => {}
    }
    say(what, &chunk, left.len(), reason);
    for left in left {
        put(tables, left.into_receipt(&chunk, now), reason, now)?;
    }
    Ok(Reply::Done { more: false })
}

/// Says in the log what of a chunk is quarantined by a report, once; an email says so itself.
fn say(what: Subject, chunk: &ChunkRow, recipients: usize, reason: &str) {
    if recipients == 0 {
        return;
    }
    let (reason, campaign) = (tame(reason), chunk.campaign);
    match what {
        Subject::Recipient(recipient) => say_one(chunk.delivery(recipient), &reason),
        Subject::Chunk => {
            let chunk = chunk.chunk;
            tracing::warn!(%chunk, %campaign, recipients, reason, "a chunk is quarantined");
        }
        Subject::Email => {}
    }
}

fn say_one(delivery: DeliveryId, reason: &str) {
    tracing::warn!(%delivery, reason, "a recipient is quarantined");
}

/// Quarantines a recipient that workers, or its trial, died of.
pub(super) fn put_deadly(
    tables: &mut impl Tables,
    email: (TenantId, EmailId),
    receipt: Receipt,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    // First: a campaign that is to be paused must not finish with its last open delivery.
    let (tenant, email) = email;
    email_quarantine::count_recipient(tables, tenant, email, now)?;
    say_one(receipt.delivery, &tame(reason));
    put(tables, receipt, reason, now)
}

/// Quarantines one delivery that is open and not begun.
fn put(
    tables: &mut impl Tables,
    receipt: Receipt,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = receipt.state;
    let quarantined = Receipt {
        state: DeliveryState::Quarantined,
        next_attempt_at: None,
        reply: Some(SmtpReply::new(0, None, reason)),
        ..receipt
    };
    receipts::shift(tables, before, quarantined, now)
}

/// A chunk that is about to be claimed, and whether it can be: it is readable, and its email is
/// there and not quarantined. What cannot be is put aside here, at first sight.
pub(super) fn inspect(
    tables: &mut impl Tables,
    entry: &QueueRow,
    now: Timestamp,
) -> Result<Option<ChunkRow>, StoreError> {
    let chunk = match tables.look_at(entry.chunk)? {
        Look::Whole(chunk) => chunk,
        look => {
            set_aside(tables, entry.chunk, entry.campaign, look, now)?;
            return Ok(None);
        }
    };
    if email_quarantine::is_held(tables, chunk.tenant, chunk.email)? {
        email_quarantine::pause(tables, entry.campaign)?;
        tables.park(entry)?;
        return Ok(None);
    }
    if tables.has_email(chunk.tenant, chunk.email)? {
        return Ok(Some(chunk));
    }
    let (tenant, email) = (chunk.tenant, chunk.email);
    let reason = "the email is missing from the store";
    email_quarantine::put(tables, tenant, email, reason, now)?;
    for left in end::left_of(tables, &chunk)? {
        put(tables, left.into_receipt(&chunk, now), reason, now)?;
    }
    Ok(None)
}

/// Puts aside a chunk that is in no queue and under no lease any more, and quarantines whoever it
/// held: their numbers stand beside it, and their addresses in receipts, or in the chunk that
/// they were filed with. Answers with how many those are.
pub(super) fn set_aside(
    tables: &mut impl Tables,
    chunk: ChunkId,
    campaign: CampaignId,
    look: Look,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let (reason, numbers, bytes) = match look {
        Look::Whole(_) => return Ok(0),
        Look::Unreadable(chunk) => (chunk.what, chunk.numbers, chunk.bytes),
        Look::Missing => ("it is missing from the store".to_owned(), Vec::new(), 0),
    };
    tracing::error!(%chunk, %campaign, reason, "a chunk cannot be read, and is quarantined");
    let tenant = tables
        .campaign(campaign)?
        .map_or(TenantId::DEFAULT, |campaign| campaign.tenant);
    tables.set_chunk_aside(&QuarantinedChunk {
        chunk,
        tenant,
        campaign,
        reason: reason.clone(),
        since: now,
        bytes,
    })?;
    let mut quarantined = 0;
    let mut homes = home::Homes::default();
    for recipient in numbers {
        let delivery = DeliveryId {
            tenant,
            campaign,
            recipient,
        };
        let receipt = match tables.receipt(delivery)? {
            Some(receipt) => receipt,
            None => homes.untouched(tables, delivery, chunk, now)?,
        };
        if receipt.state.is_open() && receipt.state != DeliveryState::Attempting {
            let reason = format!("{} ({reason})", chunk_reason(chunk));
            put(tables, receipt, &reason, now)?;
            quarantined += 1;
        }
    }
    Ok(quarantined)
}

/// Quarantines an open delivery that is to be filed, and whose variables nobody can read any more.
pub(super) fn put_lost(
    tables: &mut impl Tables,
    receipt: Receipt,
    now: Timestamp,
) -> Result<(), StoreError> {
    let may_end = receipt.state.is_open() && receipt.state != DeliveryState::Attempting;
    if !may_end {
        return Ok(());
    }
    let reason = "its chunk cannot be read any more";
    say_one(receipt.delivery, reason);
    put(tables, receipt, reason, now)
}

/// What is left of a lease whose chunk cannot be read: what was begun, told by number.
pub(super) fn begun_of(
    tables: &mut impl Tables,
    lease: &LeaseRow,
) -> Result<Vec<Receipt>, StoreError> {
    let Some(campaign) = tables.campaign(lease.campaign)? else {
        return Ok(Vec::new());
    };
    let mut begun = Vec::new();
    for recipient in lease.recipients.iter().copied() {
        let delivery = DeliveryId {
            tenant: campaign.tenant,
            campaign: campaign.id,
            recipient,
        };
        let receipt = tables.receipt(delivery)?;
        begun.extend(receipt.filter(|r| r.state == DeliveryState::Attempting));
    }
    Ok(begun)
}
