//! The schedule: which lane is next.
//!
//! A lane is in one of three places. It has a *turn* when its first chunk may be claimed; it has
//! a *wake-up* when its first chunk is due later or its limits say not until; it has neither when
//! it is empty. Claiming from a lane sends it to the back of the turns, so a lane with a long
//! queue delays no other. What the schedule reads holds no recipients.

use postrider_types::{CampaignId, CampaignState, ChunkId, Domain, LaneName, Timestamp};

use super::receipts;
use crate::bounds::CLAIM_STEPS_MAX;
use crate::error::StoreError;
use crate::rows::{LaneRow, QueueRow, Sequence};
use crate::tables::Tables;

/// Puts a chunk of a running campaign into its queue, and parks any other.
pub(super) fn enqueue_or_park(
    tables: &mut impl Tables,
    entry: &QueueRow,
    state: CampaignState,
    now: Timestamp,
) -> Result<(), StoreError> {
    if receipts::may_begin(state) {
        enqueue(tables, entry, now)
    } else {
        tables.park(entry)
    }
}

/// Puts a chunk into the queue of its lane, and the lane into its place.
pub(super) fn enqueue(
    tables: &mut impl Tables,
    entry: &QueueRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    tables.enqueue(entry)?;
    let lane = lane_or_new(tables, &entry.lane)?;
    if lane.turn.is_some() {
        return Ok(());
    }
    let eligible_at = entry.due_at.max(lane.not_until);
    if eligible_at <= now {
        return give_turn(tables, lane);
    }
    let wake_at = lane
        .wake_at
        .map_or(eligible_at, |wake_at| wake_at.min(eligible_at));
    tables.put_lane(&LaneRow {
        wake_at: Some(wake_at),
        ..lane
    })
}

/// Keeps a lane from being claimed before `until`; an earlier instant than now changes nothing.
pub(super) fn throttle(
    tables: &mut impl Tables,
    lane: &LaneName,
    until: Timestamp,
) -> Result<(), StoreError> {
    let lane = lane_or_new(tables, lane)?;
    let is_queued_for = lane.turn.is_some() || lane.wake_at.is_some();
    let wake_at = is_queued_for.then(|| lane.wake_at.map_or(until, |wake_at| wake_at.max(until)));
    tables.put_lane(&LaneRow {
        not_until: until,
        turn: None,
        wake_at,
        ..lane
    })
}

/// Gives lanes whose time has come a turn, a bounded number of them.
pub(super) fn wake(tables: &mut impl Tables, now: Timestamp) -> Result<(), StoreError> {
    for lane in tables.lanes_to_wake(now, CLAIM_STEPS_MAX)? {
        give_turn(tables, lane)?;
    }
    Ok(())
}

/// Sends a lane that was just claimed from to the back.
pub(super) fn give_turn(tables: &mut impl Tables, lane: LaneRow) -> Result<(), StoreError> {
    let turn = tables.next(Sequence::Turn)?;
    tables.put_lane(&LaneRow {
        turn: Some(turn),
        wake_at: None,
        ..lane
    })
}

/// Takes the turn of a lane that has nothing to claim until `wake_at`.
pub(super) fn put_to_sleep(
    tables: &mut impl Tables,
    lane: LaneRow,
    wake_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    tables.put_lane(&LaneRow {
        turn: None,
        wake_at,
        ..lane
    })
}

/// Where mail for a domain waits when it is filed anew: its own lane if it ever had one.
pub(super) fn lane_of(tables: &mut impl Tables, domain: &Domain) -> Result<LaneName, StoreError> {
    let own = LaneName::own(domain);
    let is_there = tables.lane(&own)?.is_some();
    Ok(if is_there {
        own
    } else {
        LaneName::tail(domain)
    })
}

fn lane_or_new(tables: &mut impl Tables, lane: &LaneName) -> Result<LaneRow, StoreError> {
    let found = tables.lane(lane)?;
    Ok(found.unwrap_or_else(|| LaneRow {
        lane: lane.clone(),
        not_until: Timestamp::EPOCH,
        turn: None,
        wake_at: None,
    }))
}

/// Where a chunk of a campaign waits: queued or parked.
pub(super) fn waiting(
    tables: &mut impl Tables,
    campaign: CampaignId,
    chunk: ChunkId,
) -> Result<Option<QueueRow>, StoreError> {
    match tables.queued_chunk(campaign, chunk)? {
        Some(entry) => Ok(Some(entry)),
        None => tables.parked_chunk(campaign, chunk),
    }
}

/// Takes a chunk out of where it waits.
pub(super) fn take_out(tables: &mut impl Tables, entry: &QueueRow) -> Result<(), StoreError> {
    // It is in one of the two; the other has no such row.
    tables.dequeue(entry)?;
    tables.unpark(entry)
}
