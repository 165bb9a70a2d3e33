//! What waits: the queue by lane, what is parked, and the lanes themselves.

use postrider_types::{CampaignId, ChunkId, LaneName, Timestamp};
use rusqlite::{Connection, Row, ToSql, params};

use super::sql::{self, execute, get_id, list, one};
use crate::error::StoreError;
use crate::read::LaneShape;
use crate::rows::{LaneRow, QueueRow, Within};
use crate::share::Share;

pub(super) fn enqueue(connection: &Connection, entry: &QueueRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO queue (lane, due_at, chunk, campaign) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO NOTHING";
    execute(
        connection,
        sql,
        params![
            entry.lane.as_str(),
            entry.due_at.as_micros(),
            entry.chunk.0.cast_signed(),
            entry.campaign.0,
        ],
    )
}

pub(super) fn dequeue(connection: &Connection, entry: &QueueRow) -> Result<(), StoreError> {
    let sql = "DELETE FROM queue WHERE lane = ?1 AND due_at = ?2 AND chunk = ?3";
    let chunk = entry.chunk.0.cast_signed();
    execute(
        connection,
        sql,
        params![entry.lane.as_str(), entry.due_at.as_micros(), chunk],
    )
}

pub(super) fn first_in_lane(
    connection: &Connection,
    lane: &LaneName,
) -> Result<Option<QueueRow>, StoreError> {
    let sql = "SELECT lane, due_at, chunk, campaign FROM queue
        WHERE lane = ?1 ORDER BY due_at, chunk LIMIT 1";
    one(connection, sql, [lane.as_str()], read_entry)
}

/// The two tables of chunks that wait; their columns are the same.
#[derive(Clone, Copy)]
pub(super) enum Waiting {
    Queue,
    Parked,
}

impl Waiting {
    const fn table(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Parked => "parked",
        }
    }
}

/// Chunks that wait, with a number above `after`, lowest first. Within a lane there is no such
/// order: all of the lane's queue is read, or all that is parked; measured, 0.3 ms for a thousand
/// chunks.
pub(super) fn waiting(
    connection: &Connection,
    waiting: Waiting,
    within: &Within,
    after: ChunkId,
    limit: usize,
) -> Result<Vec<QueueRow>, StoreError> {
    let (column, key): (_, &dyn ToSql) = match within {
        Within::Campaign(campaign) => ("campaign", &campaign.0),
        Within::Lane(lane) => ("lane", &lane.as_str()),
    };
    let table = waiting.table();
    let sql = format!(
        "SELECT lane, due_at, chunk, campaign FROM {table}
            WHERE {column} = ?1 AND chunk > ?2 ORDER BY chunk LIMIT ?3"
    );
    let params = params![key, after.0.cast_signed(), sql::limit(limit)];
    list(connection, &sql, params, read_entry)
}

/// One chunk of a campaign, if it waits there.
pub(super) fn waiting_chunk(
    connection: &Connection,
    waiting: Waiting,
    campaign: CampaignId,
    chunk: ChunkId,
) -> Result<Option<QueueRow>, StoreError> {
    let table = waiting.table();
    let sql = format!(
        "SELECT lane, due_at, chunk, campaign FROM {table} WHERE campaign = ?1 AND chunk = ?2"
    );
    let key = params![campaign.0, chunk.0.cast_signed()];
    one(connection, &sql, key, read_entry)
}

/// Makes due what waits for a change of limits, found by an index of nothing else.
pub(super) fn wake(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE queue SET due_at = ?1 WHERE due_at = 9223372036854775807";
    execute(connection, sql, [now.as_micros()])
}

pub(super) fn park(connection: &Connection, entry: &QueueRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO parked (campaign, chunk, lane, due_at)
        VALUES (?1, ?2, ?3, ?4)";
    execute(
        connection,
        sql,
        params![
            entry.campaign.0,
            entry.chunk.0.cast_signed(),
            entry.lane.as_str(),
            entry.due_at.as_micros(),
        ],
    )
}

pub(super) fn unpark(connection: &Connection, entry: &QueueRow) -> Result<(), StoreError> {
    let sql = "DELETE FROM parked WHERE campaign = ?1 AND chunk = ?2";
    execute(
        connection,
        sql,
        params![entry.campaign.0, entry.chunk.0.cast_signed()],
    )
}

