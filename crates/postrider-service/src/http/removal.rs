//! What is taken out on demand: `POST /v1/purge` and `POST /v1/recipients/erase`.

use std::sync::Arc;

use axum::extract::State;
use postrider_api::{Code, Erase, Erased, Purge, Purged};
use postrider_store::removal::PurgeTarget;
use postrider_types::{Address, Domain, LaneName};

use super::Api;
use super::campaigns::existing;
use super::decisions::to_its_end;
use super::error::HttpError;
use super::extract::{Json, NoParameters};
use super::tenants::ever_named;

/// `POST /v1/purge`
pub(super) async fn purge(
    State(api): State<Arc<Api>>,
    _: NoParameters,
    Json(purge): Json<Purge>,
) -> Result<axum::Json<Purged>, HttpError> {
    let target = target(&api, &purge).await?;
    let (with_in_doubt, is_dry_run) = (purge.with_in_doubt, purge.is_dry_run);
    let postrider = api.postrider.clone();
    let what = target.clone();
    let work = async move { postrider.purge(what, with_in_doubt, is_dry_run).await };
    let walk = to_its_end(Code::InvalidSelection, work).await?;
    tracing::warn!(
        ?target,
        matched = walk.matched,
        with_in_doubt,
        is_dry_run,
        "a purge"
    );
    Ok(axum::Json(Purged {
        matched: walk.matched,
        busy: walk.busy,
        is_dry_run,
    }))
}

/// What is meant. Exactly one thing is, so that nobody purges more than they read.
async fn target(api: &Api, purge: &Purge) -> Result<PurgeTarget, HttpError> {
    let Purge {
        campaign,
        email,
        tenant,
        lane,
        ..
    } = purge;
    match (campaign, email, tenant, lane) {
        (&Some(campaign), None, None, None) => {
            existing(api.store(), campaign).await?;
            Ok(PurgeTarget::Campaign(campaign))
        }
        (None, &Some(email), tenant, None) => {
            let tenant = ever_named(api.store(), tenant.as_deref()).await?;
            Ok(PurgeTarget::Email(tenant, email))
        }
        (None, None, Some(tenant), None) => {
            let tenant = ever_named(api.store(), Some(tenant)).await?;
            Ok(PurgeTarget::Tenant(tenant))
        }
        (None, None, None, Some(lane)) => Ok(PurgeTarget::Lane(lane_named(lane)?)),
        _ => Err(HttpError::new(
            Code::InvalidSelection,
            "say exactly one of campaign, email, tenant and lane; an email may say its tenant",
        )),
    }
}

/// A lane as a person names it: by a shared one's name, or by a domain in any spelling.
fn lane_named(name: &str) -> Result<LaneName, HttpError> {
    let lane = LaneName::from_stored(&name.to_ascii_lowercase());
    if lane.is_tail() || lane.is_solo() {
        return Ok(lane);
    }
    let domain: Result<Domain, _> = name.parse();
    let domain = domain.map_err(|error| {
        let sentence = format!(
            "\"{name}\" is no lane: {error}; say a domain, tail-00 to tail-63, or solo-00 to solo-63"
        );
        HttpError::new(Code::InvalidSelection, sentence)
    })?;
    Ok(LaneName::own(&domain))
}

/// `POST /v1/recipients/erase`
pub(super) async fn erase(
    State(api): State<Arc<Api>>,
    _: NoParameters,
    Json(erase): Json<Erase>,
) -> Result<axum::Json<Erased>, HttpError> {
    let tenant = ever_named(api.store(), erase.tenant.as_deref()).await?;
    let address: Address = erase
        .address
        .parse()
        .map_err(|error| HttpError::new(Code::InvalidSelection, format!("{error}")))?;
    let postrider = api.postrider.clone();
    let work = async move { postrider.erase_recipient(tenant, &address).await };
    let walk = to_its_end(Code::InvalidSelection, work).await?;
    tracing::warn!(
        matched = walk.matched,
        busy = walk.busy,
        "a recipient was erased"
    );
    Ok(axum::Json(Erased {
        matched: walk.matched,
        busy: walk.busy,
    }))
}
