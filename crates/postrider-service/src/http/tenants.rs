//! `/v1/tenants`: the owners of campaigns and emails.
//!
//! One key opens everything; a tenant is named where something is made or listed. What has an id
//! of its own belongs to whom it belongs to.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use postrider_api::{Code, DeletedTenant, NewTenant, Page, Tenant};
use postrider_store::bounds::PAGE_ROWS_MAX;
use postrider_store::{Reader, Refused, Store, StoreError};
use postrider_types::{Campaign, DeliveryState, TenantId};

use super::Api;
use super::campaigns::each_of;
use super::decisions::to_its_end;
use super::error::HttpError;
use super::extract::{Json, NoBody, NoParameters, Parameters};

/// `POST /v1/tenants`
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    _: NoParameters,
    Json(new): Json<NewTenant>,
) -> Result<(StatusCode, axum::Json<Tenant>), HttpError> {
    let postrider = api.postrider.clone();
    let work = async move { postrider.create_tenant(&new.name).await };
    let created = to_its_end(Code::InvalidTenant, work).await?;
    Ok((StatusCode::CREATED, axum::Json(view(&created))))
}

/// `GET /v1/tenants`: by number, deleted ones too.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    mut query: Parameters,
) -> Result<axum::Json<Page<Tenant>>, HttpError> {
    let after = TenantId(query.take::<u32>("after")?.unwrap_or(0));
    let limit = query.take_limit()?;
    query.finish()?;
    let read = api
        .store()
        .read(move |reader| reader.tenants(after, limit + 1));
    let mut found = read.await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more);
    Ok(axum::Json(Page {
        has_more,
        next: next.map(|tenant| tenant.id.to_string()),
        data: found.iter().map(view).collect(),
    }))
}

/// `POST /v1/tenants/{name}/delete`: answers when nothing of it waits any more. One that is deleted
/// already is found too, so that who lost the answer may ask again; that ends what still waits.
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    _: NoParameters,
    _: NoBody,
) -> Result<axum::Json<DeletedTenant>, HttpError> {
    let tenant = ever_named(api.store(), Some(&name)).await?;
    let before = cancelled(api.store(), tenant).await?;
    let postrider = api.postrider.clone();
    let work = async move { postrider.delete_tenant(tenant).await };
    let (deleted, walk) = to_its_end(Code::InvalidTenant, work).await?;
    let cancelled = cancelled(api.store(), tenant).await?.saturating_sub(before);
    tracing::warn!(tenant = %tenant, cancelled, "a tenant was deleted");
    Ok(axum::Json(DeletedTenant {
        tenant: view(&deleted),
        cancelled,
        busy: walk.busy,
    }))
}

/// Deliveries of a tenant that ended cancelled. The walk over what waits does not count all that
/// its deletion ends: a worker that meets some of it first ends it too.
async fn cancelled(store: &Store, tenant: TenantId) -> Result<u64, HttpError> {
    let mut cancelled = 0;
    let look = |campaign: Campaign| cancelled += campaign.tally[DeliveryState::Cancelled];
    each_of(store, tenant, look).await?;
    Ok(cancelled)
}

/// The tenant with this name; without one, `default`.
async fn named(store: &Store, name: Option<&str>) -> Result<TenantId, HttpError> {
    let Some(name) = name else {
        return Ok(TenantId::DEFAULT);
    };
    let name = name.to_owned();
    let found = store.read(move |reader| reader.tenant_named(&name)).await?;
    let tenant = found.map(|tenant| tenant.id);
    tenant.ok_or_else(HttpError::no_tenant)
}

/// The same, also of a tenant that is deleted: of several with this name the newest. What is there
/// of it may still be read, purged and erased; what cannot be done with it any more is refused by
/// the store, with the reason.
pub(super) async fn ever_named(store: &Store, name: Option<&str>) -> Result<TenantId, HttpError> {
    let lives = named(store, name).await;
    let (Err(_), Some(name)) = (&lives, name) else {
        return lives;
    };
    let name = name.to_owned();
    let found = store
        .read(move |reader| newest_named(reader, &name))
        .await?;
    found.ok_or_else(HttpError::no_tenant)
}

/// The same, refused of one that is deleted: something of it is to go on.
pub(super) async fn living(store: &Store, name: Option<&str>) -> Result<TenantId, HttpError> {
    let tenant = ever_named(store, name).await?;
    let before = TenantId(tenant.0.saturating_sub(1));
    let found = store.read(move |reader| reader.tenants(before, 1)).await?;
    let is_it_deleted = |found: &postrider_types::Tenant| found.id == tenant && found.is_deleted();
    match found.iter().any(is_it_deleted) {
        true => Err(Refused::TenantDeleted.into()),
        false => Ok(tenant),
    }
}

fn newest_named(reader: &dyn Reader, name: &str) -> Result<Option<TenantId>, StoreError> {
    let (mut found, mut after) = (None, TenantId(0));
    loop {
        let page = reader.tenants(after, PAGE_ROWS_MAX)?;
        let of_it = page.iter().rfind(|tenant| tenant.name == name);
        found = of_it.map(|tenant| tenant.id).or(found);
        match page.last() {
            Some(last) => after = last.id,
            None => return Ok(found),
        }
    }
}

fn view(tenant: &postrider_types::Tenant) -> Tenant {
    Tenant {
        id: tenant.id.0,
        name: tenant.name.clone(),
        created_at: tenant.created_at.into(),
        deleted_at: tenant.deleted_at.map(Into::into),
    }
}
