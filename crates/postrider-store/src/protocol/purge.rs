//! Taking out what waits: `purge`, and the sweep of cancelled campaigns and deleted tenants.
//!
//! All of it is one walk: over the campaigns that are meant, and in each over its queue, what is
//! parked, what is leased, and, when a person asked for it, what is in doubt. A chunk leaves its
//! queue in the step that ends its deliveries. A leased chunk stays with its worker: whoever had
//! not begun ends here, so that its begin is refused, and the lease ends as usual. What is begun
//! is never touched, and what is in doubt only when asked, because it may have been delivered.
//!
//! How a domain is taken out of lanes that it shares is told in `purge_domain`.
//!
//! A step costs at most about [`STEP_COST_MAX`](crate::bounds::STEP_COST_MAX); a dry run walks the
//! same way and writes nothing.

use postrider_types::{
    CampaignId, CampaignState, ChunkId, DeliveryId, DeliveryState, LeaseToken, Receipt,
    RecipientId, Timestamp,
};

use super::end::{self, Left};
use super::walk::{self, Walk};
use super::{campaign, doubt, lanes, purge_domain, quarantine, receipts, tenant};
use crate::bounds::{CAMPAIGNS_PER_STEP_MAX, CHUNK_COST};
use crate::error::StoreError;
use crate::removal::{Cursor, PurgeTarget};
use crate::request::{Refused, Reply};
use crate::rows::{ChunkRow, LeaseRow, Look, QueueRow, Within};
use crate::tables::Tables;

/// Why a purge ended a delivery.
const REASON: &str = "purged by a person";

/// The tables of one campaign or lane, in the order in which they are walked: the queue, what is
/// parked, leases, and receipts when what is in doubt is meant too.
const QUEUE: u8 = 0;
const LEASES: u8 = 2;

pub(super) fn purge(
    tables: &mut impl Tables,
    target: PurgeTarget,
    (with_in_doubt, is_dry_run): (bool, bool),
    cursor: Cursor,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let mut walk = Walk::new(cursor, REASON);
    walk.is_dry_run = is_dry_run;
    walk.with_in_doubt = with_in_doubt;
    walk.keeps_in_doubt = !with_in_doubt;
    let (tenant, email) = match target {
        PurgeTarget::Lane(_) | PurgeTarget::Domain(_) if with_in_doubt => {
            return Ok(Reply::Refused(Refused::Malformed(
                "what is in doubt waits in no lane; name its campaign".into(),
            )));
        }
        PurgeTarget::Lane(lane) => {
            if end_within(tables, &mut walk, &Within::Lane(lane), now)? {
                walk.finish();
            }
            return Ok(walk.reply());
        }
        PurgeTarget::Domain(domain) => {
            if purge_domain::end_lanes(tables, &mut walk, &domain, now)? {
                walk.finish();
            }
            return Ok(walk.reply());
        }
        PurgeTarget::Campaign(campaign) => {
            if tables.campaign(campaign)?.is_none() {
                return Ok(Reply::Refused(Refused::NoCampaign));
            }
            walk.cursor.campaign = campaign;
            if end_waiting(tables, &mut walk, campaign, now)? {
                walk.finish();
            }
            return Ok(walk.reply());
        }
        PurgeTarget::Email(tenant, email) => (tenant, Some(email)),
        PurgeTarget::Tenant(tenant) => (tenant, None),
    };
    walk.over_campaigns(
        tables,
        |tables, from| match email {
            Some(email) => tables.campaigns_sending(tenant, email, from, CAMPAIGNS_PER_STEP_MAX),
            None => tables.campaigns_of(tenant, from, CAMPAIGNS_PER_STEP_MAX),
        },
        |tables, walk, campaign| end_waiting(tables, walk, campaign, now),
    )?;
    Ok(walk.reply())
}

/// One step of ending what waits of a cancelled campaign.
pub(super) fn sweep(
    tables: &mut impl Tables,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let Some(found) = tables.campaign(campaign)? else {
        return Ok(Reply::Refused(Refused::NoCampaign));
    };
    let state = tenant::state_of(tables, &found)?;
    if state != CampaignState::Cancelled {
        return Ok(Reply::Refused(Refused::Campaign { state }));
    }
    let mut walk = Walk::new(Cursor::at(campaign), receipts::CANCELLED);
    let within = Within::Campaign(campaign);
    // What was ended is out of the queue, so every step starts at its head.
    while walk.cursor.stage < LEASES {
        if !end_entries(tables, &mut walk, &within, now)? {
            return Ok(Reply::Done { more: true });
        }
        walk.advance();
    }
    let is_done = end_leased(tables, &mut walk, &within, true, now)?;
    Ok(Reply::Done { more: !is_done })
}

/// Ends what waits of one campaign, and says whether that is all.
pub(super) fn end_waiting(
    tables: &mut impl Tables,
    walk: &mut Walk,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !end_within(tables, walk, &Within::Campaign(campaign), now)? {
        return Ok(false);
    }
    let Some(row) = tables.campaign(campaign)? else {
        return Ok(true);
    };
    if !walk.with_in_doubt || row.tally[DeliveryState::InDoubt] == 0 {
        return Ok(true);
    }
    let first = DeliveryId {
        tenant: row.tenant,
        campaign,
        recipient: RecipientId(0),
    };
    walk::each_receipt(tables, walk, first, |tables, walk, receipt| {
        if receipt.state == DeliveryState::InDoubt {
            end_one(tables, walk, receipt, now)?;
        }
        Ok(())
    })
}

