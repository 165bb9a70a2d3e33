//! Receipts and the attempt log.

use postrider_types::reply::Reply;
use postrider_types::{
    Address, AddressKey, CampaignId, ChunkId, DeliveryId, DeliveryState, Doubt, EnhancedCode,
    LeaseToken, LogEntry, Receipt, RecipientId, TenantId, Timestamp,
};
use rusqlite::{Connection, Row, params};

use super::fault::corrupt;
use super::sql::{self, execute, get_id, list, one};
use crate::error::StoreError;
use crate::rows::LogRow;

const BY_DELIVERY: &str = "SELECT * FROM receipts
    WHERE tenant = ?1 AND campaign = ?2 AND recipient = ?3";

const PUT: &str = "INSERT OR REPLACE INTO receipts
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10, ?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)";

const APPEND: &str = "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const PAGE: &str = "SELECT * FROM receipts
    WHERE tenant = ?1 AND campaign = ?2 AND recipient >= ?3 ORDER BY recipient LIMIT ?4";

const PAGE_IN_STATE: &str = "SELECT * FROM receipts
    WHERE tenant = ?1 AND campaign = ?2 AND recipient >= ?3 AND state = ?5
    ORDER BY recipient LIMIT ?4";

/// An address that is not all ASCII may be spelled in ways that SQLite cannot compare.
const LIKELY_OF: &str = "SELECT * FROM receipts
    WHERE tenant = ?1
        AND (address = ?2 COLLATE NOCASE OR octet_length(address) <> length(address))
    ORDER BY campaign DESC, recipient DESC";

const LOG: &str = "SELECT l.number, l.tenant, l.campaign, l.recipient, l.attempt, l.state,
        l.reply_code, l.reply_enhanced, l.reply_text, l.at, r.address
    FROM log l JOIN receipts r USING (tenant, campaign, recipient)
    WHERE l.number > ?2 AND l.tenant = ?1 ORDER BY l.number LIMIT ?3";

pub(super) fn by_delivery(
    connection: &Connection,
    delivery: DeliveryId,
) -> Result<Option<Receipt>, StoreError> {
    let DeliveryId {
        tenant,
        campaign,
        recipient,
    } = delivery;
    one(
        connection,
        BY_DELIVERY,
        [tenant.0, campaign.0, recipient.0],
        read,
    )
}

pub(super) fn put(connection: &Connection, receipt: &Receipt) -> Result<(), StoreError> {
    let reply = receipt.reply.as_ref();
    execute(
        connection,
        PUT,
        params![
            receipt.delivery.tenant.0,
            receipt.delivery.campaign.0,
            receipt.delivery.recipient.0,
            receipt.state.number(),
            receipt.attempts,
            receipt.token.map(|token| token.0.cast_signed()),
            receipt.chunk.0.cast_signed(),
            receipt.first_attempt_at.map(Timestamp::as_micros),
            receipt.next_attempt_at.map(Timestamp::as_micros),
            reply.map(|reply| reply.code),
            reply
                .and_then(|reply| reply.enhanced)
                .map(|code| code.to_string()),
            reply.map(|reply| reply.text.as_str()),
            receipt.at.as_micros(),
            receipt.address.as_str(),
            receipt.doubt.map(|doubt| doubt.token.0.cast_signed()),
            receipt.doubt.map(|doubt| doubt.attempt),
            receipt.doubt.is_some_and(|doubt| doubt.is_settled),
            receipt.retries_in_doubt,
            receipt.is_possible_duplicate,
            receipt.doubt.map(|doubt| doubt.at.as_micros()),
        ],
    )
}

pub(super) fn delete(connection: &Connection, delivery: DeliveryId) -> Result<(), StoreError> {
    let sql = "DELETE FROM receipts WHERE tenant = ?1 AND campaign = ?2 AND recipient = ?3";
    let (tenant, campaign, recipient) = (delivery.tenant, delivery.campaign, delivery.recipient);
    execute(connection, sql, [tenant.0, campaign.0, recipient.0])
}

/// Appends an entry under a number that was never used.
pub(super) fn append(
    connection: &Connection,
    number: u64,
    entry: &LogRow,
) -> Result<(), StoreError> {
    let reply = entry.reply.as_ref();
    execute(
        connection,
        APPEND,
        params![
            number.cast_signed(),
            entry.delivery.tenant.0,
            entry.delivery.campaign.0,
            entry.delivery.recipient.0,
            entry.attempt,
            entry.state.number(),
            reply.map(|reply| reply.code),
            reply
                .and_then(|reply| reply.enhanced)
                .map(|code| code.to_string()),
            reply.map(|reply| reply.text.as_str()),
            entry.at.as_micros(),
        ],
    )
}

