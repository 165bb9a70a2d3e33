//! What the death of a worker leaves of one recipient: counted, told, and filed alone or put away.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{ChunkId, ChunkRecipient, LaneName, Receipt, Timestamp};

use super::end::Left;
use super::{quarantine, receipts, refile};
use crate::error::StoreError;
use crate::rows::{ChunkRow, Sequence};
use crate::tables::Tables;

/// The same, with one more death.
pub(super) fn after_death(left: Left) -> Left {
    let deaths = left.recipient.deaths.saturating_add(1);
    Left {
        recipient: ChunkRecipient {
            deaths,
            ..left.recipient
        },
        ..left
    }
}

/// Writes the death into receipt and log, so that its history can be told.
pub(super) fn note_death(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    left: Left,
    now: Timestamp,
) -> Result<Left, StoreError> {
    let recipient = left.recipient.clone();
    let reason = format!(
        "a worker died with this recipient in hand ({})",
        recipient.deaths
    );
    let receipt = left.into_receipt(chunk, now);
    let noted = Receipt {
        reply: Some(SmtpReply::new(0, None, &reason)),
        ..receipt
    };
    receipts::shift(tables, noted.state, noted.clone(), now)?;
    Ok(Left {
        recipient,
        receipt: Some(noted),
    })
}

/// Files some recipients of one chunk together into their solo lane.
pub(super) fn file_solo(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    suspected: Vec<Left>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(first) = suspected.first() else {
        return Ok(());
    };
    let lane = LaneName::solo(&first.recipient.address.to_domain());
    refile::file_together(tables, chunk, suspected, (lane, now), now)
}

/// Quarantines one delivery of a chunk that a worker or a trial died of. Its deaths stand in a
/// chunk of its own, which waits nowhere: when it is released, it waits as that chunk says.
pub(super) fn put_away(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    left: Left,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let apart = ChunkRow {
        chunk: ChunkId(tables.next(Sequence::Chunk)?),
        tenant: chunk.tenant,
        campaign: chunk.campaign,
        email: chunk.email,
        first: None,
        recipients: vec![left.recipient.clone()],
    };
    tables.put_chunk(&apart)?;
    let receipt = Receipt {
        chunk: apart.chunk,
        ..left.into_receipt(chunk, now)
    };
    let email = (chunk.tenant, chunk.email);
    quarantine::put_deadly(tables, email, receipt, reason, now)
}
