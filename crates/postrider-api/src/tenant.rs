//! Tenants: the owners of campaigns and emails.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The body of `POST /v1/tenants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its name, unique: 1 to 64 ASCII letters, digits, `-`, `_` and `.`.
    pub name: String,
}

/// A tenant as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its number, which is never given again.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Time,
    /// When it was deleted. Its name may be given again.
    pub deleted_at: Option<Time>,
}

/// The answer to `POST /v1/tenants/{name}/delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Deliveries that ended cancelled.
    pub cancelled: u64,
    /// Deliveries that were between begin and outcome, and end by themselves.
    pub busy: u64,
}
