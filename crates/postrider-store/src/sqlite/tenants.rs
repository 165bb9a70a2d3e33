//! Tenants, one row each.

use postrider_types::{Tenant, TenantId, Timestamp};
use rusqlite::{Connection, Row, params};

use super::sql::{self, execute, list, one};
use crate::error::StoreError;

pub(super) fn by_number(
    connection: &Connection,
    tenant: TenantId,
) -> Result<Option<Tenant>, StoreError> {
    let sql = "SELECT tenant, name, created_at, deleted_at FROM tenants WHERE tenant = ?1";
    one(connection, sql, [tenant.0], read)
}

/// One that is not deleted.
pub(super) fn by_name(connection: &Connection, name: &str) -> Result<Option<Tenant>, StoreError> {
    let sql = "SELECT tenant, name, created_at, deleted_at FROM tenants
        WHERE name = ?1 AND deleted_at IS NULL";
    one(connection, sql, [name], read)
}

/// With a number above `after`, lowest first.
pub(super) fn page(
    connection: &Connection,
    after: TenantId,
    limit: usize,
) -> Result<Vec<Tenant>, StoreError> {
    let sql = "SELECT tenant, name, created_at, deleted_at FROM tenants
        WHERE tenant > ?1 ORDER BY tenant LIMIT ?2";
    list(connection, sql, params![after.0, sql::limit(limit)], read)
}

pub(super) fn put(connection: &Connection, tenant: &Tenant) -> Result<(), StoreError> {
    let sql = "INSERT INTO tenants (tenant, name, created_at, deleted_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (tenant) DO UPDATE SET name = ?2, deleted_at = ?4";
    let deleted_at = tenant.deleted_at.map(Timestamp::as_micros);
    let created_at = tenant.created_at.as_micros();
    execute(
        connection,
        sql,
        params![tenant.id.0, tenant.name, created_at, deleted_at],
    )
}

fn read(row: &Row<'_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId(row.get(0)?),
        name: row.get(1)?,
        created_at: Timestamp::from_micros(row.get(2)?),
        deleted_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
    })
}
