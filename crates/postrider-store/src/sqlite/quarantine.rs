//! What is known against emails, and chunks that cannot be read.

use postrider_types::{AddressKey, CampaignId, ChunkId, EmailId, TenantId, Timestamp, WorkerId};
use rusqlite::{Connection, Row, params};

use super::sql::{self, execute, get_id, get_key, list, one};
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};

pub(super) fn suspect(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
) -> Result<Option<SuspectEmail>, StoreError> {
    let sql = "SELECT tenant, email, recipients, deaths, reason, since FROM suspect_emails
        WHERE tenant = ?1 AND email = ?2";
    one(
        connection,
        sql,
        params![tenant.0, email.as_bytes()],
        read_suspect,
    )
}

pub(super) fn put_suspect(
    connection: &Connection,
    suspect: &SuspectEmail,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO suspect_emails
        (tenant, email, recipients, deaths, reason, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let deaths: Vec<u8> = suspect
        .deaths
        .iter()
        .flat_map(|worker| worker.0.to_le_bytes())
        .collect();
    let row = params![
        suspect.tenant.0,
        suspect.email.as_bytes(),
        suspect.recipients,
        deaths,
        suspect.reason,
        suspect.since.map(Timestamp::as_micros),
    ];
    execute(connection, sql, row)
}

pub(super) fn forget_suspect(
    connection: &Connection,
    tenant: TenantId,
    email: EmailId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM suspect_emails WHERE tenant = ?1 AND email = ?2";
    execute(connection, sql, params![tenant.0, email.as_bytes()])
}

/// Emails that are quarantined, in order of id.
pub(super) fn emails(
    connection: &Connection,
    tenant: TenantId,
    after: Option<EmailId>,
    limit: usize,
) -> Result<Vec<SuspectEmail>, StoreError> {
    let sql = "SELECT tenant, email, recipients, deaths, reason, since FROM suspect_emails
        WHERE tenant = ?1 AND since IS NOT NULL AND email > ?2 ORDER BY email LIMIT ?3";
    let after = after.as_ref().map_or(&[][..], |after| after.as_bytes());
    list(
        connection,
        sql,
        params![tenant.0, after, sql::limit(limit)],
        read_suspect,
    )
}

fn read_suspect(row: &Row<'_>) -> Result<SuspectEmail, StoreError> {
    let deaths: Vec<u8> = row.get(3)?;
    let (workers, _) = deaths.as_chunks();
    let deaths = workers.iter().map(|id| WorkerId(u64::from_le_bytes(*id)));
    Ok(SuspectEmail {
        tenant: TenantId(row.get(0)?),
        email: EmailId::from_bytes(get_key(row, 1)?),
        recipients: row.get(2)?,
        deaths: deaths.collect(),
        reason: row.get(4)?,
        since: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
    })
}

/// Moves a chunk out of the chunks; of one that is missing, only its place is kept.
pub(super) fn set_aside(
    connection: &Connection,
    chunk: &QuarantinedChunk,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO chunks_aside
        (chunk, tenant, campaign, reason, since, content) VALUES (?1, ?2, ?3, ?4, ?5,
            coalesce((SELECT recipients FROM chunks WHERE chunk = ?1), x''))";
    let number = chunk.chunk.0.cast_signed();
    let row = params![
        number,
        chunk.tenant.0,
        chunk.campaign.0,
        chunk.reason,
        chunk.since.as_micros(),
    ];
    execute(connection, sql, row)?;
    execute(connection, "DELETE FROM chunks WHERE chunk = ?1", [number])
}

/// Chunks that were set aside, with a number above `after`, lowest first.
pub(super) fn chunks(
    connection: &Connection,
    tenant: TenantId,
    after: ChunkId,
    limit: usize,
) -> Result<Vec<QuarantinedChunk>, StoreError> {
    let sql = "SELECT chunk, tenant, campaign, reason, since, length(content) FROM chunks_aside
        WHERE tenant = ?1 AND chunk > ?2 ORDER BY chunk LIMIT ?3";
    let params = params![tenant.0, after.0.cast_signed(), sql::limit(limit)];
    list(connection, sql, params, |row| {
        Ok(QuarantinedChunk {
            chunk: ChunkId(get_id(row, 0)?),
            tenant: TenantId(row.get(1)?),
            campaign: CampaignId(row.get(2)?),
            reason: row.get(3)?,
            since: Timestamp::from_micros(row.get(4)?),
            bytes: get_id(row, 5)?,
        })
    })
}

pub(super) fn forget_aside(
    connection: &Connection,
    tenant: TenantId,
    chunk: ChunkId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM chunks_aside WHERE chunk = ?1 AND tenant = ?2";
    execute(connection, sql, params![chunk.0.cast_signed(), tenant.0])
}

pub(super) fn forget_aside_of(
    connection: &Connection,
    campaign: CampaignId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM chunks_aside WHERE campaign = ?1";
    execute(connection, sql, [campaign.0])
}

/// Empties what was set aside for a tenant and holds an address, in whatever case. An address
/// beyond ASCII has too many spellings to look for, so all is emptied then.
pub(super) fn erase_aside(
    connection: &Connection,
    tenant: TenantId,
    key: &AddressKey,
) -> Result<(), StoreError> {
    let sql = "SELECT chunk, content FROM chunks_aside WHERE tenant = ?1";
    let wanted = key.as_str().as_bytes();
    let holding = list(connection, sql, [tenant.0], |row| {
        let content = row.get_ref(1)?.as_blob().unwrap_or_default();
        let mut places = content.windows(wanted.len());
        let is_in = !wanted.is_ascii() || places.any(|bytes| bytes.eq_ignore_ascii_case(wanted));
        Ok(is_in.then_some(row.get::<_, i64>(0)?))
    })?;
    for chunk in holding.into_iter().flatten() {
        let sql = "UPDATE chunks_aside SET content = x'' WHERE chunk = ?1";
        execute(connection, sql, [chunk])?;
    }
    Ok(())
}
