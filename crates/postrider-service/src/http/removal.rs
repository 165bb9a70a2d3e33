//! What is taken out on demand: `POST /v1/purge` and `POST /v1/recipients/erase`.

use std::sync::Arc;

use axum::extract::State;
use postrider_api::{Code, Erase, Erased, Purge, Purged};
use postrider_pipeline::engine::Walk;
use postrider_store::removal::PurgeTarget;
use postrider_types::{Address, AddressError, LaneName};

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
    check_found(&api, &target, walk).await?;
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
            let read = api
                .store()
                .read(move |reader| reader.has_email(tenant, email));
            if !read.await? {
                let detail = "there is no such email, and no campaign sends it";
                return Err(HttpError::new(Code::NotFound, detail));
            }
            Ok(PurgeTarget::Email(tenant, email))
        }
        (None, None, Some(tenant), None) => {
            let tenant = ever_named(api.store(), Some(tenant)).await?;
            Ok(PurgeTarget::Tenant(tenant))
        }
        (None, None, None, Some(lane)) => lane_named(lane),
        _ => Err(HttpError::new(
            Code::InvalidSelection,
            "say exactly one of campaign, email, tenant and lane; an email may say its tenant",
        )),
    }
}

/// A lane as a person names it: a shared one, or a domain in any spelling, of which everything is
/// meant that waits in its own lane and in shared ones.
fn lane_named(name: &str) -> Result<PurgeTarget, HttpError> {
    let shared = LaneName::from_stored(&name.to_ascii_lowercase());
    if shared.is_tail() || shared.is_solo() {
        return Ok(PurgeTarget::Lane(shared));
    }
    let wrong = |why: &str| {
        let sentence = format!(
            "\"{name}\" is no lane{why}; say a domain, tail-00 to tail-63, or solo-00 to solo-63"
        );
        HttpError::new(Code::InvalidSelection, sentence)
    };
    if is_numbered(shared.as_str()) {
        return Err(wrong(""));
    }
    let domain = name.parse();
    let domain = domain.map_err(|error: AddressError| wrong(&format!(": {error}")))?;
    Ok(PurgeTarget::Domain(domain))
}

/// Whether a name is like one of a shared lane. No such domain has mail, so its number is wrong.
fn is_numbered(name: &str) -> bool {
    let kinds = ["tail-", "solo-"];
    let mut numbers = kinds.iter().filter_map(|kind| name.strip_prefix(kind));
    numbers.any(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Says so when a purge of a domain found nothing and the domain never had a lane of its own: it
/// may be misspelled, and that must not look like success.
async fn check_found(api: &Api, target: &PurgeTarget, walk: Walk) -> Result<(), HttpError> {
    let PurgeTarget::Domain(domain) = target else {
        return Ok(());
    };
    let own = LaneName::own(domain);
    let read = api.store().read(move |reader| reader.has_lane(&own));
    if walk != Walk::default() || read.await? {
        return Ok(());
    }
    let sentence = format!(
        "nothing waits for {domain}, which never had a lane of its own; is it spelled right?"
    );
    Err(HttpError::new(Code::NotFound, sentence))
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
