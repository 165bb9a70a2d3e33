//! What a person has taken out: tenants, purges, quarantined emails, old and erased receipts.
//!
//! Each is a walk of bounded steps over the store, so that nothing else waits for it. A walk that
//! breaks off has done its first steps, and asking again does the rest.

use postrider_store::quarantine::Lift;
use postrider_store::removal::{Cursor, PurgeTarget, Walked};
use postrider_store::{Reply, Request, StoreError};
use postrider_types::{Address, EmailId, Tenant, TenantId, Timestamp};

use super::{EngineError, Postrider};
use crate::bounds::{COMPACT_TRIES_MAX, PURGE_WALKS_MAX};

/// What a walk did in all of its steps, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walk {
    /// What it ended, erased or deleted.
    pub matched: u64,
    /// Deliveries that it left alone, because they were between begin and outcome.
    pub busy: u64,
}

impl Postrider {
    /// Makes a tenant.
    ///
    /// # Errors
    /// [`EngineError`]; a name that is taken is
    /// [`Refused::TenantTaken`](postrider_store::Refused::TenantTaken).
    pub async fn create_tenant(&self, name: &str) -> Result<Tenant, EngineError> {
        let name = name.to_owned();
        self.tenant(Request::CreateTenant { name }).await
    }

    /// Deletes a tenant: from then on nothing of it is taken in and nothing begins. Then ends
    /// what waits of its campaigns, step by step; the next start goes on with what is left.
    ///
    /// # Errors
    /// [`EngineError`]; the tenant `default` stays.
    pub async fn delete_tenant(&self, tenant: TenantId) -> Result<(Tenant, Walk), EngineError> {
        let deleted = self.tenant(Request::DeleteTenant { tenant }).await?;
        let step = |cursor| Request::SweepTenant { tenant, cursor };
        let walk = self.walk(step).await?;
        Ok((deleted, walk))
    }

    /// Ends what waits, or is leased and not begun, as `cancelled`; in doubt only if asked. What
    /// goes back from a lease into a queue while the walk goes by is met by the next one.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn purge(
        &self,
        target: PurgeTarget,
        with_in_doubt: bool,
        is_dry_run: bool,
    ) -> Result<Walk, EngineError> {
        let step = |cursor| Request::Purge {
            target: target.clone(),
            with_in_doubt,
            is_dry_run,
            cursor,
        };
        let mut done = self.walk(&step).await?;
        let mut last = done.matched;
        for _ in 1..PURGE_WALKS_MAX {
            if is_dry_run || last == 0 {
                break;
            }
            let again = self.walk(&step).await?;
            last = again.matched;
            done.matched += again.matched;
            done.busy = again.busy;
        }
        Ok(done)
    }

    /// Lets an email out of quarantine, with what was quarantined of its campaigns.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn lift_email(
        &self,
        tenant: TenantId,
        email: EmailId,
        lift: Lift,
    ) -> Result<Walk, EngineError> {
        let step = |cursor| Request::LiftEmail {
            tenant,
            email,
            lift,
            cursor,
        };
        self.walk(step).await
    }

    /// Deletes what nobody needs any more of campaigns that ended before an instant.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn retain(&self, before: Timestamp) -> Result<Walk, EngineError> {
        self.walk(|cursor| Request::Retain { before, cursor }).await
    }

    /// Erases a recipient from everything of a tenant, and then from the store's file.
    ///
    /// # Errors
    /// [`EngineError`], also when the recipient is erased and the file could not be cleaned of what
    /// it held, because the disk is full or somebody reads an old state of it.
    pub async fn erase_recipient(
        &self,
        tenant: TenantId,
        address: &Address,
    ) -> Result<Walk, EngineError> {
        let step = |cursor| Request::EraseRecipient {
            tenant,
            address: address.clone(),
            cursor,
        };
        let walk = self.walk(step).await?;
        for _ in 0..COMPACT_TRIES_MAX {
            if self.ask(Request::Compact).await? == (Reply::Done { more: false }) {
                return Ok(walk);
            }
        }
        let reason = "the recipient is erased, but the file still holds old pages, because somebody \
            reads an old state of it, such as a backup; ask again when that is over";
        Err(EngineError::Store(StoreError::Unwritable {
            reason: reason.to_owned(),
        }))
    }

    /// Asks for one step after the other until there is none left.
    async fn walk(&self, step: impl Fn(Cursor) -> Request) -> Result<Walk, EngineError> {
        let mut walk = Walk::default();
        let mut cursor = Some(Cursor::START);
        while let Some(at) = cursor {
            match self.ask(step(at)).await? {
                Reply::Walked(Walked {
                    matched,
                    busy,
                    next,
                }) => {
                    walk.matched += matched;
                    walk.busy += busy;
                    cursor = next;
                }
                other => unreachable!("a step of a walk is answered with it, not {other:?}"),
            }
        }
        self.made_progress();
        Ok(walk)
    }

    async fn tenant(&self, request: Request) -> Result<Tenant, EngineError> {
        match self.ask(request).await? {
            Reply::Tenant(tenant) => Ok(*tenant),
            other => unreachable!("a tenant is what is answered with, not {other:?}"),
        }
    }
}

#[cfg(test)]
mod erasing;
#[cfg(test)]
mod tests;
