//! Chunks: one row each, with the recipients packed into one value.
//!
//! The packed form is a version byte and postcard of [`Packed`], which borrows on both ways. It
//! does not parse addresses again: what a store wrote was parsed before it came in.

use std::sync::Arc;

use postrider_types::{
    Address, CampaignId, ChunkId, ChunkRecipient, EmailId, RecipientId, TenantId, Timestamp,
    Variables,
};
use rusqlite::{Connection, Row, named_params, params};
use serde::{Deserialize, Serialize};

use super::fault::corrupt;
use super::sql::{self, execute, get_id, get_key, list, one};
use crate::error::StoreError;
use crate::rows::{ChunkRow, Look, UnreadableChunk};

/// The first byte of the packed form.
const VERSION: u8 = 2;

/// The form before deaths were counted.
const WITHOUT_DEATHS: u8 = 1;

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

fn unreadable(row: &Row<'_>, what: String) -> Result<UnreadableChunk, StoreError> {
    let bytes = row.get_ref(5)?.as_blob().map_or(0, <[u8]>::len) as u64;
    let numbers = match row.get::<_, Option<u32>>(4)? {
        Some(first) => {
            let count: u32 = row.get(6)?;
            (first..first.saturating_add(count))
                .map(RecipientId)
                .collect()
        }
        // Without them nobody knows whom it held; then they are in no list.
        None => unpack_numbers(row.get_ref(7)?.as_blob().unwrap_or_default()),
    };
    Ok(UnreadableChunk {
        numbers,
        what,
        bytes,
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

/// The numbers of recipients, each as its distance from the one before: mostly one byte.
fn pack_numbers(recipients: &[ChunkRecipient]) -> Result<Vec<u8>, StoreError> {
    let mut before = 0;
    let distance = |r: &ChunkRecipient| {
        let distance = r.recipient.0.wrapping_sub(before);
        before = r.recipient.0;
        distance
    };
    let distances: Vec<u32> = recipients.iter().map(distance).collect();
    postcard::to_stdvec(&distances).map_err(|error| corrupt(error.to_string()))
}

/// None when they cannot be read either.
fn unpack_numbers(bytes: &[u8]) -> Vec<RecipientId> {
    let distances: Vec<u32> = postcard::from_bytes(bytes).unwrap_or_default();
    let mut number = 0_u32;
    let add = |distance: u32| {
        number = number.wrapping_add(distance);
        RecipientId(number)
    };
    distances.into_iter().map(add).collect()
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

/// A recipient as it lies in the file.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    recipient: u32,
    address: &'a str,
    variables: &'a str,
    attempts: u16,
    first_attempt_at: Option<i64>,
    deaths: u8,
}

/// The same in the form before deaths were counted.
#[derive(Deserialize)]
struct PackedWithoutDeaths<'a> {
    recipient: u32,
    address: &'a str,
    variables: &'a str,
    attempts: u16,
    first_attempt_at: Option<i64>,
}

impl<'a> From<PackedWithoutDeaths<'a>> for Packed<'a> {
    fn from(packed: PackedWithoutDeaths<'a>) -> Self {
        Self {
            recipient: packed.recipient,
            address: packed.address,
            variables: packed.variables,
            attempts: packed.attempts,
            first_attempt_at: packed.first_attempt_at,
            deaths: 0,
        }
    }
}

fn pack(recipients: &[ChunkRecipient]) -> Result<Vec<u8>, StoreError> {
    let packed: Vec<_> = recipients
        .iter()
        .map(|r| Packed {
            recipient: r.recipient.0,
            address: r.address.as_str(),
            variables: r.variables.as_json(),
            attempts: r.attempts,
            first_attempt_at: r.first_attempt_at.map(Timestamp::as_micros),
            deaths: r.deaths,
        })
        .collect();
    let bytes: usize = recipients.iter().map(ChunkRecipient::stored_bytes).sum();
    let mut buffer = Vec::with_capacity(bytes);
    buffer.push(VERSION);
    postcard::to_extend(&packed, buffer).map_err(|error| corrupt(error.to_string()))
}

fn unpack(bytes: &[u8]) -> Result<Vec<ChunkRecipient>, String> {
    let packed: Vec<Packed<'_>> = match bytes.split_first() {
        Some((&VERSION, packed)) => postcard::from_bytes(packed).map_err(|e| e.to_string())?,
        Some((&WITHOUT_DEATHS, packed)) => {
            let packed: Vec<PackedWithoutDeaths<'_>> =
                postcard::from_bytes(packed).map_err(|e| e.to_string())?;
            packed.into_iter().map(Packed::from).collect()
        }
        Some((version, _)) => return Err(format!("unknown version {version}")),
        None => return Err("nothing there".to_owned()),
    };
    packed.into_iter().map(unpack_one).collect()
}

fn unpack_one(packed: Packed<'_>) -> Result<ChunkRecipient, String> {
    let address = Address::from_stored(packed.address.to_owned()).map_err(|e| e.to_string())?;
    let variables =
        Variables::from_json_object(packed.variables.to_owned()).map_err(|e| e.to_string())?;
    Ok(ChunkRecipient {
        recipient: RecipientId(packed.recipient),
        address,
        variables,
        attempts: packed.attempts,
        first_attempt_at: packed.first_attempt_at.map(Timestamp::from_micros),
        deaths: packed.deaths,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipient() -> impl Strategy<Value = ChunkRecipient> {
        let address = "[a-zäß]{1,12}@[a-z]{1,8}\\.test";
        let first_attempt_at = proptest::option::of(any::<i64>());
        let variables = "\\{\"name\":\"[^\"\\\\]{0,40}\"\\}";
        (
            any::<u32>(),
            address,
            variables,
            any::<u16>(),
            first_attempt_at,
            any::<u8>(),
        )
            .prop_map(|(number, address, variables, attempts, at, deaths)| {
                ChunkRecipient {
                    recipient: RecipientId(number),
                    address: Address::from_stored(address).unwrap(),
                    variables: Variables::from_json_object(variables).unwrap(),
                    attempts,
                    first_attempt_at: at.map(Timestamp::from_micros),
                    deaths,
                }
            })
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_the_same(
            recipients in proptest::collection::vec(recipient(), 0..20),
        ) {
            let packed = pack(&recipients).unwrap();
            prop_assert_eq!(unpack(&packed).unwrap(), recipients.clone());
            let numbers: Vec<_> = recipients.iter().map(|r| r.recipient).collect();
            let packed = pack_numbers(&recipients).unwrap();
            prop_assert_eq!(unpack_numbers(&packed), numbers);
        }

        #[test]
        fn torn_bytes_are_an_error_and_never_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _: Result<_, _> = unpack(&bytes);
            let _: Vec<_> = unpack_numbers(&bytes);
        }
    }

    #[test]
    fn a_version_from_the_future_is_refused() {
        assert_eq!(unpack(&[3, 0]).unwrap_err(), "unknown version 3");
    }
}
