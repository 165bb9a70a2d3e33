//! The campaigns of all tenants, for the few questions that are about a whole store.
//!
//! They are read a page at a time, so that a store of any size takes little memory.

use std::ops::ControlFlow;

use postrider_store::bounds::PAGE_ROWS_MAX;
use postrider_store::{Reader, StoreError};
use postrider_types::{Campaign, PauseReason, Tenant, TenantId};

/// Shows every campaign, with its tenant, deleted ones too, until `look` breaks; with what it broke.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub(crate) fn every_campaign<T>(
    reader: &dyn Reader,
    mut look: impl FnMut(&Tenant, &Campaign) -> ControlFlow<T>,
) -> Result<Option<T>, StoreError> {
    let mut after = TenantId(0);
    loop {
        let tenants = reader.tenants(after, PAGE_ROWS_MAX)?;
        let Some(last) = tenants.last() else {
            return Ok(None);
        };
        after = last.id;
        for tenant in &tenants {
            let shown = every_campaign_of(reader, tenant.id, |one| look(tenant, one))?;
            if shown.is_some() {
                return Ok(shown);
            }
        }
    }
}

fn every_campaign_of<T>(
    reader: &dyn Reader,
    tenant: TenantId,
    mut look: impl FnMut(&Campaign) -> ControlFlow<T>,
) -> Result<Option<T>, StoreError> {
    let mut before = None;
    loop {
        let page = reader.campaigns(tenant, before, PAGE_ROWS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        before = Some(last.id);
        for campaign in &page {
            if let ControlFlow::Break(found) = look(campaign) {
                return Ok(Some(found));
            }
        }
    }
}

/// Whether a campaign still waits for a person because the store is a restored backup. Nobody can
/// let one of a deleted tenant go on, so it does not count.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub(crate) fn is_any_held_up_as_restored(reader: &dyn Reader) -> Result<bool, StoreError> {
    let found = every_campaign(reader, |tenant, campaign| {
        let is_restored = campaign.paused_because == Some(PauseReason::Restored);
        match is_restored && !tenant.is_deleted() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    Ok(found?.is_some())
}
