//! Chunks: one row each, with the recipients packed into one value.
//!
//! The packed form is a version byte and postcard of [`Packed`], which borrows on both ways. It
//! does not parse addresses again: what a store wrote was parsed before it came in.

use postrider_types::{
    Address, CampaignId, ChunkId, ChunkRecipient, EmailId, RecipientId, TenantId, Timestamp,
    Variables,
};
use rusqlite::{Connection, Row, named_params};
use serde::{Deserialize, Serialize};

use super::fault::corrupt;
use super::sql::{self, execute, get_id, get_key, list, one};
use crate::error::StoreError;
use crate::rows::ChunkRow;

/// The first byte of the packed form.
const VERSION: u8 = 1;

const BY_NUMBER: &str = "SELECT chunk, tenant, campaign, email, first, recipients
    FROM chunks WHERE chunk = ?1";

const FILED: &str = "SELECT chunk, tenant, campaign, email, first, recipients
    FROM chunks
    WHERE tenant = :tenant AND campaign = :campaign AND first IS NOT NULL AND first >= coalesce(
        (SELECT max(first) FROM chunks WHERE tenant = :tenant AND campaign = :campaign
            AND first IS NOT NULL AND first <= :from), :from)
    ORDER BY first LIMIT :limit";

const INSERT: &str = "INSERT INTO chunks
    (chunk, tenant, campaign, email, first, count, recipients)
    VALUES (:chunk, :tenant, :campaign, :email, :first, :count, :recipients)";

pub(super) fn by_number(
    connection: &Connection,
    chunk: ChunkId,
) -> Result<Option<ChunkRow>, StoreError> {
    one(connection, BY_NUMBER, [chunk.0.cast_signed()], read)
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
        },
    )
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
        })
        .collect();
    let bytes: usize = recipients.iter().map(ChunkRecipient::stored_bytes).sum();
    let mut buffer = Vec::with_capacity(bytes);
    buffer.push(VERSION);
    postcard::to_extend(&packed, buffer).map_err(|error| corrupt(error.to_string()))
}

fn unpack(bytes: &[u8]) -> Result<Vec<ChunkRecipient>, String> {
    let packed = match bytes.split_first() {
        Some((&VERSION, packed)) => packed,
        Some((version, _)) => return Err(format!("unknown version {version}")),
        None => return Err("nothing there".to_owned()),
    };
    let packed: Vec<Packed<'_>> = postcard::from_bytes(packed).map_err(|e| e.to_string())?;
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
        )
            .prop_map(
                |(number, address, variables, attempts, at)| ChunkRecipient {
                    recipient: RecipientId(number),
                    address: Address::from_stored(address).unwrap(),
                    variables: Variables::from_json_object(variables).unwrap(),
                    attempts,
                    first_attempt_at: at.map(Timestamp::from_micros),
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_the_same(
            recipients in proptest::collection::vec(recipient(), 0..20),
        ) {
            let packed = pack(&recipients).unwrap();
            prop_assert_eq!(unpack(&packed).unwrap(), recipients);
        }

        #[test]
        fn torn_bytes_are_an_error_and_never_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _: Result<_, _> = unpack(&bytes);
        }
    }

    #[test]
    fn a_version_from_the_future_is_refused() {
        assert_eq!(unpack(&[2, 0]).unwrap_err(), "unknown version 2");
    }
}
