//! Campaigns and emails.

use std::io::{Read, Write};
use std::time::Duration;

use bytes::Bytes;
use postrider_types::{
    Campaign, CampaignId, CampaignState, DeliveryState, EmailId, InDoubtPolicy, PauseReason, Tally,
    TenantId, Timestamp,
};
use rusqlite::{Connection, Row, ToSql, params};

use super::fault::corrupt;
use super::sql::{self, execute, get_key, list, one};
use super::unreadable::Found;
use crate::error::StoreError;

const BY_NUMBER: &str = "SELECT * FROM campaigns WHERE campaign = ?1";

const BY_NAME: &str = "SELECT * FROM campaigns WHERE tenant = ?1 AND name = ?2";

const PAGE: &str = "SELECT * FROM campaigns
    WHERE tenant = ?1 AND campaign < ?2 ORDER BY campaign DESC LIMIT ?3";

const PUT: &str = "INSERT INTO campaigns
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,
        ?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27)
    ON CONFLICT (campaign) DO UPDATE SET
        state = ?5, is_sealed = ?6, in_doubt_policy = ?7, started_at = ?9, ended_at = ?10,
        pending = ?11, attempting = ?12, deferred = ?13, delivered = ?14, bounced = ?15,
        in_doubt = ?16, suppressed = ?17, capped = ?18, expired = ?19, cancelled = ?20,
        failed = ?21, quarantined = ?22, send_at = ?24, paused_because = ?25,
        retained_at = ?26, running_since = ?27";

const DUE: &str = "SELECT campaign FROM campaigns
    WHERE state = 0 AND send_at IS NOT NULL AND paused_because IS NULL AND send_at <= ?1
    ORDER BY send_at, campaign LIMIT ?2";

const NEXT: &str = "SELECT send_at FROM campaigns
    WHERE state = 0 AND send_at IS NOT NULL AND paused_because IS NULL ORDER BY send_at LIMIT 1";

/// The first column of the tally.
const TALLY: usize = 10;

/// The first column behind the tally.
const TAIL: usize = TALLY + DeliveryState::ALL.len();

pub(super) fn by_number(
    connection: &Connection,
    campaign: CampaignId,
) -> Result<Option<Campaign>, StoreError> {
    one(connection, BY_NUMBER, [campaign.0], read)
}

pub(super) fn by_name(
    connection: &Connection,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Campaign>, StoreError> {
    one(connection, BY_NAME, params![tenant.0, name], read)
}

/// Newest first, with a number below `before`: as many as can be read as there are, up to `limit`,
/// and those between them that cannot.
pub(super) fn page(
    connection: &Connection,
    tenant: TenantId,
    before: Option<CampaignId>,
    limit: usize,
) -> Result<Vec<Found<Campaign>>, StoreError> {
    let mut before = before.map_or(i64::MAX, |campaign| i64::from(campaign.0));
    let mut found: Vec<Found<Campaign>> = Vec::new();
    let mut room = limit;
    loop {
        let params = params![tenant.0, before, sql::limit(room)];
        let rows = list(connection, PAGE, params, |row| Ok((row.get(0)?, read(row))))?;
        let is_last = rows.len() < room;
        room = rows.iter().filter(|(_, row)| row.is_err()).count();
        before = rows.last().map_or(before, |(number, _)| *number);
        found.extend(rows);
        if is_last || room == 0 {
            return Ok(found);
        }
    }
}

/// Writes a campaign; of one that exists, what can change.
pub(super) fn put(connection: &Connection, campaign: &Campaign) -> Result<(), StoreError> {
    let counts = campaign.tally.counts().map(u64::cast_signed);
    let head: [&dyn ToSql; TALLY] = [
        &campaign.id.0,
        &campaign.tenant.0,
        &campaign.name,
        campaign.email.as_bytes(),
        &campaign.state.number(),
        &campaign.is_sealed,
        &campaign.in_doubt.number(),
        &campaign.created_at.as_micros(),
        &campaign.started_at.map(Timestamp::as_micros),
        &campaign.ended_at.map(Timestamp::as_micros),
    ];
    let tally = counts.iter().map(|count| count as &dyn ToSql);
    let tail: [&dyn ToSql; 5] = [
        &micros(campaign.in_doubt_retry_after),
        &campaign.send_at.map(Timestamp::as_micros),
        &campaign.paused_because.map(PauseReason::number),
        &campaign.retained_at.map(Timestamp::as_micros),
        &campaign.running_since.map(Timestamp::as_micros),
    ];
    let row: Vec<_> = head.into_iter().chain(tally).chain(tail).collect();
    execute(connection, PUT, row.as_slice())
}

fn read(row: &Row<'_>) -> Result<Campaign, StoreError> {
    let id = CampaignId(row.get(0)?);
    let unreadable = || corrupt(format!("the state of {id}"));
    let mut counts = [0; DeliveryState::ALL.len()];
    for (column, count) in (TALLY..).zip(&mut counts) {
        *count = sql::get_id(row, column)?;
    }
    Ok(Campaign {
        tenant: TenantId(row.get(1)?),
        id,
        name: row.get(2)?,
        email: EmailId::from_bytes(get_key(row, 3)?),
        state: CampaignState::from_number(row.get(4)?).ok_or_else(unreadable)?,
        is_sealed: row.get(5)?,
        in_doubt: InDoubtPolicy::from_number(row.get(6)?).ok_or_else(unreadable)?,
        in_doubt_retry_after: Duration::from_micros(sql::get_id(row, TAIL)?),
        send_at: row
            .get::<_, Option<i64>>(TAIL + 1)?
            .map(Timestamp::from_micros),
        paused_because: match row.get::<_, Option<u8>>(TAIL + 2)? {
            Some(number) => Some(PauseReason::from_number(number).ok_or_else(unreadable)?),
            None => None,
        },
        created_at: Timestamp::from_micros(row.get(7)?),
        started_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_micros),
        ended_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_micros),
        retained_at: row
            .get::<_, Option<i64>>(TAIL + 3)?
            .map(Timestamp::from_micros),
        running_since: row
            .get::<_, Option<i64>>(TAIL + 4)?
            .map(Timestamp::from_micros),
        tally: Tally::from_counts(counts),
    })
}

