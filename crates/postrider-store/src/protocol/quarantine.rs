//! Quarantine: what cannot be worked on is put aside with its reason.
//!
//! Three kinds end here. A *recipient* that kills its worker, or that a worker refuses. An *email*
//! that is missing, or too large for a worker, or of which [`EMAIL_RECIPIENTS_MAX`] recipients
//! were quarantined: every campaign that sends it is paused, so nobody else is tried. A *chunk*
//! that cannot be read: it leaves the queue for good, with its bytes kept aside, and whoever it
//! held is quarantined as far as anybody knows who that is.
//!
//! Nothing leaves by itself; the way back is in `lift`.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    CampaignId, CampaignState, ChunkId, DeliveryId, DeliveryState, EmailId, LeaseToken,
    PauseReason, Receipt, RecipientId, TenantId, Timestamp,
};

use super::end::{self, Left};
use super::{home, receipts};
use crate::bounds::{CAMPAIGNS_PER_STEP_MAX, EMAIL_RECIPIENTS_MAX};
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, Subject, SuspectEmail};
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
        Subject::Recipient(_) if !left.is_empty() => count(tables, tenant, email, now)?,
        Subject::Email => put_email(tables, tenant, email, reason, now)?,
        Subject::Recipient(_) | Subject::Chunk => {}
    }
    for left in left {
        put(tables, left.into_receipt(&chunk, now), reason, now)?;
    }
    Ok(Reply::Done { more: false })
}

/// Quarantines a recipient that one worker too many died with.
pub(super) fn put_deadly(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    left: Left,
    now: Timestamp,
) -> Result<(), StoreError> {
    let deaths = left.recipient.deaths;
    let reason =
        format!("{deaths} workers died with this recipient in hand, the last with it alone");
    count(tables, chunk.tenant, chunk.email, now)?;
    put(tables, left.into_receipt(chunk, now), &reason, now)
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

/// One more recipient of an email is quarantined; at the bound, so is the email.
fn count(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut suspect = suspect_or_new(tables, tenant, email)?;
    suspect.recipients = suspect.recipients.saturating_add(1);
    tables.put_suspect_email(&suspect)?;
    if suspect.recipients < EMAIL_RECIPIENTS_MAX {
        return Ok(());
    }
    let reason = format!("{} of its recipients were quarantined", suspect.recipients);
    put_email(tables, tenant, email, &reason, now)
}

/// Quarantines an email, and pauses the campaigns that send it: some at once, and any other at
/// the first claim that meets it.
fn put_email(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut suspect = suspect_or_new(tables, tenant, email)?;
    if suspect.since.is_none() {
        suspect.since = Some(now);
        reason.clone_into(&mut suspect.reason);
        tables.put_suspect_email(&suspect)?;
    }
    let first = CampaignId(0);
    for campaign in tables.campaigns_sending(tenant, email, first, CAMPAIGNS_PER_STEP_MAX)? {
        pause(tables, campaign)?;
    }
    Ok(())
}

fn suspect_or_new(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
) -> Result<SuspectEmail, StoreError> {
    let found = tables.suspect_email(tenant, email)?;
    Ok(found.unwrap_or(SuspectEmail {
        tenant,
        email,
        recipients: 0,
        reason: String::new(),
        since: None,
    }))
}

fn pause(tables: &mut impl Tables, campaign: CampaignId) -> Result<(), StoreError> {
    match tables.campaign(campaign)? {
        Some(mut campaign) if campaign.state == CampaignState::Running => {
            campaign.state = CampaignState::Paused;
            campaign.paused_because = Some(PauseReason::Quarantine);
            tables.put_campaign(&campaign)
        }
        _ => Ok(()),
    }
}

/// Whether nothing of an email may be sent, because it is quarantined.
pub(super) fn is_email_held(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
) -> Result<bool, StoreError> {
    let suspect = tables.suspect_email(tenant, email)?;
    Ok(suspect.is_some_and(|suspect| suspect.since.is_some()))
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
    if is_email_held(tables, chunk.tenant, chunk.email)? {
        pause(tables, entry.campaign)?;
        tables.park(entry)?;
        return Ok(None);
    }
    if tables.has_email(chunk.tenant, chunk.email)? {
        return Ok(Some(chunk));
    }
    let (tenant, email) = (chunk.tenant, chunk.email);
    let reason = "the email is missing from the store";
    put_email(tables, tenant, email, reason, now)?;
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
            let reason = format!("its chunk cannot be read ({reason})");
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
    put(tables, receipt, "its chunk cannot be read any more", now)
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
