//! `/v1/campaigns`: what is sent to whom, and how far it is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use postrider_api::{Campaign, CampaignVerb, NewCampaign, Page, ScheduleCampaign};
use postrider_pipeline::{Status, Terms};
use postrider_store::Store;
use postrider_store::bounds::PAGE_ROWS_MAX;
use postrider_store::request::CampaignChange;
use postrider_types::{CampaignId, TenantId};

use super::decisions::whole;
use super::error::HttpError;
use super::extract::{Id, Json, NoBody, NoParameters, Parameters};
use super::tenants::ever_named;
use super::{Api, view};

/// `POST /v1/campaigns`
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    _: NoParameters,
    Json(new): Json<NewCampaign>,
) -> Result<(StatusCode, axum::Json<Campaign>), HttpError> {
    if new.name.chars().any(char::is_control) {
        let detail = "the name contains a line break or another control character";
        return Err(HttpError::invalid_campaign(
            "name",
            "control_character",
            detail,
        ));
    }
    let tenant = ever_named(api.store(), new.tenant.as_deref()).await?;
    let terms = Terms {
        in_doubt: new.in_doubt.unwrap_or(api.in_doubt.policy),
        in_doubt_retry_after: api.in_doubt.retry_after,
        send_at: new.send_at.map(|at| at.0),
    };
    let postrider = api.postrider.clone();
    let work = async move {
        let created = postrider.create_campaign(tenant, &new.name, new.email_id, terms);
        created.await
    };
    let created = whole(work).await??;
    let campaign = view::campaign(&created, &api.status());
    Ok((StatusCode::CREATED, axum::Json(campaign)))
}

/// `GET /v1/campaigns`: newest first, or the one with a name.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    mut query: Parameters,
) -> Result<axum::Json<Page<Campaign>>, HttpError> {
    let tenant = query.take::<String>("tenant")?;
    let tenant = ever_named(api.store(), tenant.as_deref()).await?;
    if let Some(name) = query.take::<String>("name")? {
        query.finish()?;
        let read = api
            .store()
            .read(move |reader| reader.campaign_named(tenant, &name));
        let found = read.await?;
        return Ok(page(found.into_iter().collect(), 1, &api.status()));
    }
    let before = query.take::<CampaignId>("after")?;
    let limit = query.take_limit()?;
    query.finish()?;
    let read = api
        .store()
        .read(move |reader| reader.campaigns(tenant, before, limit + 1));
    Ok(page(read.await?, limit, &api.status()))
}

/// `GET /v1/campaigns/{id}`
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    _: NoParameters,
) -> Result<axum::Json<Campaign>, HttpError> {
    let campaign = existing(api.store(), id).await?;
    let status = api.status();
    Ok(axum::Json(view::campaign(&campaign, &status)))
}

/// `POST /v1/campaigns/{id}/<verb>`
pub(super) async fn change(
    verb: CampaignVerb,
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    _: NoParameters,
    _: NoBody,
) -> Result<axum::Json<Campaign>, HttpError> {
    existing(api.store(), id).await?;
    let change = match verb {
        CampaignVerb::Seal => CampaignChange::Seal,
        CampaignVerb::Start => CampaignChange::Start,
        CampaignVerb::Pause => CampaignChange::Pause,
        CampaignVerb::Resume => CampaignChange::Resume,
        CampaignVerb::Cancel => CampaignChange::Cancel,
    };
    let postrider = api.postrider.clone();
    let work = async move { postrider.change_campaign(id, change).await };
    let changed = whole(work).await??;
    tracing::info!(campaign_id = %id, verb = verb.name(), "a campaign was changed");
    let status = api.status();
    Ok(axum::Json(view::campaign(&changed, &status)))
}

/// `POST /v1/campaigns/{id}/schedule`
pub(super) async fn schedule(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    _: NoParameters,
    Json(schedule): Json<ScheduleCampaign>,
) -> Result<axum::Json<Campaign>, HttpError> {
    existing(api.store(), id).await?;
    let at = schedule.send_at.map(|at| at.0);
    let postrider = api.postrider.clone();
    let change = CampaignChange::Schedule { at };
    let work = async move { postrider.change_campaign(id, change).await };
    let changed = whole(work).await??;
    tracing::info!(campaign_id = %id, is_cleared = at.is_none(), "a campaign was scheduled");
    let status = api.status();
    Ok(axum::Json(view::campaign(&changed, &status)))
}

/// Looks at all campaigns of a tenant, newest first; a page is one read.
pub(super) async fn each_of(
    store: &Store,
    tenant: TenantId,
    mut look: impl FnMut(postrider_types::Campaign),
) -> Result<(), HttpError> {
    let mut before = None;
    loop {
        let read = store.read(move |reader| reader.campaigns(tenant, before, PAGE_ROWS_MAX));
        let found = read.await?;
        let is_last = found.len() < PAGE_ROWS_MAX;
        before = found.last().map(|last| last.id);
        found.into_iter().for_each(&mut look);
        if is_last {
            return Ok(());
        }
    }
}

/// A campaign, of any tenant.
pub(super) async fn existing(
    store: &Store,
    id: CampaignId,
) -> Result<postrider_types::Campaign, HttpError> {
    let campaign = store.read(move |reader| reader.campaign(id)).await?;
    campaign.ok_or_else(HttpError::no_campaign)
}

/// A page of at most `limit` out of one more than that.
fn page(
    mut found: Vec<postrider_types::Campaign>,
    limit: usize,
    status: &Status,
) -> axum::Json<Page<Campaign>> {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more);
    axum::Json(Page {
        has_more,
        next: next.map(|campaign| campaign.id.to_string()),
        data: found
            .iter()
            .map(|campaign| view::campaign(campaign, status))
            .collect(),
    })
}
