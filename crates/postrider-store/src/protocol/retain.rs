//! Retention: what nobody needs any more of campaigns that ended long ago.
//!
//! Of a campaign that ended before the given instant go its receipts, its chunks, its entries in
//! the log, and its email when no other campaign needs it; the campaign itself stays, with its
//! tally. Chunks that were replaced when their recipients were refiled go as soon as a campaign
//! has ended at all. A campaign stays whole while anybody in it is in doubt or in quarantine: a late
//! outcome or a person is still to decide. So does one that goes on, whose addresses and numbers
//! must be known for as long as its audience may grow or be retried.
//!
//! A campaign is marked before the first of its rows goes, so that nobody takes a receipt that is
//! gone for one that never was; whatever a walk that broke off has left goes with the next.
//!
//! The walk goes over campaigns first, and then over the log, whose entries are in order of time:
//! an entry whose receipt is gone goes too.

use postrider_types::{
    Campaign, CampaignId, ChunkId, DeliveryId, DeliveryState, LeaseToken, RecipientId, Timestamp,
};

use super::campaign;
use super::walk::{self, Walk};
use crate::bounds::{CAMPAIGNS_PER_STEP_MAX, CHUNK_COST, LOG_ROWS_PER_STEP_MAX};
use crate::error::StoreError;
use crate::removal::Cursor;
use crate::request::Reply;
use crate::rows::Within;
use crate::tables::Tables;

/// The tables of one campaign, in the order in which they are walked; then comes the email.
const RECEIPTS: u8 = 0;
const CHUNKS: u8 = 1;

/// In place of both: only the chunks that were replaced.
const REPLACED: u8 = 2;

/// The stage of the log, which comes after all campaigns.
const LOG: u8 = 9;

pub(super) fn retain(
    tables: &mut impl Tables,
    before: Timestamp,
    cursor: Cursor,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let mut walk = Walk::new(cursor, "");
    if walk.cursor.stage != LOG {
        walk.over_campaigns(
            tables,
            |tables, from| tables.all_campaigns(from, CAMPAIGNS_PER_STEP_MAX),
            |tables, walk, campaign| trim_campaign(tables, walk, campaign, before, now),
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
    let (deleted, next) = tables.trim_log(walk.cursor.place, LOG_ROWS_PER_STEP_MAX)?;
    walk.matched += deleted;
    match next {
        Some(place) => walk.cursor.place = place,
        None => walk.finish(),
    }
    Ok(walk.reply())
}

fn trim_campaign(
    tables: &mut impl Tables,
    walk: &mut Walk,
    id: CampaignId,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(campaign) = tables.campaign(id)? else {
        return Ok(true);
    };
    // Something of it may still be under way: a lease whose worker has not come back.
    let is_held = !tables
        .leases(&Within::Campaign(id), LeaseToken(0), 1)?
        .is_empty();
    let is_over = campaign.ended_at.is_some() && campaign.tally.open() == 0 && !is_held;
    if !is_over {
        return Ok(true);
    }
    if walk.cursor.stage == RECEIPTS {
        if campaign.retained_at.is_none() {
            if !is_due(&campaign, before) {
                walk.cursor.stage = REPLACED;
                return trim_chunks(tables, walk, id, true);
            }
            tables.put_campaign(&Campaign {
                retained_at: Some(now),
                ..campaign.clone()
            })?;
        } else if walk.cursor.place == 0 && !has_rows(tables, &campaign)? {
            // An email that was put again since waits for a campaign of its own.
            return Ok(true);
        }
        if !trim_receipts(tables, walk, &campaign)? {
            return Ok(false);
        }
        walk.advance();
    }
    if !trim_chunks(tables, walk, id, walk.cursor.stage == REPLACED)? {
        return Ok(false);
    }
    if walk.cursor.stage == CHUNKS {
        tables.forget_chunks_aside(id)?;
        trim_email(tables, walk, &campaign)?;
    }
    Ok(true)
}

/// Whether nobody needs anything of a campaign that is over any more.
fn is_due(campaign: &Campaign, before: Timestamp) -> bool {
    let undecided = [DeliveryState::InDoubt, DeliveryState::Quarantined];
    let is_decided = undecided.iter().all(|state| campaign.tally[*state] == 0);
    is_decided && campaign.ended_at.is_some_and(|at| at < before)
}

/// Whether an earlier walk has left any row of a campaign.
fn has_rows(tables: &mut impl Tables, campaign: &Campaign) -> Result<bool, StoreError> {
    let has_receipts = !tables.receipts_from(first_of(campaign), 1)?.is_empty();
    Ok(has_receipts || !tables.chunks_of(campaign.id, ChunkId(0), 1)?.is_empty())
}

fn first_of(campaign: &Campaign) -> DeliveryId {
    DeliveryId {
        tenant: campaign.tenant,
        campaign: campaign.id,
        recipient: RecipientId(0),
    }
}

fn trim_receipts<T: Tables>(
    tables: &mut T,
    walk: &mut Walk,
    campaign: &Campaign,
) -> Result<bool, StoreError> {
    let first = first_of(campaign);
    walk::each_receipt(tables, walk, first, |tables: &mut T, walk, receipt| {
        tables.delete_receipt(receipt.delivery)?;
        walk.matched += 1;
        walk.spend(1);
        Ok(())
    })
}

/// Deletes the chunks of a campaign, or only those that were replaced.
fn trim_chunks(
    tables: &mut impl Tables,
    walk: &mut Walk,
    campaign: CampaignId,
    only_replaced: bool,
) -> Result<bool, StoreError> {
    walk::each_row(
        tables,
        walk,
        |tables, after, limit| tables.chunks_of(campaign, ChunkId(after), limit),
        |(chunk, _)| chunk.0,
        |tables, walk, (chunk, is_replaced)| {
            walk.spend(1);
            if is_replaced || !only_replaced {
                tables.delete_chunk(chunk)?;
                walk.matched += 1;
                // A chunk of up to 256 KiB is many pages to give back.
                walk.spend(CHUNK_COST);
            }
            Ok(())
        },
    )
}

/// Deletes an email that no campaign needs any more.
fn trim_email(
    tables: &mut impl Tables,
    walk: &mut Walk,
    campaign: &Campaign,
) -> Result<(), StoreError> {
    let (tenant, email) = (campaign.tenant, campaign.email);
    if !tables.has_email(tenant, email)? {
        return Ok(());
    }
    let mut from = CampaignId(0);
    loop {
        let page = tables.campaigns_sending(tenant, email, from, CAMPAIGNS_PER_STEP_MAX)?;
        for id in &page {
            // Nobody knows whether one that cannot be read needs it.
            if !campaign::is_readable(tables, *id)? {
                return Ok(());
            }
            let other = tables.campaign(*id)?;
            if other.is_some_and(|other| other.retained_at.is_none()) {
                return Ok(());
            }
        }
        match page.last() {
            Some(last) if page.len() == CAMPAIGNS_PER_STEP_MAX => {
                from = CampaignId(last.0.saturating_add(1));
            }
            _ => break,
        }
    }
    tables.delete_email(tenant, email)?;
    tables.forget_suspect_email(tenant, email)?;
    walk.matched += 1;
    Ok(())
}