/// Walks over queue, parked and leased chunks from the walk's place on.
pub(super) fn end_within(
    tables: &mut impl Tables,
    walk: &mut Walk,
    within: &Within,
    now: Timestamp,
) -> Result<bool, StoreError> {
    while walk.cursor.stage <= LEASES {
        let is_done = if walk.cursor.stage == LEASES {
            end_leased(tables, walk, within, false, now)?
        } else {
            end_entries(tables, walk, within, now)?
        };
        if !is_done {
            return Ok(false);
        }
        walk.advance();
    }
    Ok(true)
}

/// Ends chunks that wait, in order of their numbers, as far as the step goes.
fn end_entries<T: Tables>(
    tables: &mut T,
    walk: &mut Walk,
    within: &Within,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_queue = walk.cursor.stage == QUEUE;
    walk::each_row(
        tables,
        walk,
        |tables: &mut T, after, limit| match is_queue {
            true => tables.queued(within, ChunkId(after), limit),
            false => tables.parked(within, ChunkId(after), limit),
        },
        |entry| entry.chunk.0,
        |tables, walk, entry| {
            if !campaign::can_be_read(tables, entry.campaign)? {
                walk.busy += 1;
                return Ok(());
            }
            let is_kept = end_chunk(tables, walk, &entry, now)?;
            if walk.is_dry_run || is_kept {
                return Ok(());
            }
            lanes::take_out(tables, &entry)
        },
    )
}

/// Ends the deliveries of a chunk that waits, and says whether it is to stay where it is.
fn end_chunk(
    tables: &mut impl Tables,
    walk: &mut Walk,
    entry: &QueueRow,
    now: Timestamp,
) -> Result<bool, StoreError> {
    walk.spend(CHUNK_COST);
    match (tables.look_at(entry.chunk)?, walk.only.clone()) {
        (Look::Whole(chunk), None) => end_open(tables, walk, chunk, now),
        (Look::Whole(chunk), Some(domain)) => {
            purge_domain::end_some(tables, walk, entry, &chunk, &domain, now)
        }
        // Nobody knows whether it holds anybody who is meant; the claim that meets it ends it.
        (Look::Unreadable(_) | Look::Missing, Some(_)) => Ok(true),
        // Whom it holds is known at best by number, so it ends as what it is.
        (look, None) if !walk.is_dry_run => {
            quarantine::set_aside(tables, entry.chunk, entry.campaign, look, now)?;
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// Ends what had not begun of leased chunks, in order of their tokens, as far as the step goes. A
/// walk that keeps no place of its own marks them, so that each lease is swept once.
fn end_leased<T: Tables>(
    tables: &mut T,
    walk: &mut Walk,
    within: &Within,
    is_marking: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    walk::each_row(
        tables,
        walk,
        |tables: &mut T, after, limit| tables.leases(within, LeaseToken(after), limit),
        |lease| lease.token.0,
        |tables, walk, lease| {
            if is_marking && lease.is_swept {
                return Ok(());
            }
            if !campaign::can_be_read(tables, lease.campaign)? {
                walk.busy += 1;
                return Ok(());
            }
            end_lease(tables, walk, &lease, now)?;
            if !is_marking {
                return Ok(());
            }
            tables.put_lease(&LeaseRow {
                is_swept: true,
                ..lease
            })
        },
    )
}

/// Ends what had not begun of one leased chunk. An unreadable one is left to the end of its lease.
fn end_lease(
    tables: &mut impl Tables,
    walk: &mut Walk,
    lease: &LeaseRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    walk.spend(CHUNK_COST);
    if let Look::Whole(chunk) = tables.look_at(lease.chunk)? {
        end_open(tables, walk, chunk, now)?;
    }
    Ok(())
}

/// Ends every delivery of a chunk that is open and has not begun, and says whether one in doubt
/// is to go on waiting in it.
fn end_open(
    tables: &mut impl Tables,
    walk: &mut Walk,
    mut chunk: ChunkRow,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut is_kept = false;
    for recipient in std::mem::take(&mut chunk.recipients) {
        walk.spend(1);
        if !walk.is_about(&recipient.address) {
            continue;
        }
        let delivery = chunk.delivery(recipient.recipient);
        let Some(receipt) = end::readable(tables, delivery)? else {
            continue;
        };
        let receipt = Left { recipient, receipt }.into_receipt(&chunk, now);
        match receipt.state {
            // It was filed anew, alone.
            _ if receipt.chunk > chunk.chunk => {}
            DeliveryState::Attempting => walk.busy += 1,
            // When it is meant, it is met among the receipts.
            DeliveryState::InDoubt => is_kept |= walk.keeps_in_doubt,
            state if state.is_open() => end_one(tables, walk, receipt, now)?,
            _ => {}
        }
    }
    Ok(is_kept)
}

/// Ends one delivery, or counts it in a dry run.
pub(super) fn end_one(
    tables: &mut impl Tables,
    walk: &mut Walk,
    receipt: Receipt,
    now: Timestamp,
) -> Result<(), StoreError> {
    walk.matched += 1;
    if walk.is_dry_run {
        return Ok(());
    }
    walk.spend(1);
    if receipt.state == DeliveryState::InDoubt {
        // The truth may still come, and is believed then.
        return doubt::decide(tables, receipt, DeliveryState::Cancelled, walk.reason, now);
    }
    receipts::cancel_because(tables, receipt, walk.reason, now)
}

/// Ends every open delivery of one chunk that is neither queued nor leased any more.
pub(super) fn cancel_chunk(
    tables: &mut impl Tables,
    entry: &QueueRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut walk = Walk::new(Cursor::START, receipts::CANCELLED);
    end_chunk(tables, &mut walk, entry, now)?;
    Ok(())
}