fn read_entry(row: &Row<'_>) -> Result<QueueRow, StoreError> {
    Ok(QueueRow {
        lane: lane_name(row)?,
        due_at: Timestamp::from_micros(row.get(1)?),
        chunk: ChunkId(get_id(row, 2)?),
        campaign: CampaignId(row.get(3)?),
    })
}

pub(super) fn lane(
    connection: &Connection,
    lane: &LaneName,
) -> Result<Option<LaneRow>, StoreError> {
    let sql = "SELECT lane, not_until, turn, wake_at FROM lanes WHERE lane = ?1";
    one(connection, sql, [lane.as_str()], read_lane)
}

pub(super) fn put_lane(connection: &Connection, lane: &LaneRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO lanes (lane, not_until, turn, wake_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (lane) DO UPDATE SET not_until = ?2, turn = ?3, wake_at = ?4";
    execute(
        connection,
        sql,
        params![
            lane.lane.as_str(),
            lane.not_until.as_micros(),
            lane.turn.map(u64::cast_signed),
            lane.wake_at.map(Timestamp::as_micros),
        ],
    )
}

/// The lane with the lowest turn that is in `share` and not in `skip`; it reads those before it.
pub(super) fn lane_in_turn(
    connection: &Connection,
    skip: &[LaneName],
    share: Share,
) -> Result<Option<LaneRow>, StoreError> {
    let sql = "SELECT lane, not_until, turn, wake_at FROM lanes
        WHERE turn IS NOT NULL ORDER BY turn";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let lane = read_lane(row)?;
        if share.has(&lane.lane) && !skip.contains(&lane.lane) {
            return Ok(Some(lane));
        }
    }
    Ok(None)
}

pub(super) fn lanes_to_wake(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<LaneRow>, StoreError> {
    let sql = "SELECT lane, not_until, turn, wake_at FROM lanes
        WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at, lane LIMIT ?2";
    list(
        connection,
        sql,
        params![now.as_micros(), sql::limit(limit)],
        read_lane,
    )
}

pub(super) fn next_wake(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT wake_at FROM lanes WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1";
    let first = one(connection, sql, [], |row| {
        Ok(Timestamp::from_micros(row.get(0)?))
    })?;
    Ok(first.filter(|wake_at| *wake_at != Timestamp::NEVER))
}

pub(super) fn wake_lanes(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE lanes SET not_until = 0, wake_at = CASE
            WHEN turn IS NULL AND EXISTS (SELECT 1 FROM queue q WHERE q.lane = lanes.lane) THEN ?1
            ELSE wake_at
        END";
    execute(connection, sql, [now.as_micros()])
}

/// What waits by lane. Reads the whole queue, which is one small row a chunk: measured, 0.3 ms for a
/// thousand chunks.
pub(super) fn shapes(connection: &Connection, limit: usize) -> Result<Vec<LaneShape>, StoreError> {
    let sql = "SELECT q.lane, count(*) AS chunks, min(q.due_at), coalesce(l.not_until, 0)
        FROM queue q LEFT JOIN lanes l USING (lane)
        GROUP BY q.lane ORDER BY chunks DESC, q.lane LIMIT ?1";
    list(connection, sql, [sql::limit(limit)], |row| {
        Ok(LaneShape {
            lane: lane_name(row)?,
            chunks: get_id(row, 1)?,
            due_at: Some(Timestamp::from_micros(row.get(2)?)),
            not_until: Timestamp::from_micros(row.get(3)?),
        })
    })
}

fn read_lane(row: &Row<'_>) -> Result<LaneRow, StoreError> {
    Ok(LaneRow {
        lane: lane_name(row)?,
        not_until: Timestamp::from_micros(row.get(1)?),
        turn: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        wake_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
    })
}

/// The lane's name, always the first column.
fn lane_name(row: &Row<'_>) -> Result<LaneName, StoreError> {
    let name = row.get_ref(0)?.as_str();
    name.map(LaneName::from_stored)
        .map_err(|error| super::fault::corrupt(error.to_string()))
}
