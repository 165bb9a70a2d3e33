//! `reap`: the leases of a worker that is gone, and what that says of the recipients in its hands.
//!
//! What was begun is in doubt, because the one who knows is gone. Everything else goes to the
//! tail of its lane, behind whoever waits already, so that what kills workers comes back last.
//!
//! When the worker *died*, somebody may have killed it. Suspects are filed each alone into the
//! solo lane, with the death counted; the rest of their chunk is not suspected. A death under a
//! lease of the solo lane is the recipient's own, and quarantines it. When nobody knows who was
//! in hand, the whole chunk goes to the solo lane in two halves, and each further death halves it
//! again, until one recipient is left.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    CampaignState, ChunkRecipient, DeliveryState, LaneName, Receipt, Timestamp, WorkerId,
};

use super::end::{self, Left};
use super::{campaign, doubt, quarantine, receipts, refile, tenant};
use crate::bounds::REAP_LEASES_MAX;
use crate::error::StoreError;
use crate::quarantine::{Reaped, Suspects};
use crate::request::Reply;
use crate::rows::{ChunkRow, LeaseRow, Look};
use crate::tables::Tables;

pub(super) fn reap(
    tables: &mut impl Tables,
    before: Timestamp,
    worker: Option<WorkerId>,
    suspects: &Suspects,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let over = match worker {
        Some(worker) => tables.leases_of_worker(worker, REAP_LEASES_MAX)?,
        None => tables.leases_before(before, REAP_LEASES_MAX)?,
    };
    let mut reaped = Reaped {
        more: over.len() == REAP_LEASES_MAX,
        ..Reaped::default()
    };
    for lease in over {
        reap_one(tables, &lease, suspects, &mut reaped, now)?;
        tables.delete_lease(lease.token)?;
        reaped.leases += 1;
    }
    Ok(Reply::Reaped(reaped))
}

/// Why what was begun is in doubt.
fn lost() -> SmtpReply {
    let reason = "the worker was lost between the final dot and the reply";
    SmtpReply::new(0, None, reason)
}

fn reap_one(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    suspects: &Suspects,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    let chunk = match tables.look_at(lease.chunk)? {
        Look::Whole(chunk) => chunk,
        look => {
            for receipt in quarantine::begun_of(tables, lease)? {
                doubt::enter(tables, receipt, Some(lost()), now)?;
                reaped.in_doubt += 1;
            }
            let (number, campaign) = (lease.chunk, lease.campaign);
            reaped.quarantined += quarantine::set_aside(tables, number, campaign, look, now)?;
            return Ok(());
        }
    };
    let mut open = Vec::new();
    for left in end::left_of(tables, &chunk)? {
        match left.receipt {
            Some(receipt) if receipt.state == DeliveryState::Attempting => {
                doubt::enter(tables, receipt, Some(lost()), now)?;
                reaped.in_doubt += 1;
            }
            _ => open.push(left),
        }
    }
    let suspected = |left: &Left| match suspects {
        Suspects::Nobody => false,
        Suspects::These(these) => these.contains(&chunk.delivery(left.recipient.recipient)),
        Suspects::Unknown => true,
    };
    let (suspected, others): (Vec<_>, Vec<_>) = open.into_iter().partition(suspected);
    reaped.refiled += others.len() as u64;
    refile::file_rest(tables, lease, &chunk, others, now, |_| {
        (lease.lane.clone(), now)
    })?;
    match suspects {
        Suspects::Nobody => Ok(()),
        Suspects::These(_) => each_alone(tables, lease, &chunk, suspected, reaped, now),
        Suspects::Unknown => halve(tables, lease, &chunk, suspected, reaped, now),
    }
}

/// Each suspect alone: into the solo lane, or out of it for good.
fn each_alone(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    chunk: &ChunkRow,
    suspected: Vec<Left>,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    for left in suspected {
        let left = after_death(left);
        if lease.lane.is_solo() && !is_cancelled(tables, chunk)? {
            quarantine::put_deadly(tables, chunk, left, now)?;
            reaped.quarantined += 1;
        } else {
            let receipt = note_death(tables, chunk, left, now)?;
            file_solo(tables, chunk, vec![receipt], now)?;
            reaped.refiled += 1;
        }
    }
    Ok(())
}

/// Nobody knows who it was: two halves, until it is one.
fn halve(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    chunk: &ChunkRow,
    suspected: Vec<Left>,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    if suspected.len() <= 1 {
        return each_alone(tables, lease, chunk, suspected, reaped, now);
    }
    reaped.refiled += suspected.len() as u64;
    let mut first: Vec<_> = suspected.into_iter().map(after_death).collect();
    let second = first.split_off(first.len() / 2);
    file_solo(tables, chunk, first, now)?;
    file_solo(tables, chunk, second, now)
}

fn is_cancelled(tables: &mut impl Tables, chunk: &ChunkRow) -> Result<bool, StoreError> {
    let campaign = campaign::existing(tables, chunk.campaign)?;
    Ok(tenant::state_of(tables, &campaign)? == CampaignState::Cancelled)
}

fn after_death(left: Left) -> Left {
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
fn note_death(
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
fn file_solo(
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
