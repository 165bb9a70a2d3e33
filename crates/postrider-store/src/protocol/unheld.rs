//! Suspects that killed their trial, wherever they are by now.
//!
//! A worker that hangs does not extend its leases, so they may have run out, and been filed again
//! or claimed by another, before it is found dead. What hung it would hang the next as well. So a
//! delivery that is open and not begun is quarantined where it is: taken out of the chunk in which
//! it waits, or, when that chunk is leased, by its receipt, so that its begin is refused. An email
//! needs no lease at all.

use postrider_types::{ChunkId, DeliveryId, DeliveryState, LeaseToken, Receipt, Timestamp};

use super::end::{self, Left};
use super::{campaign, deaths, email_quarantine, lanes, refile};
use crate::bounds::{ENTRIES_PER_READ_MAX, SEARCHED_CHUNKS_MAX};
use crate::error::StoreError;
use crate::quarantine::{Held, Reaped, Suspect, Suspects, Verdict};
use crate::rows::{ChunkRow, Look, QueueRow, Within};
use crate::tables::Tables;

/// Everything that killed its trial, and the reason.
fn deadly(suspects: &Suspects) -> impl Iterator<Item = (Held, &str)> {
    let these = match suspects {
        Suspects::These(these) => these.as_slice(),
        Suspects::Nobody | Suspects::Unknown => &[],
    };
    these
        .iter()
        .filter_map(|Suspect { what, verdict }| match verdict {
            Verdict::Deadly(reason) => Some((*what, reason.as_str())),
            Verdict::Open => None,
        })
}

/// Quarantines the emails, before anything that sends them is filed.
pub(super) fn judge_emails(
    tables: &mut impl Tables,
    suspects: &Suspects,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (what, reason) in deadly(suspects) {
        if let Held::Email(tenant, email) = what {
            let is_new = email_quarantine::put(tables, tenant, email, reason, now)?;
            reaped.emails += u64::from(is_new);
        }
    }
    Ok(())
}

/// Quarantines the deliveries that no lease of the worker held any more.
pub(super) fn judge_deliveries(
    tables: &mut impl Tables,
    suspects: &Suspects,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (what, reason) in deadly(suspects) {
        if let Held::Delivery(delivery) = what
            && let Some((chunk, left)) = take_out(tables, delivery, now)?
        {
            deaths::put_away(tables, &chunk, deaths::after_death(left), reason, now)?;
            reaped.quarantined += 1;
        }
    }
    Ok(())
}

/// Takes a delivery that is open and not begun out of the chunk in which it waits; answers with
/// that chunk. `None` when it is not to be touched, or cannot be found.
fn take_out(
    tables: &mut impl Tables,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<Option<(ChunkRow, Left)>, StoreError> {
    let may_end =
        |receipt: &Receipt| receipt.state.is_open() && receipt.state != DeliveryState::Attempting;
    let receipt = tables.receipt(delivery)?;
    let is_known = match &receipt {
        Some(receipt) => may_end(receipt),
        None => tables.campaign(delivery.campaign)?.is_some(),
    };
    if !is_known || campaign::is_cancelled(tables, delivery.campaign)? {
        return Ok(None);
    }
    if let Some(found) = leased(tables, delivery, receipt.as_ref())? {
        return Ok(Some(found));
    }
    let Some(entry) = waiting(tables, delivery, receipt.as_ref())? else {
        return Ok(None);
    };
    let Look::Whole(chunk) = tables.look_at(entry.chunk)? else {
        return Ok(None);
    };
    let left = end::left_of(tables, &chunk)?;
    let is_it = |left: &Left| left.recipient.recipient == delivery.recipient;
    let (mut it, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(is_it);
    let Some(it) = it.pop() else {
        return Ok(None);
    };
    lanes::take_out(tables, &entry)?;
    refile::file_together(tables, &chunk, rest, (entry.lane, entry.due_at), now)?;
    Ok(Some((chunk, it)))
}

/// Where a delivery waits, queued or parked. Most wait in the chunk that they were filed with, or
/// that their receipt names; whoever was filed anew beside others is looked for among all that
/// waits.
fn waiting(
    tables: &mut impl Tables,
    delivery: DeliveryId,
    receipt: Option<&Receipt>,
) -> Result<Option<QueueRow>, StoreError> {
    let home = tables.home(delivery)?.map(|home| home.chunk);
    let named = receipt.map(|receipt| receipt.chunk);
    for chunk in home.into_iter().chain(named) {
        if let Some(entry) = lanes::waiting(tables, delivery.campaign, chunk)?
            && is_in(tables, &entry, delivery, receipt)?
        {
            return Ok(Some(entry));
        }
    }
    let within = Within::Campaign(delivery.campaign);
    for is_parked in [false, true] {
        let mut after = ChunkId(0);
        for _ in 0..SEARCHED_CHUNKS_MAX / ENTRIES_PER_READ_MAX {
            let page = if is_parked {
                tables.parked(&within, after, ENTRIES_PER_READ_MAX)?
            } else {
                tables.queued(&within, after, ENTRIES_PER_READ_MAX)?
            };
            let Some(last) = page.last() else {
                break;
            };
            after = last.chunk;
            for entry in page {
                if is_in(tables, &entry, delivery, receipt)? {
                    return Ok(Some(entry));
                }
            }
        }
    }
    Ok(None)
}

/// Whether a delivery waits in this chunk: it holds the delivery, which was not filed anew since.
fn is_in(
    tables: &mut impl Tables,
    entry: &QueueRow,
    delivery: DeliveryId,
    receipt: Option<&Receipt>,
) -> Result<bool, StoreError> {
    let is_newest = receipt.is_none_or(|receipt| receipt.chunk <= entry.chunk);
    let numbers = tables.numbers(entry.chunk)?;
    Ok(is_newest && numbers.binary_search(&delivery.recipient).is_ok())
}

/// A delivery whose chunk is leased stays in it.
fn leased(
    tables: &mut impl Tables,
    delivery: DeliveryId,
    receipt: Option<&Receipt>,
) -> Result<Option<(ChunkRow, Left)>, StoreError> {
    let within = Within::Campaign(delivery.campaign);
    let mut after = LeaseToken(0);
    loop {
        let page = tables.leases(&within, after, ENTRIES_PER_READ_MAX)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        after = last.token;
        for lease in &page {
            if end::holds(lease, delivery, receipt)
                && let Look::Whole(chunk) = tables.look_at(lease.chunk)?
            {
                let mut recipients = chunk.recipients.iter();
                let recipient = recipients.find(|r| r.recipient == delivery.recipient);
                if let Some(recipient) = recipient.cloned() {
                    let receipt = receipt.cloned();
                    return Ok(Some((chunk, Left { recipient, receipt })));
                }
            }
        }
    }
}
