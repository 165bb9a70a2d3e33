//! Chunks: one row each, with the recipients packed into one value, and their numbers beside it for
//! when that cannot be read.

use std::sync::Arc;

use postrider_types::{CampaignId, ChunkId, EmailId, RecipientId, TenantId};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::corrupt;
use super::packing::{pack, pack_numbers, unpack, unpack_numbers};
use super::sql::{self, execute, get_id, get_key, list, one};
use crate::error::StoreError;
use crate::rows::{ChunkRow, Look, UnreadableChunk};

const BY_NUMBER: &str = "SELECT chunk, tenant, campaign, email, first, recipients, count, numbers
    FROM chunks WHERE chunk = ?1";

const FILED: &str = "SELECT chunk, tenant, campaign, email, first, recipients
    FROM chunks
    WHERE tenant = :tenant AND campaign = :campaign AND first IS NOT NULL AND first >= coalesce(
        (SELECT max(first) FROM chunks WHERE tenant = :tenant AND campaign = :campaign
            AND first IS NOT NULL AND first <= :from), :from)
    ORDER BY first LIMIT :limit";

const INSERT: &str = "INSERT INTO chunks
    (chunk, tenant, campaign, email, first, count, recipients, numbers)
    VALUES (:chunk, :tenant, :campaign, :email, :first, :count, :recipients, :numbers)";

/// What is stored under a number: a row that holds something else than a chunk is not an error of
/// the store, because everything else in it can still be worked on.
pub(super) fn look_at(connection: &Connection, chunk: ChunkId) -> Result<Look, StoreError> {
    let found = one(
        connection,
        BY_NUMBER,
        [chunk.0.cast_signed()],
        |row| match read(row) {
            Ok(chunk) => Ok(Look::Whole(chunk)),
            Err(StoreError::Corrupt { what }) => Ok(Look::Unreadable(unreadable(row, what)?)),
            Err(error) => Err(error),
        },
    )?;
    Ok(found.unwrap_or(Look::Missing))
}

/// The campaign of a leased chunk and whom it holds, as far as that can be read.
pub(super) fn held(
    connection: &Connection,
    chunk: ChunkId,
) -> Result<(CampaignId, Arc<[RecipientId]>), StoreError> {
    match look_at(connection, chunk)? {
        Look::Whole(chunk) => Ok((chunk.campaign, chunk.numbers())),
        Look::Unreadable(found) => {
            let sql = "SELECT campaign FROM chunks WHERE chunk = ?1";
            let campaign = one(connection, sql, [chunk.0.cast_signed()], |row| {
                Ok(CampaignId(row.get(0)?))
            })?;
            Ok((campaign.unwrap_or(CampaignId(0)), found.numbers.into()))
        }
        Look::Missing => Ok((CampaignId(0), Arc::default())),
    }
}

/// The numbers that stand beside a chunk's recipients; none for a chunk that is missing.
pub(super) fn numbers(
    connection: &Connection,
    chunk: ChunkId,
) -> Result<Vec<RecipientId>, StoreError> {
    let sql = "SELECT first, count, numbers FROM chunks WHERE chunk = ?1";
    let number = chunk.0.cast_signed();
    let found = one(connection, sql, [number], |row| {
        read_numbers(row, [0, 1, 2])
    })?;
    Ok(found.unwrap_or_default())
}

/// The same from a row, in which the first number, the count and the packed numbers stand there.
fn read_numbers(
    row: &Row<'_>,
    [first, count, numbers]: [usize; 3],
) -> Result<Vec<RecipientId>, StoreError> {
    Ok(match row.get::<_, Option<u32>>(first)? {
        Some(first) => {
            let count: u32 = row.get(count)?;
            (first..first.saturating_add(count))
                .map(RecipientId)
                .collect()
        }
        // Without them nobody knows whom it held; then they are in no list.
        None => unpack_numbers(row.get_ref(numbers)?.as_blob().unwrap_or_default()),
    })
}

fn unreadable(row: &Row<'_>, what: String) -> Result<UnreadableChunk, StoreError> {
    Ok(UnreadableChunk {
        numbers: read_numbers(row, [4, 6, 7])?,
        what,
        bytes: row.get_ref(5)?.as_blob().map_or(0, <[u8]>::len) as u64,
    })
}

/// The chunks that the batcher filed, from the one that holds `from` on.
pub(super) fn filed(
    connection: &Connection,
    tenant: TenantId,
    campaign: CampaignId,
    from: RecipientId,
    limit: usize,
) -> Result<Vec<ChunkRow>, StoreError> {
    let params = named_params! {
        ":tenant": tenant.0, ":campaign": campaign.0, ":from": from.0, ":limit": sql::limit(limit),
    };
    list(connection, FILED, params, read)
}

pub(super) fn insert(connection: &Connection, chunk: &ChunkRow) -> Result<(), StoreError> {
    execute(
        connection,
        INSERT,
        named_params! {
            ":chunk": chunk.chunk.0.cast_signed(),
            ":tenant": chunk.tenant.0,
            ":campaign": chunk.campaign.0,
            ":email": chunk.email.as_bytes(),
            ":first": chunk.first.map(|first| first.0),
            ":count": sql::limit(chunk.recipients.len()),
            ":recipients": pack(&chunk.recipients)?,
            ":numbers": match chunk.first {
                Some(_) => None,
                None => Some(pack_numbers(&chunk.recipients)?),
            },
        },
    )
}

/// Writes the recipients of a chunk again.
pub(super) fn rewrite(connection: &Connection, chunk: &ChunkRow) -> Result<(), StoreError> {
    let sql = "UPDATE chunks SET recipients = ?2 WHERE chunk = ?1";
    let packed = pack(&chunk.recipients)?;
    execute(
        connection,
        sql,
        params![chunk.chunk.0.cast_signed(), packed],
    )
}

pub(super) fn delete(connection: &Connection, chunk: ChunkId) -> Result<(), StoreError> {
    let sql = "DELETE FROM chunks WHERE chunk = ?1";
    execute(connection, sql, [chunk.0.cast_signed()])
}

/// The chunks of a campaign with a number above `after`, and whether each was refiled.
pub(super) fn of_campaign(
    connection: &Connection,
    campaign: CampaignId,
    after: ChunkId,
    limit: usize,
) -> Result<Vec<(ChunkId, bool)>, StoreError> {
    let sql = "SELECT chunk, first IS NULL FROM chunks
        WHERE campaign = ?1 AND chunk > ?2 ORDER BY chunk LIMIT ?3";
    let params = params![campaign.0, after.0.cast_signed(), sql::limit(limit)];
    list(connection, sql, params, |row| {
        Ok((ChunkId(get_id(row, 0)?), row.get(1)?))
    })
}

fn read(row: &Row<'_>) -> Result<ChunkRow, StoreError> {
    let chunk = ChunkId(get_id(row, 0)?);
    let packed = row
        .get_ref(5)?
        .as_blob()
        .map_err(|error| corrupt(error.to_string()))?;
    let recipients = unpack(packed)
        .map_err(|what| corrupt(format!("the recipients of chunk {chunk} ({what})")))?;
    Ok(ChunkRow {
        chunk,
        tenant: TenantId(row.get(1)?),
        campaign: CampaignId(row.get(2)?),
        email: EmailId::from_bytes(get_key(row, 3)?),
        first: row.get::<_, Option<u32>>(4)?.map(RecipientId),
        recipients,
    })
}
