//! A tenant: the owner of campaigns, emails, keys, limits and suppressions.

use serde::{Deserialize, Serialize};

use crate::bounds::TENANT_NAME_BYTES_MAX;
use crate::id::TenantId;
use crate::time::Timestamp;

/// A tenant as its store knows it. The tenant `default` is in every store and stays.
///
/// A deleted one is kept with its id, because that is part of what it left behind: receipts, and
/// campaigns that ended. Its name may be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id, which is never given again.
    pub id: TenantId,
    /// Its name, unique among those that are not deleted; see [`Tenant::is_name`].
    pub name: String,
    /// When it was created; [`Timestamp::EPOCH`] for `default`.
    pub created_at: Timestamp,
    /// When it was deleted: since then nothing of it is taken in, and nothing begins.
    pub deleted_at: Option<Timestamp>,
}

impl Tenant {
    /// The tenant `default`, as a new store has it.
    pub fn standard() -> Self {
        Self {
            id: TenantId::DEFAULT,
            name: "default".to_owned(),
            created_at: Timestamp::EPOCH,
            deleted_at: None,
        }
    }

    /// Whether it was deleted.
    pub const fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// Whether a text may name a tenant: 1 to 64 letters, digits, `-`, `_` and `.`, all ASCII, so
    /// that it can stand in a path, a label and a file name.
    pub fn is_name(text: &str) -> bool {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=TENANT_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: bool) {
        assert_eq!(Tenant::is_name(text), expect, "{text:?}");
    }

    #[test]
    fn a_name_can_stand_in_a_path() {
        check("default", true);
        check("acme-2.eu_west", true);
        check("", false);
        check("a/b", false);
        check("a b", false);
        check("bücher", false);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
    }
}
