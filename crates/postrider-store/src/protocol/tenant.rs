//! Tenants: made, deleted, and what a deletion means for everything that is theirs.
//!
//! Deleting writes one row. From then on intake refuses, and every campaign of the tenant counts
//! as cancelled wherever its state is asked for: at claim, at begin and at the end of a lease. So
//! nothing depends on how far the sweep is, which takes out what waits, in bounded steps.

use postrider_types::{Campaign, CampaignId, CampaignState, Tenant, TenantId, Timestamp};

use super::walk::Walk;
use super::{campaign, purge};
use crate::bounds::CAMPAIGNS_PER_STEP_MAX;
use crate::error::StoreError;
use crate::removal::Cursor;
use crate::request::{Refused, Reply};
use crate::rows::Sequence;
use crate::tables::Tables;

/// Why a purge by way of a deleted tenant ended a delivery.
const REASON: &str = "the tenant was deleted";

pub(super) fn create(
    tables: &mut impl Tables,
    name: String,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if !Tenant::is_name(&name) {
        return Ok(Reply::Refused(Refused::Malformed(
            "a tenant's name has 1 to 64 letters, digits, hyphens, underscores and dots".into(),
        )));
    }
    let taken = if name == Tenant::standard().name {
        Some(TenantId::DEFAULT)
    } else {
        tables.tenant_named(&name)?
    };
    if let Some(tenant) = taken {
        return Ok(Reply::Refused(Refused::TenantTaken { tenant }));
    }
    // The first number is that of the tenant that every store has.
    let number = tables.next(Sequence::Tenant)?.saturating_add(1);
    let id = u32::try_from(number).map_err(|_| StoreError::Corrupt {
        what: "there are more than 2^32 tenants".to_owned(),
    })?;
    let tenant = Tenant {
        id: TenantId(id),
        name,
        created_at: now,
        deleted_at: None,
    };
    tables.put_tenant(&tenant)?;
    Ok(Reply::Tenant(Box::new(tenant)))
}

/// Stops a tenant at once; deleting it again changes nothing.
pub(super) fn delete(
    tables: &mut impl Tables,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if tenant == TenantId::DEFAULT {
        return Ok(Reply::Refused(Refused::Malformed(
            "the tenant default stays; cancel its campaigns instead".into(),
        )));
    }
    let Some(mut found) = tables.tenant(tenant)? else {
        return Ok(Reply::Refused(Refused::NoTenant));
    };
    found.deleted_at = found.deleted_at.or(Some(now));
    tables.put_tenant(&found)?;
    Ok(Reply::Tenant(Box::new(found)))
}

/// One step of cancelling every campaign of a deleted tenant.
pub(super) fn sweep(
    tables: &mut impl Tables,
    tenant: TenantId,
    cursor: Cursor,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match tables.tenant(tenant)? {
        None => return Ok(Reply::Refused(Refused::NoTenant)),
        Some(found) if !found.is_deleted() => {
            return Ok(Reply::Refused(Refused::Malformed(
                "a tenant is swept when it is deleted".into(),
            )));
        }
        Some(_) => {}
    }
    let of_tenant = |tables: &mut _, from: CampaignId| campaigns_of(tables, tenant, from);
    let mut walk = Walk::new(cursor, REASON);
    walk.over_campaigns(tables, of_tenant, |tables, walk, campaign| {
        cancel(tables, campaign, now)?;
        purge::end_waiting(tables, walk, campaign, now)
    })?;
    Ok(walk.reply())
}

fn campaigns_of(
    tables: &mut impl Tables,
    tenant: TenantId,
    from: CampaignId,
) -> Result<Vec<CampaignId>, StoreError> {
    tables.campaigns_of(tenant, from, CAMPAIGNS_PER_STEP_MAX)
}

/// Cancels a campaign that is not over.
pub(super) fn cancel(
    tables: &mut impl Tables,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut open) = tables.campaign(campaign)?.filter(|c| !c.state.is_final()) else {
        return Ok(());
    };
    campaign::cancel(&mut open, now);
    tables.put_campaign(&open)
}

/// Why nothing may be taken in for a tenant, if so.
pub(super) fn refusal(
    tables: &mut impl Tables,
    tenant: TenantId,
) -> Result<Option<Refused>, StoreError> {
    if tenant == TenantId::DEFAULT {
        return Ok(None);
    }
    Ok(match tables.tenant(tenant)? {
        None => Some(Refused::NoTenant),
        Some(tenant) if tenant.is_deleted() => Some(Refused::TenantDeleted),
        Some(_) => None,
    })
}

/// The state that decides what may happen: a campaign of a deleted tenant is as good as cancelled.
pub(super) fn state_of(
    tables: &mut impl Tables,
    campaign: &Campaign,
) -> Result<CampaignState, StoreError> {
    match refusal(tables, campaign.tenant)? {
        Some(_) => Ok(CampaignState::Cancelled),
        None => Ok(campaign.state),
    }
}
