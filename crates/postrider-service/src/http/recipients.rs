//! `POST /v1/campaigns/{id}/recipients`: a list of any size, taken in as it arrives.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use futures_util::TryStreamExt;
use postrider_api::IntakeReport;
use postrider_pipeline::intake::Format;
use postrider_store::request::CampaignChange;
use postrider_types::CampaignId;

use super::campaigns::existing;
use super::error::HttpError;
use super::extract::{Id, Parameters, media_type, unsupported};
use super::{Api, view};

pub(super) async fn add(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    mut query: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<axum::Json<IntakeReport>, HttpError> {
    let seals = query.take::<bool>("seal")?.unwrap_or(false);
    query.finish()?;
    let format = media_type(&headers).and_then(|name| Format::of_content_type(&name));
    let format = format.ok_or_else(|| unsupported("text/csv or application/x-ndjson"))?;
    let tenant = existing(api.store(), id).await?.tenant;

    let mut intake = api.audiences.open(tenant, id).await?;
    let list = body.into_data_stream().map_err(io::Error::other);
    let read = intake.read(format, list).await;
    let counted = match &read {
        Ok(report) => Some(report),
        Err(error) => error.report(),
    };
    if let Some(report) = counted {
        api.metrics.count_intake(report);
    }
    let report = read?;
    drop(intake);

    let is_sealed = if seals {
        let sealed = api.postrider.change_campaign(id, CampaignChange::Seal);
        sealed.await?.is_sealed
    } else {
        false
    };
    tracing::info!(
        campaign_id = %id,
        lines = report.lines,
        accepted = report.accepted,
        duplicates = report.duplicates,
        bad = report.bad,
        is_sealed,
        "a list was taken in"
    );
    Ok(axum::Json(view::report(&report, is_sealed)))
}
