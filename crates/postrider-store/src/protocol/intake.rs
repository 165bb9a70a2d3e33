//! What comes in: emails, and chunks of new recipients.

use bytes::Bytes;
use postrider_types::bounds::{CHUNK_BYTES_MAX, CHUNK_RECIPIENTS_MAX};
use postrider_types::{
    Address, CampaignId, ChunkId, ChunkRecipient, DeliveryState, EmailId, LaneName, RecipientId,
    TenantId, Timestamp, Variables,
};

use super::{lanes, tenant};
use crate::error::StoreError;
use crate::request::{Refused, Reply};
use crate::rows::{ChunkRow, QueueRow, Sequence};
use crate::tables::Tables;

pub(super) fn put_email(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
    content: &Bytes,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if EmailId::of(content) != email {
        return Ok(Reply::Refused(Refused::Malformed(
            "an email's id is the hash of its content".into(),
        )));
    }
    if let Some(refused) = tenant::refusal(tables, tenant)? {
        return Ok(Reply::Refused(refused));
    }
    let is_new = !tables.has_email(tenant, email)?;
    if is_new {
        tables.put_email(tenant, email, content, now)?;
    }
    Ok(Reply::Put { is_new })
}

/// Numbers the recipients, counts them and queues their chunk, all in one step.
pub(super) fn file(
    tables: &mut impl Tables,
    tenant: TenantId,
    campaign: CampaignId,
    lane: LaneName,
    recipients: Vec<(Address, Variables)>,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if let Some(refused) = tenant::refusal(tables, tenant)? {
        return Ok(Reply::Refused(refused));
    }
    let Some(mut campaign) = tables.campaign(campaign)?.filter(|c| c.tenant == tenant) else {
        return Ok(Reply::Refused(Refused::NoCampaign));
    };
    if campaign.state.is_final() {
        return Ok(Reply::Refused(Refused::Campaign {
            state: campaign.state,
        }));
    }
    if campaign.is_sealed {
        return Ok(Reply::Refused(Refused::Sealed));
    }
    let Ok(first) = u32::try_from(campaign.tally.audience()).map(RecipientId) else {
        return Ok(Reply::Refused(Refused::Malformed(
            "an audience has at most 2^32 recipients".into(),
        )));
    };
    let recipients = number(first, recipients);
    let bytes: usize = recipients.iter().map(ChunkRecipient::stored_bytes).sum();
    let is_within = (1..=CHUNK_RECIPIENTS_MAX).contains(&recipients.len());
    if !is_within || bytes > CHUNK_BYTES_MAX {
        return Ok(Reply::Refused(Refused::Malformed(
            "a chunk holds 1 to 500 recipients and at most 256 KiB".into(),
        )));
    }
    campaign
        .tally
        .add(DeliveryState::Pending, recipients.len() as u64);
    tables.put_campaign(&campaign)?;
    let chunk = ChunkRow {
        chunk: ChunkId(tables.next(Sequence::Chunk)?),
        tenant,
        campaign: campaign.id,
        email: campaign.email,
        first: Some(first),
        recipients,
    };
    tables.put_chunk(&chunk)?;
    let entry = QueueRow {
        lane,
        due_at: now,
        chunk: chunk.chunk,
        campaign: campaign.id,
    };
    lanes::enqueue_or_park(tables, &entry, campaign.state, now)?;
    Ok(Reply::Filed {
        chunk: chunk.chunk,
        first,
    })
}

fn number(first: RecipientId, recipients: Vec<(Address, Variables)>) -> Vec<ChunkRecipient> {
    let numbers = first.0..;
    recipients
        .into_iter()
        .zip(numbers)
        .map(|((address, variables), number)| ChunkRecipient {
            recipient: RecipientId(number),
            address,
            variables,
            attempts: 0,
            first_attempt_at: None,
            deaths: 0,
        })
        .collect()
}
