//! `POST /v1/campaigns/{id}/resolve`: what a person decides about deliveries that are in doubt,
//! in quarantine, or over; and the history of one of them.

use std::sync::Arc;

use axum::extract::State;
use postrider_api::{Code, LogEntry, Page, ProblemItem, Resolve, Resolved};
use postrider_pipeline::engine::{Decision, EngineError};
use postrider_store::Refused;
use postrider_store::bounds::SELECTED_MAX;
use postrider_store::selection::{Resolution, Selection};
use postrider_types::{Address, Campaign, CampaignId, DeliveryId, Domain, RecipientId};

use super::campaigns::existing;
use super::error::HttpError;
use super::extract::{Id, Json, NoParameters, Parameters};
use super::{Api, view};
use crate::bounds::ADDRESS_RECEIPTS_MAX;

/// `POST /v1/campaigns/{id}/resolve`
pub(super) async fn resolve(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    _: NoParameters,
    Json(resolve): Json<Resolve>,
) -> Result<axum::Json<Resolved>, HttpError> {
    let campaign = existing(api.store(), id).await?;
    let decision = Decision {
        select: selection(&api, &campaign, &resolve).await?,
        into: resolution(resolve.into),
        reason: resolve.reason,
        is_dry_run: resolve.is_dry_run,
    };
    let (into, is_dry_run) = (decision.into, decision.is_dry_run);
    let postrider = api.postrider.clone();
    let work = async move { postrider.decide(id, decision).await };
    let decided = to_its_end(Code::InvalidSelection, work).await?;
    tracing::info!(
        campaign_id = %id,
        into = into.name(),
        matched = decided.matched,
        too_early = decided.too_early,
        is_dry_run,
        "a person decided about deliveries"
    );
    Ok(axum::Json(Resolved {
        matched: decided.matched,
        too_early: decided.too_early,
        is_dry_run,
    }))
}

/// `GET /v1/campaigns/{id}/history`: what happened to one recipient, oldest first.
pub(super) async fn history(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    mut query: Parameters,
) -> Result<axum::Json<Page<LogEntry>>, HttpError> {
    let address = query.take::<Address>("address")?;
    let limit = query.take_limit()?;
    query.finish()?;
    let campaign = existing(api.store(), id).await?;
    let Some(address) = address else {
        return Err(HttpError::invalid("give address: whose history it is"));
    };
    let recipient = recipient_of(&api, &campaign, &address).await?;
    let Some(recipient) = recipient else {
        return Err(HttpError::new(Code::NotFound, no_receipt(&address, id)));
    };
    let delivery = DeliveryId {
        tenant: campaign.tenant,
        campaign: id,
        recipient,
    };
    let read = api
        .store()
        .read(move |reader| reader.history(delivery, limit + 1));
    let mut found = read.await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(axum::Json(Page {
        data: found.iter().map(view::log_entry).collect(),
        has_more,
        next: None,
    }))
}

/// Does work of several steps to its end, also when the client hangs up: half of it would be
/// right, but not what was asked for.
pub(super) async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
) -> Result<Result<T, EngineError>, HttpError> {
    let done = tokio::spawn(work).await;
    done.map_err(|error| HttpError::internal(error.to_string()))
}

/// The same; `malformed` is the code for a request that makes no sense.
pub(super) async fn to_its_end<T: Send + 'static>(
    malformed: Code,
    work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
) -> Result<T, HttpError> {
    whole(work).await?.map_err(|error| match error {
        EngineError::Refused(Refused::Malformed(detail)) => HttpError::new(malformed, detail),
        other => other.into(),
    })
}

async fn selection(
    api: &Api,
    campaign: &Campaign,
    resolve: &Resolve,
) -> Result<Selection, HttpError> {
    let domain = resolve.domain.as_deref().map(str::parse::<Domain>);
    let domain = domain
        .transpose()
        .map_err(|error| wrong("domain", "invalid_domain", error.to_string()))?;
    let recipients = match &resolve.recipients {
        Some(addresses) => Some(numbers(api, campaign, addresses).await?),
        None => None,
    };
    Ok(Selection {
        states: resolve.states.clone(),
        recipients,
        domain,
        reply_code: resolve.reply_code,
        reply_text: resolve.reply_text.clone(),
    })
}

/// The numbers of the recipients with these addresses; each must have a receipt.
async fn numbers(
    api: &Api,
    campaign: &Campaign,
    addresses: &[String],
) -> Result<Vec<RecipientId>, HttpError> {
    if addresses.len() > SELECTED_MAX {
        let detail = format!("at most {SELECTED_MAX} addresses may be named one by one");
        return Err(wrong("recipients", "too_many", detail));
    }
    let mut numbers = Vec::with_capacity(addresses.len());
    for (place, text) in addresses.iter().enumerate() {
        let field = format!("recipients[{place}]");
        let address: Address = text
            .parse()
            .map_err(|error: postrider_types::AddressError| {
                wrong(&field, error.code(), error.to_string())
            })?;
        let number = recipient_of(api, campaign, &address).await?;
        let detail = || no_receipt(&address, campaign.id);
        numbers.push(number.ok_or_else(|| wrong(&field, "no_receipt", detail()))?);
    }
    Ok(numbers)
}

/// The number of an address in the audience of a campaign, if it has a receipt there.
async fn recipient_of(
    api: &Api,
    campaign: &Campaign,
    address: &Address,
) -> Result<Option<RecipientId>, HttpError> {
    let (tenant, id, key) = (campaign.tenant, campaign.id, address.key());
    let read = api.store().read(move |reader| {
        let receipts = reader.receipts_of(tenant, &key, ADDRESS_RECEIPTS_MAX)?;
        let mut deliveries = receipts.into_iter().map(|receipt| receipt.delivery);
        Ok(deliveries.find(|delivery| delivery.campaign == id))
    });
    let delivery = read.await?;
    Ok(delivery.map(|delivery| delivery.recipient))
}

fn no_receipt(address: &Address, campaign: CampaignId) -> String {
    format!(
        "{} has no receipt in {campaign}; look for it with GET /v1/receipts?address=…",
        address.as_str()
    )
}

fn wrong(field: &str, code: &str, detail: String) -> HttpError {
    let mut error = HttpError::new(Code::InvalidSelection, detail.clone());
    error.problem.errors.push(ProblemItem {
        field: field.to_owned(),
        code: code.to_owned(),
        detail,
    });
    error
}

const fn resolution(into: postrider_api::Resolution) -> Resolution {
    match into {
        postrider_api::Resolution::Delivered => Resolution::Delivered,
        postrider_api::Resolution::Bounced => Resolution::Bounced,
        postrider_api::Resolution::Retry => Resolution::Retry,
        postrider_api::Resolution::Discard => Resolution::Discard,
    }
}
