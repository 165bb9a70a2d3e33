//! Erasing a recipient: over all campaigns of a tenant, nothing says any more who it was.
//!
//! Receipts stay and keep their state, because they prove what was done; in place of the address
//! stands its MAC under the store's key (see [`Address::erased`]). In chunks the variables go
//! too, and the texts of replies, which often repeat the address, go from receipts and log. An
//! open delivery ends cancelled first, and so does one in doubt that would be sent again. One between begin and outcome is left alone and counted,
//! because its outcome is still to be written: ask again when it has come.
//!
//! This is the one place that changes a stored chunk. What a file system or a backup keeps of the
//! old bytes is not ours; the pages of the store's own file are cleaned by `compact`.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Address, AddressKey, CampaignId, ChunkId, DeliveryState, InDoubtPolicy, Receipt, TenantId,
    Timestamp, Variables,
};

use super::end::{self, Left};
use super::walk::{self, Walk};
use super::{campaign, lanes, receipts, refile};
use crate::bounds::{CAMPAIGNS_PER_STEP_MAX, LOG_ROWS_PER_STEP_MAX, SCANNED_CHUNK_COST};
use crate::error::StoreError;
use crate::removal::{Cursor, ERASED_TEXT};
use crate::request::Reply;
use crate::rows::{ChunkRow, Look};
use crate::tables::Tables;

/// The stage of the log, which comes after all campaigns.
const LOG: u8 = 9;

/// Who is erased, and what takes the place of the address.
struct Erasure {
    key: AddressKey,
    stands_for: Address,
}

pub(super) fn erase(
    tables: &mut impl Tables,
    tenant: TenantId,
    address: &Address,
    cursor: Cursor,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let key = address.key();
    let erasure = Erasure {
        stands_for: Address::erased(&tables.message_key(), tenant, &key),
        key,
    };
    let mut walk = Walk::new(cursor, "");
    if walk.cursor.stage != LOG {
        if cursor == Cursor::START {
            tables.erase_aside(tenant, &erasure.key)?;
        }
        walk.over_campaigns(
            tables,
            |tables, from| tables.campaigns_of(tenant, from, CAMPAIGNS_PER_STEP_MAX),
            |tables, walk, campaign| of_campaign(tables, walk, &erasure, campaign, now),
        )?;
        if walk.is_over() {
            walk.go_on_at(Cursor {
                lane: 0,
                campaign: CampaignId(0),
                stage: LOG,
                place: 0,
            });
        }
        return Ok(walk.reply());
    }
    let place = walk.cursor.place;
    match tables.erase_log(tenant, &erasure.stands_for, place, LOG_ROWS_PER_STEP_MAX)? {
        Some(place) => walk.cursor.place = place,
        None => walk.finish(),
    }
    Ok(walk.reply())
}

/// Looks through the chunks of a campaign, as far as the step goes; each holds its recipients'
/// addresses, and nothing lists them by address.
fn of_campaign(
    tables: &mut impl Tables,
    walk: &mut Walk,
    erasure: &Erasure,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    walk::each_row(
        tables,
        walk,
        |tables, after, limit| tables.chunks_of(campaign, ChunkId(after), limit),
        |(chunk, _)| chunk.0,
        |tables, walk, (number, _)| {
            walk.spend(SCANNED_CHUNK_COST);
            match tables.look_at(number)? {
                Look::Whole(chunk) => of_chunk(tables, walk, erasure, chunk, now),
                Look::Unreadable(_) | Look::Missing => Ok(()),
            }
        },
    )
}

fn of_chunk(
    tables: &mut impl Tables,
    walk: &mut Walk,
    erasure: &Erasure,
    mut chunk: ChunkRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let campaign = campaign::existing(tables, chunk.campaign)?;
    let mut is_changed = false;
    let mut recipients = std::mem::take(&mut chunk.recipients);
    for recipient in &mut recipients {
        if recipient.address.key() != erasure.key {
            continue;
        }
        let delivery = chunk.delivery(recipient.recipient);
        let receipt = tables.receipt(delivery)?;
        let state = receipt.as_ref().map_or(DeliveryState::Pending, |r| r.state);
        if state == DeliveryState::Attempting {
            walk.busy += 1;
            continue;
        }
        // Where nothing is open, everybody has a receipt, or had one that retention took.
        if receipt.is_some() || campaign.tally.open() > 0 {
            let left = Left {
                recipient: recipient.clone(),
                receipt,
            };
            let receipt = left.into_receipt(&chunk, now);
            of_receipt(tables, erasure, receipt, campaign.in_doubt, now)?;
        }
        recipient.address = erasure.stands_for.clone();
        recipient.variables = Variables::default();
        walk.matched += 1;
        is_changed = true;
    }
    chunk.recipients = recipients;
    if is_changed {
        take_out_of_queue(tables, &chunk, now)?;
        tables.rewrite_chunk(&chunk)?;
    }
    Ok(())
}

fn of_receipt(
    tables: &mut impl Tables,
    erasure: &Erasure,
    receipt: Receipt,
    policy: InDoubtPolicy,
    now: Timestamp,
) -> Result<(), StoreError> {
    let without_text = |reply: SmtpReply| SmtpReply {
        text: ERASED_TEXT.to_owned(),
        ..reply
    };
    // Who is erased is not sent to again, and the campaign does not wait for it.
    let is_to_be_retried =
        receipt.state == DeliveryState::InDoubt && policy == InDoubtPolicy::Retry;
    let is_open = receipt.state.is_open() || is_to_be_retried;
    let erased = Receipt {
        address: erasure.stands_for.clone(),
        reply: receipt.reply.map(without_text),
        ..receipt
    };
    if is_open {
        return receipts::cancel_because(tables, erased, receipts::ERASED, now);
    }
    tables.put_receipt(&erased)
}

/// A chunk that waits goes on without those who were erased: as a new one, in the same place.
fn take_out_of_queue(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(entry) = lanes::waiting(tables, chunk.campaign, chunk.chunk)? else {
        return Ok(());
    };
    lanes::take_out(tables, &entry)?;
    let left = end::left_of(tables, chunk)?;
    refile::file_together(tables, chunk, left, (entry.lane, entry.due_at), now)
}
