//! What a person has taken out: tenants, purges, quarantined emails, old and erased receipts.
//!
//! Each is a walk of bounded steps over the store, so that nothing else waits for it. A walk that
//! breaks off has done its first steps, and asking again does the rest.

use postrider_store::quarantine::Lift;
use postrider_store::removal::{Cursor, PurgeTarget, Walked};
use postrider_store::{Reply, Request};
use postrider_types::{Address, EmailId, Tenant, TenantId, Timestamp};

use super::{EngineError, Postrider};

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

    /// Ends what waits, or is leased and not begun, as `cancelled`; in doubt only if asked.
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
        self.walk(step).await
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
    /// [`EngineError`].
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
        while self.ask(Request::Compact).await? == (Reply::Done { more: true }) {}
        Ok(walk)
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