/// In order of recipient. A page in one state reads past the receipts in others: measured, 0.06 s
/// for a million.
pub(super) fn page(
    connection: &Connection,
    from: DeliveryId,
    state: Option<DeliveryState>,
    limit: usize,
) -> Result<Vec<Receipt>, StoreError> {
    let (tenant, campaign, first) = (from.tenant.0, from.campaign.0, from.recipient.0);
    let limit = sql::limit(limit);
    match state {
        None => list(
            connection,
            PAGE,
            params![tenant, campaign, first, limit],
            read,
        ),
        Some(state) => {
            let params = params![tenant, campaign, first, limit, state.number()];
            list(connection, PAGE_IN_STATE, params, read)
        }
    }
}

/// The receipts of one address, newest campaign first.
///
/// There is no index by address, because each begin would have to write to a random place in it.
/// So this reads every receipt of the tenant until it has enough: measured, 0.13 s for a million.
pub(super) fn of_address(
    connection: &Connection,
    tenant: TenantId,
    address: &AddressKey,
    limit: usize,
) -> Result<Vec<Receipt>, StoreError> {
    let mut statement = connection.prepare_cached(LIKELY_OF)?;
    let mut rows = statement.query(params![tenant.0, address.as_str()])?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let receipt = read(row)?;
        if receipt.address.key() == *address {
            found.push(receipt);
        }
    }
    Ok(found)
}

/// Entries with a number above `after`.
pub(super) fn log(
    connection: &Connection,
    tenant: TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<LogEntry>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    list(
        connection,
        LOG,
        params![tenant.0, after, sql::limit(limit)],
        read_entry,
    )
}

/// An entry of the log, with the address of its receipt behind it.
pub(super) fn read_entry(row: &Row<'_>) -> Result<LogEntry, StoreError> {
    Ok(LogEntry {
        number: get_id(row, 0)?,
        delivery: delivery(row, 1)?,
        attempt: row.get(4)?,
        state: state(row, 5)?,
        reply: reply(row, 6)?,
        at: Timestamp::from_micros(row.get(9)?),
        address: address(row, 10)?,
    })
}

fn read(row: &Row<'_>) -> Result<Receipt, StoreError> {
    Ok(Receipt {
        delivery: delivery(row, 0)?,
        state: state(row, 3)?,
        attempts: row.get(4)?,
        token: row
            .get::<_, Option<i64>>(5)?
            .map(|token| LeaseToken(token.cast_unsigned())),
        chunk: ChunkId(get_id(row, 6)?),
        first_attempt_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_micros),
        next_attempt_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_micros),
        reply: reply(row, 9)?,
        at: Timestamp::from_micros(row.get(12)?),
        address: address(row, 13)?,
        doubt: doubt(row)?,
        retries_in_doubt: row.get(17)?,
        is_possible_duplicate: row.get(18)?,
    })
}

/// The doubt of a receipt. One from before its time was written counts from when the receipt was
/// last changed, which is later.
fn doubt(row: &Row<'_>) -> Result<Option<Doubt>, StoreError> {
    let Some(token) = row.get::<_, Option<i64>>(14)? else {
        return Ok(None);
    };
    let at = row.get::<_, Option<i64>>(19)?;
    let at = at.map_or_else(|| row.get(12), Ok)?;
    Ok(Some(Doubt {
        token: LeaseToken(token.cast_unsigned()),
        attempt: row.get(15)?,
        is_settled: row.get(16)?,
        at: Timestamp::from_micros(at),
    }))
}

fn delivery(row: &Row<'_>, column: usize) -> Result<DeliveryId, StoreError> {
    Ok(DeliveryId {
        tenant: TenantId(row.get(column)?),
        campaign: CampaignId(row.get(column + 1)?),
        recipient: RecipientId(row.get(column + 2)?),
    })
}

fn state(row: &Row<'_>, column: usize) -> Result<DeliveryState, StoreError> {
    let number = row.get(column)?;
    DeliveryState::from_number(number)
        .ok_or_else(|| corrupt(format!("{number} is not a state of a delivery")))
}

fn address(row: &Row<'_>, column: usize) -> Result<Address, StoreError> {
    Address::from_stored(row.get(column)?).map_err(|error| corrupt(error.to_string()))
}

fn reply(row: &Row<'_>, column: usize) -> Result<Option<Reply>, StoreError> {
    let Some(code) = row.get(column)? else {
        return Ok(None);
    };
    let text = row.get_ref(column + 1)?.as_str_or_null();
    let text = text.map_err(|error| corrupt(error.to_string()))?;
    let enhanced = text.map(enhanced).transpose()?;
    Ok(Some(Reply {
        code,
        enhanced,
        text: row.get(column + 2)?,
    }))
}

/// An enhanced code as it prints. Its own parser takes only the classes that servers may send.
fn enhanced(text: &str) -> Result<EnhancedCode, StoreError> {
    let unreadable = || corrupt(format!("\"{text}\" is not an enhanced code"));
    let mut parts = text.splitn(3, '.').map(|part| part.parse::<u16>().ok());
    let mut part = || parts.next().flatten().ok_or_else(unreadable);
    Ok(EnhancedCode {
        class: u8::try_from(part()?).map_err(|_| unreadable())?,
        subject: part()?,
        detail: part()?,
    })
}
