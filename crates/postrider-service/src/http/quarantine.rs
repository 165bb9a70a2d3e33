//! `/v1/quarantine`: what cannot be worked on, and the way back.
//!
//! Emails are lifted here. Single recipients are receipts in state `quarantined`: they are listed
//! with their campaign, and leave by `resolve`, into `retry` or `discard`.

use std::sync::Arc;

use axum::extract::{Path, State};
use postrider_api::{
    Code, Lifted, Quarantine, QuarantinedCampaign, QuarantinedChunk, QuarantinedEmail,
};
use postrider_store::quarantine::Lift;
use postrider_store::{Reader, StoreError};
use postrider_types::{ChunkId, DeliveryState, EmailId, TenantId};

use super::Api;
use super::decisions::to_its_end;
use super::error::HttpError;
use super::extract::{NoBody, Parameters};
use super::tenants::named;
use crate::bounds::PAGE_ENTRIES_DEFAULT;

/// `GET /v1/quarantine`
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    mut query: Parameters,
) -> Result<axum::Json<Quarantine>, HttpError> {
    let name = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = named(api.store(), name.as_deref()).await?;
    let read = api.store().read(move |reader| found(reader, tenant));
    Ok(axum::Json(read.await?))
}

fn found(reader: &dyn Reader, tenant: TenantId) -> Result<Quarantine, StoreError> {
    const LIMIT: usize = PAGE_ENTRIES_DEFAULT;
    let emails = reader.quarantined_emails(tenant, None, LIMIT)?;
    let chunks = reader.quarantined_chunks(tenant, ChunkId(0), LIMIT)?;
    let campaigns = reader.campaigns(tenant, None, LIMIT)?;
    let emails = emails.into_iter().map(|email| QuarantinedEmail {
        email_id: email.email,
        recipients: email.recipients,
        reason: email.reason,
        since: email.since.map(Into::into),
    });
    let chunks = chunks.into_iter().map(|chunk| QuarantinedChunk {
        chunk: chunk.chunk.0,
        campaign_id: chunk.campaign.to_string(),
        reason: chunk.reason,
        since: chunk.since.into(),
        bytes: chunk.bytes,
    });
    let campaigns = campaigns.into_iter().filter_map(|campaign| {
        let recipients = campaign.tally[DeliveryState::Quarantined];
        (recipients > 0).then(|| QuarantinedCampaign {
            campaign_id: campaign.id.to_string(),
            name: campaign.name,
            recipients,
        })
    });
    Ok(Quarantine {
        emails: emails.collect(),
        chunks: chunks.collect(),
        campaigns: campaigns.collect(),
    })
}

/// `POST /v1/quarantine/emails/{id}/release` and `…/discard`
pub(super) async fn lift(
    lift: Lift,
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    mut query: Parameters,
    _: NoBody,
) -> Result<axum::Json<Lifted>, HttpError> {
    let email: EmailId = id.parse()?;
    let name = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = named(api.store(), name.as_deref()).await?;
    let postrider = api.postrider.clone();
    let work = async move { postrider.lift_email(tenant, email, lift).await };
    let walk = to_its_end(Code::InvalidSelection, work).await?;
    tracing::warn!(email_id = %email, ?lift, matched = walk.matched, "a quarantine was lifted");
    Ok(axum::Json(Lifted {
        matched: walk.matched,
    }))
}
