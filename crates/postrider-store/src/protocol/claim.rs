//! `claim`: lease the next chunk.

use postrider_types::{
    Campaign, CampaignState, DeliveryState, InDoubtPolicy, LaneName, LeaseToken, Timestamp,
    WorkerId,
};

use super::{campaign, doubt, end, lanes, purge, quarantine, tenant};
use crate::bounds::CLAIM_STEPS_MAX;
use crate::error::StoreError;
use crate::request::{Claimed, Reply};
use crate::rows::{ChunkRow, LeaseRow, QueueRow, Sequence};
use crate::share::Share;
use crate::tables::Tables;

/// Leases the first due chunk of the lane whose turn it is, of those lanes of the worker's share
/// that are not to be skipped.
///
/// The cost is bounded whatever waits: each step either answers, or takes one lane or one chunk
/// out of the way (an empty or sleeping lane, a chunk of a campaign that does not run). A claim
/// that runs out of steps says that it may be asked again at once.
pub(super) fn claim(
    tables: &mut impl Tables,
    claim: u64,
    worker: WorkerId,
    (skip, share): (&[LaneName], Share),
    until: Timestamp,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if let Some(lease) = tables.lease_of_claim(worker, claim)? {
        let chunk = end::existing_chunk(tables, lease.chunk)?;
        return answer(tables, lease, chunk);
    }
    lanes::wake(tables, now)?;
    for _ in 0..CLAIM_STEPS_MAX {
        let Some(lane) = tables.lane_in_turn(skip, share)? else {
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
        let Some(campaign) = running(tables, &entry, now)? else {
            continue;
        };
        let Some(chunk) = quarantine::inspect(tables, &entry, now)? else {
            continue;
        };
        lanes::give_turn(tables, lane)?;
        if campaign.in_doubt == InDoubtPolicy::Retry {
            take_up(tables, &chunk, now)?;
        }
        let lease = LeaseRow {
            token: LeaseToken(tables.next(Sequence::Token)?),
            chunk: entry.chunk,
            campaign: entry.campaign,
            recipients: chunk.numbers(),
            worker,
            claim,
            lane: entry.lane,
            until,
            is_swept: false,
        };
        tables.put_lease(&lease)?;
        return answer(tables, lease, chunk);
    }
    Ok(Reply::Idle { next_at: Some(now) })
}

/// The chunk's campaign, if it runs; otherwise the chunk was parked or cancelled. Parked is also a
/// chunk whose campaign cannot be read, so that it stops nobody else's claims.
fn running(
    tables: &mut impl Tables,
    entry: &QueueRow,
    now: Timestamp,
) -> Result<Option<Campaign>, StoreError> {
    let campaign = match campaign::existing(tables, entry.campaign) {
        Err(error) if error.is_of_a_row() => {
            let (chunk, campaign) = (entry.chunk, entry.campaign);
            tracing::error!(%error, %chunk, %campaign, "a chunk waits until its campaign can be read");
            tables.park(entry)?;
            return Ok(None);
        }
        read => read?,
    };
    match tenant::state_of(tables, &campaign)? {
        CampaignState::Running => return Ok(Some(campaign)),
        CampaignState::Cancelled => purge::cancel_chunk(tables, entry, now)?,
        CampaignState::Draft | CampaignState::Paused | CampaignState::Finished => {
            tables.park(entry)?;
        }
    }
    Ok(None)
}

/// Under the policy `retry`, a delivery in doubt waits alone in a chunk that is due when the doubt
/// is old enough: it is pending again from here.
fn take_up(tables: &mut impl Tables, chunk: &ChunkRow, now: Timestamp) -> Result<(), StoreError> {
    let [recipient] = chunk.recipients.as_slice() else {
        return Ok(());
    };
    let receipt = end::readable(tables, chunk.delivery(recipient.recipient))?;
    let in_doubt = receipt
        .flatten()
        .filter(|receipt| receipt.state == DeliveryState::InDoubt);
    if let Some(receipt) = in_doubt {
        let reason = "nobody knows what came of it, and the campaign's policy sends it again";
        doubt::take_up(tables, receipt, reason, now)?;
    }
    Ok(())
}

fn answer(
    tables: &mut impl Tables,
    lease: LeaseRow,
    mut chunk: ChunkRow,
) -> Result<Reply, StoreError> {
    let campaign = campaign::existing(tables, chunk.campaign)?;
    let started_at = campaign.started_at.unwrap_or(campaign.created_at);
    tell_age(tables, &mut chunk)?;
    Ok(Reply::Claimed(Box::new(Claimed {
        token: lease.token,
        until: lease.until,
        chunk: lease.chunk,
        tenant: chunk.tenant,
        campaign: chunk.campaign,
        email: chunk.email,
        started_at,
        running_since: campaign.running_since.unwrap_or(started_at),
        lane: lease.lane,
        recipients: chunk.recipients,
    })))
}

/// Whoever was taken out of doubt since his chunk was written waits alone in it: his age counts anew,
/// and only his receipt knows.
fn tell_age(tables: &mut impl Tables, chunk: &mut ChunkRow) -> Result<(), StoreError> {
    let delivery = match chunk.recipients.as_slice() {
        [recipient] => chunk.delivery(recipient.recipient),
        _ => return Ok(()),
    };
    let receipt = end::readable(tables, delivery)?.flatten();
    if let (Some(receipt), [recipient]) = (receipt, chunk.recipients.as_mut_slice())
        && receipt.doubt.is_some()
    {
        recipient.first_attempt_at = receipt.first_attempt_at;
    }
    Ok(())
}
