//! What a trial needs of the store: the email, and whom the message was for.

use bytes::Bytes;
use postrider_pipeline::in_hand::Note;
use postrider_store::{Claimed, Reader, StoreError};
use postrider_types::{ChunkId, DeliveryId, EmailId, LaneName, LeaseToken, Timestamp};

/// The email in its stored form, and its recipient as if claimed alone; without one
/// it was only being prepared.
pub(super) struct Evidence {
    pub(super) content: Bytes,
    pub(super) claimed: Option<Claimed>,
}

impl Evidence {
    /// Reads it; nothing when the email or the recipient was deleted meanwhile.
    pub(super) fn of(reader: &dyn Reader, note: Note) -> Result<Option<Self>, StoreError> {
        let (tenant, email) = match note {
            Note::Rendering {
                delivery, email, ..
            } => (delivery.tenant, email),
            Note::Loading { tenant, email } => (tenant, email),
        };
        let Some(content) = reader.email(tenant, email)? else {
            return Ok(None);
        };
        let claimed = match note {
            Note::Loading { .. } => None,
            Note::Rendering {
                delivery,
                chunk,
                email,
            } => match claimed(reader, delivery, chunk, email)? {
                Some(claimed) => Some(claimed),
                None => return Ok(None),
            },
        };
        Ok(Some(Self { content, claimed }))
    }
}

/// A recipient as filed first: address and variables never change.
fn claimed(
    reader: &dyn Reader,
    delivery: DeliveryId,
    chunk: ChunkId,
    email: EmailId,
) -> Result<Option<Claimed>, StoreError> {
    let DeliveryId {
        tenant,
        campaign,
        recipient,
    } = delivery;
    let started_at = reader
        .campaign(campaign)?
        .and_then(|found| found.started_at);
    let home = reader.audience(tenant, campaign, recipient, 1)?.pop();
    let recipients = home.into_iter().flat_map(|home| home.recipients);
    let found = recipients
        .into_iter()
        .find(|one| one.recipient == recipient);
    let (Some(started_at), Some(found)) = (started_at, found) else {
        return Ok(None);
    };
    Ok(Some(Claimed {
        token: LeaseToken(0),
        until: Timestamp::NEVER,
        chunk,
        tenant,
        campaign,
        email,
        started_at,
        running_since: started_at,
        lane: LaneName::from_stored(found.address.domain()),
        recipients: vec![found],
    }))
}