/// A duration as the file holds it.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Drafts whose time has come, earliest first.
pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<CampaignId>, StoreError> {
    let params = params![now.as_micros(), sql::limit(limit)];
    list(connection, DUE, params, |row| Ok(CampaignId(row.get(0)?)))
}

/// When the next draft starts.
pub(super) fn next_send_at(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    one(connection, NEXT, [], |row| {
        Ok(Timestamp::from_micros(row.get(0)?))
    })
}

/// The numbers of campaigns from one on, lowest first.
pub(super) fn all(
    connection: &Connection,
    from: CampaignId,
    limit: usize,
) -> Result<Vec<CampaignId>, StoreError> {
    let sql = "SELECT campaign FROM campaigns WHERE campaign >= ?1 ORDER BY campaign LIMIT ?2";
    list(connection, sql, params![from.0, sql::limit(limit)], number)
}

/// The same, of one tenant.
pub(super) fn of_tenant(
    connection: &Connection,
    tenant: TenantId,
    from: CampaignId,
    limit: usize,
) -> Result<Vec<CampaignId>, StoreError> {
    let sql = "SELECT campaign FROM campaigns
        WHERE tenant = ?1 AND campaign >= ?2 ORDER BY campaign LIMIT ?3";
    list(
        connection,
        sql,
        params![tenant.0, from.0, sql::limit(limit)],
        number,
    )
}

/// The same, of those that send one email.
pub(super) fn sending(
    connection: &Connection,
    (tenant, email): (TenantId, EmailId),
    from: CampaignId,
    limit: usize,
) -> Result<Vec<CampaignId>, StoreError> {
    let sql = "SELECT campaign FROM campaigns
        WHERE tenant = ?1 AND email = ?2 AND campaign >= ?3 ORDER BY campaign LIMIT ?4";
    let params = params![tenant.0, email.as_bytes(), from.0, sql::limit(limit)];
    list(connection, sql, params, number)
}

fn number(row: &Row<'_>) -> Result<CampaignId, StoreError> {
    Ok(CampaignId(row.get(0)?))
}

pub(super) fn has_email(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
) -> Result<bool, StoreError> {
    Ok(email_row(connection, tenant, email)?.is_some())
}

/// Keeps an email. Its content goes straight into the file's pages, so that it is not copied
/// once more on the way.
pub(super) fn put_email(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
    content: &Bytes,
    now: Timestamp,
) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT INTO emails (tenant, email, size, put_at, content)
            VALUES (?1, ?2, ?3, ?4, zeroblob(?3))",
        params![
            tenant.0,
            email.as_bytes(),
            sql::limit(content.len()),
            now.as_micros()
        ],
    )?;
    let row = connection.last_insert_rowid();
    let mut blob = connection.blob_open("main", "emails", "content", row, false)?;
    blob.write_all(content)
        .map_err(|error| unwritable(&error))?;
    Ok(blob.close()?)
}

/// The content of an email, read without a second copy.
pub(super) fn email(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
) -> Result<Option<Bytes>, StoreError> {
    let Some(row) = email_row(connection, tenant, email)? else {
        return Ok(None);
    };
    let mut blob = connection.blob_open("main", "emails", "content", row, true)?;
    let mut content = Vec::with_capacity(blob.len());
    blob.read_to_end(&mut content)
        .map_err(|error| unwritable(&error))?;
    Ok(Some(content.into()))
}

/// How large an email is.
pub(super) fn email_bytes(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT size FROM emails WHERE tenant = ?1 AND email = ?2";
    one(
        connection,
        sql,
        params![tenant.0, email.as_bytes()],
        |row| sql::get_id(row, 0),
    )
}

fn email_row(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT rowid FROM emails WHERE tenant = ?1 AND email = ?2";
    one(
        connection,
        sql,
        params![tenant.0, email.as_bytes()],
        |row| Ok(row.get(0)?),
    )
}

/// An error of a blob, which rusqlite gives as one of `std::io` around its own.
fn unwritable(error: &std::io::Error) -> StoreError {
    StoreError::Unwritable {
        reason: error.to_string(),
    }
}
