//! `POST /v1/quarantine/…/release` and `…/discard`: the way out of quarantine, for an email or a
//! chunk with all that was quarantined of it.
//!
//! Single recipients leave by `resolve`, into `retry` or `discard`. A dry run counts what the
//! campaigns' tallies say at that moment; what runs meanwhile may change it.

use std::sync::Arc;

use axum::extract::{Path, State};
use postrider_api::{Code, LiftRequest, Lifted};
use postrider_pipeline::engine::Decision;
use postrider_store::quarantine::{Lift, chunk_reason};
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Request, Store};
use postrider_types::{CampaignState, DeliveryState, EmailId, TenantId};

use super::Api;
use super::campaigns::each_of;
use super::decisions::to_its_end;
use super::error::HttpError;
use super::extract::{MaybeJson, Parameters};
use super::quarantine::{chunk_of, quarantined, suspect, waiting};
use super::tenants::{ever_named, living};

/// `POST /v1/quarantine/emails/{id}/release` and `…/discard`
pub(super) async fn email(
    lift: Lift,
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    mut query: Parameters,
    MaybeJson(LiftRequest { is_dry_run }): MaybeJson<LiftRequest>,
) -> Result<axum::Json<Lifted>, HttpError> {
    let email: EmailId = id.parse()?;
    let name = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = match lift {
        Lift::Release => living(api.store(), name.as_deref()).await?,
        Lift::Discard => ever_named(api.store(), name.as_deref()).await?,
    };
    check(api.store(), tenant, email, lift).await?;
    if is_dry_run {
        let matched = would_change(api.store(), tenant, email, lift).await?;
        return Ok(lifted(matched, is_dry_run));
    }
    let postrider = api.postrider.clone();
    let work = async move { postrider.lift_email(tenant, email, lift).await };
    let walk = to_its_end(Code::InvalidSelection, work).await?;
    tracing::warn!(email_id = %email, ?lift, matched = walk.matched, "a quarantine was lifted");
    Ok(lifted(walk.matched, is_dry_run))
}

/// Whether this may be done with an email. One that is not in quarantine is not discarded: its
/// campaigns would be cancelled because of a mistyped id.
async fn check(
    store: &Store,
    tenant: TenantId,
    email: EmailId,
    lift: Lift,
) -> Result<(), HttpError> {
    let suspect = suspect(store, tenant, email).await?;
    let read = store.read(move |reader| reader.email_bytes(tenant, email));
    if suspect.is_none() && read.await?.is_none() {
        let detail = "there is no such email; GET /v1/quarantine lists what is there";
        return Err(HttpError::new(Code::NotFound, detail));
    }
    let is_quarantined = suspect.is_some_and(|suspect| suspect.since.is_some());
    if lift == Lift::Discard && !is_quarantined {
        let detail = "the email is not in quarantine, so it is not discarded; \
                      to stop what sends it, cancel its campaigns";
        return Err(HttpError::new(Code::InvalidState, detail));
    }
    Ok(())
}

/// How many deliveries would leave the quarantine, or end.
async fn would_change(
    store: &Store,
    tenant: TenantId,
    email: EmailId,
    lift: Lift,
) -> Result<u64, HttpError> {
    let mut matched = 0;
    each_of(store, tenant, |campaign| {
        let is_cancelled = campaign.state == CampaignState::Cancelled;
        matched += match lift {
            _ if campaign.email != email => 0,
            Lift::Release if is_cancelled => 0,
            Lift::Release => quarantined(&campaign),
            Lift::Discard => quarantined(&campaign) + waiting(&campaign),
        };
    })
    .await?;
    Ok(matched)
}

/// `POST /v1/quarantine/chunks/{number}/release` and `…/discard`
pub(super) async fn chunk(
    lift: Lift,
    State(api): State<Arc<Api>>,
    Path(number): Path<String>,
    mut query: Parameters,
    MaybeJson(LiftRequest { is_dry_run }): MaybeJson<LiftRequest>,
) -> Result<axum::Json<Lifted>, HttpError> {
    let name = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = ever_named(api.store(), name.as_deref()).await?;
    let found = chunk_of(api.store(), tenant, &number).await?;
    let (into, reason) = match lift {
        Lift::Release => (Resolution::Retry, "its chunk was released by a person"),
        Lift::Discard => (Resolution::Discard, "its chunk was discarded by a person"),
    };
    let decision = Decision {
        select: Selection {
            states: vec![DeliveryState::Quarantined],
            recipients: None,
            domain: None,
            reply_code: Some(0),
            reply_text: Some(chunk_reason(found.chunk)),
        },
        into,
        reason: reason.to_owned(),
        is_dry_run,
    };
    let postrider = api.postrider.clone();
    let (campaign, chunk) = (found.campaign, found.chunk);
    let work = async move {
        let decided = postrider.decide(campaign, decision).await?;
        if lift == Lift::Discard && !is_dry_run {
            let forget = Request::ForgetChunk { tenant, chunk };
            postrider.store().ask(forget).await?;
        }
        Ok(decided)
    };
    let decided = to_its_end(Code::InvalidSelection, work).await?;
    let matched = decided.matched;
    tracing::warn!(%chunk, ?lift, matched, is_dry_run, "a quarantine was lifted");
    Ok(lifted(matched, is_dry_run))
}

const fn lifted(matched: u64, is_dry_run: bool) -> axum::Json<Lifted> {
    axum::Json(Lifted {
        matched,
        is_dry_run,
    })
}
