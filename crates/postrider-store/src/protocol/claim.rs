//! `claim`: lease the next chunk.

use postrider_types::{CampaignState, LaneName, LeaseToken, Timestamp, WorkerId};

use super::{campaign, end, lanes};
use crate::bounds::CLAIM_STEPS_MAX;
use crate::error::StoreError;
use crate::request::{Claimed, Reply};
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Sequence};
use crate::tables::Tables;

/// Leases the first due chunk of the lane whose turn it is.
///
/// The cost is bounded whatever waits: each step either answers, or takes one lane or one chunk
/// out of the way (an empty or sleeping lane, a chunk of a campaign that does not run). A claim
/// that runs out of steps says that it may be asked again at once.
pub(super) fn claim(
    tables: &mut impl Tables,
    claim: u64,
    worker: WorkerId,
    skip: &[LaneName],
    until: Timestamp,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if let Some(lease) = tables.lease_of_claim(worker, claim)? {
        let chunk = end::existing_chunk(tables, lease.chunk)?;
        return answer(tables, lease, chunk);
    }
    lanes::wake(tables, now)?;
    for _ in 0..CLAIM_STEPS_MAX {
        let Some(lane) = tables.lane_in_turn(skip)? else {
            return Ok(Reply::Idle {
                next_at: tables.next_wake()?,
            });
        };
        let Some(entry) = tables.first_in_lane(&lane.lane)? else {
            lanes::put_to_sleep(tables, lane, None)?;
            continue;
        };
        let eligible_at = entry.due_at.max(lane.not_until);
        if eligible_at > now {
            lanes::put_to_sleep(tables, lane, Some(eligible_at))?;
            continue;
        }
        tables.dequeue(&entry)?;
        if set_aside(tables, &entry, now)? {
            continue;
        }
        lanes::give_turn(tables, lane)?;
        let chunk = end::existing_chunk(tables, entry.chunk)?;
        let lease = LeaseRow {
            token: LeaseToken(tables.next(Sequence::Token)?),
            chunk: entry.chunk,
            campaign: entry.campaign,
            recipients: chunk.numbers(),
            worker,
            claim,
            lane: entry.lane,
            until,
        };
        tables.put_lease(&lease)?;
        return answer(tables, lease, chunk);
    }
    Ok(Reply::Idle { next_at: Some(now) })
}

/// Whether the chunk's campaign does not run, so that the chunk was parked or cancelled.
fn set_aside(
    tables: &mut impl Tables,
    entry: &QueueRow,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let campaign = campaign::existing(tables, entry.campaign)?;
    match campaign.state {
        CampaignState::Running => return Ok(false),
        CampaignState::Cancelled => end::cancel_chunk(tables, entry.chunk, now)?,
        CampaignState::Draft | CampaignState::Paused | CampaignState::Finished => {
            tables.park(entry)?;
        }
    }
    Ok(true)
}

fn answer(tables: &mut impl Tables, lease: LeaseRow, chunk: ChunkRow) -> Result<Reply, StoreError> {
    let campaign = campaign::existing(tables, chunk.campaign)?;
    Ok(Reply::Claimed(Box::new(Claimed {
        token: lease.token,
        until: lease.until,
        chunk: lease.chunk,
        tenant: chunk.tenant,
        campaign: chunk.campaign,
        email: chunk.email,
        started_at: campaign.started_at.unwrap_or(campaign.created_at),
        lane: lease.lane,
        recipients: chunk.recipients,
    })))
}
