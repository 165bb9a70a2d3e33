//! The attempt log, where it is more than appended to and read as a feed.

use postrider_types::{Address, DeliveryId, LogEntry, TenantId};
use rusqlite::{Connection, params};

use super::receipts;
use super::sql::{self, execute, list, one};
use crate::error::StoreError;
use crate::removal::ERASED_TEXT;

/// An entry whose receipt is gone is in no feed any more.
const TRIM: &str = "DELETE FROM log WHERE number > ?1 AND number <= ?2 AND NOT EXISTS (
    SELECT 1 FROM receipts r WHERE r.tenant = log.tenant AND r.campaign = log.campaign
        AND r.recipient = log.recipient)";

const ERASE: &str = "UPDATE log SET reply_text = ?5
    WHERE number > ?1 AND number <= ?2 AND tenant = ?3 AND reply_text IS NOT NULL AND EXISTS (
        SELECT 1 FROM receipts r WHERE r.tenant = log.tenant AND r.campaign = log.campaign
            AND r.recipient = log.recipient AND r.address = ?4)";

const OF_DELIVERY: &str = "SELECT l.number, l.tenant, l.campaign, l.recipient, l.attempt, l.state,
        l.reply_code, l.reply_enhanced, l.reply_text, l.at, r.address
    FROM log l JOIN receipts r USING (tenant, campaign, recipient)
    WHERE l.tenant = ?1 AND l.campaign = ?2 AND l.recipient = ?3 ORDER BY l.number LIMIT ?4";

/// The last of up to `limit` numbers after `after`, and whether there may be more behind it.
fn last_of_page(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<(i64, bool), StoreError> {
    let sql = "SELECT number FROM log WHERE number > ?1 ORDER BY number LIMIT 1 OFFSET ?2";
    let offset = sql::limit(limit.saturating_sub(1));
    let last = one(
        connection,
        sql,
        params![after.cast_signed(), offset],
        |row| Ok(row.get(0)?),
    )?;
    Ok(last.map_or((i64::MAX, false), |last| (last, true)))
}

pub(super) fn trim(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<(u64, Option<u64>), StoreError> {
    let (last, is_more) = last_of_page(connection, after, limit)?;
    let mut statement = connection.prepare_cached(TRIM)?;
    let deleted = statement.execute(params![after.cast_signed(), last])?;
    Ok((deleted as u64, is_more.then_some(last.cast_unsigned())))
}

pub(super) fn erase(
    connection: &Connection,
    tenant: TenantId,
    stands_for: &Address,
    after: u64,
    limit: usize,
) -> Result<Option<u64>, StoreError> {
    let (last, is_more) = last_of_page(connection, after, limit)?;
    let params = params![
        after.cast_signed(),
        last,
        tenant.0,
        stands_for.as_str(),
        ERASED_TEXT
    ];
    execute(connection, ERASE, params)?;
    Ok(is_more.then_some(last.cast_unsigned()))
}

/// The entries of one delivery, oldest first. The log has no index by delivery, because each
/// entry would have to be written there too, so this reads all of it: measured, 0.1 s for a
/// million entries.
pub(super) fn of_delivery(
    connection: &Connection,
    delivery: DeliveryId,
    limit: usize,
) -> Result<Vec<LogEntry>, StoreError> {
    let (tenant, campaign, recipient) = (delivery.tenant, delivery.campaign, delivery.recipient);
    let params = params![tenant.0, campaign.0, recipient.0, sql::limit(limit)];
    list(connection, OF_DELIVERY, params, receipts::read_entry)
}
