//! Receipts: by address, by campaign, and as a feed over the attempt log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use postrider_api::{Feed, LogEntry, Page, Receipt};
use postrider_store::{Reader, StoreError};
use postrider_types::{Address, Campaign, CampaignId, DeliveryState, RecipientId, TenantId};

use super::campaigns::existing;
use super::error::HttpError;
use super::extract::{Id, Parameters};
use super::senders::{MessageIds, Senders};
use super::tenants::ever_named;
use super::{Api, view};

/// `GET /v1/receipts`: with `address` those of one address, with `after` the feed.
pub(super) async fn find_or_feed(
    State(api): State<Arc<Api>>,
    mut query: Parameters,
) -> Result<Response, HttpError> {
    let address = query.take::<Address>("address")?;
    let after = query.take::<u64>("after")?;
    let tenant = query.take::<String>("tenant")?;
    let limit = query.take_limit()?;
    query.finish()?;
    let tenant = ever_named(api.store(), tenant.as_deref()).await?;
    match (address, after) {
        (Some(address), None) => Ok(find(&api, tenant, address, limit).await?.into_response()),
        (None, Some(after)) => Ok(feed(&api, tenant, after, limit).await?.into_response()),
        _ => Err(HttpError::invalid(
            "give either address, for the receipts of an address, or after, for the feed",
        )),
    }
}

async fn find(
    api: &Api,
    tenant: TenantId,
    address: Address,
    limit: usize,
) -> Result<Json<Page<Receipt>>, HttpError> {
    let senders = api.senders.clone();
    let read = api.store().read(move |reader| {
        let mut found = reader.receipts_of(tenant, &address.key(), limit + 1)?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let mut campaigns = HashMap::new();
        let mut data = Vec::with_capacity(found.len());
        for receipt in &found {
            let id = receipt.delivery.campaign;
            let (name, message_ids) = match campaigns.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(campaign(reader, &senders, id)?),
            };
            data.push(view_of(receipt, name, message_ids.as_ref()));
        }
        // The newest are what is asked for; there is no way to the ones behind them.
        Ok(Page {
            data,
            has_more,
            next: None,
        })
    });
    Ok(Json(read.await?))
}

/// The name of a campaign, and its Message-IDs.
fn campaign(
    reader: &dyn Reader,
    senders: &Senders,
    id: CampaignId,
) -> Result<(String, Option<MessageIds>), StoreError> {
    let Some(campaign) = reader.campaign(id)? else {
        return Ok((id.to_string(), None));
    };
    let message_ids = senders.message_ids(reader, &campaign)?;
    Ok((campaign.name, Some(message_ids)))
}

async fn feed(
    api: &Api,
    tenant: TenantId,
    after: u64,
    limit: usize,
) -> Result<Json<Feed<LogEntry>>, HttpError> {
    let read = api
        .store()
        .read(move |reader| reader.log(tenant, after, limit + 1));
    let mut found = read.await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(Json(Feed {
        next: found.last().map_or(after, |entry| entry.number),
        data: found.iter().map(view::log_entry).collect(),
        has_more,
    }))
}

/// `GET /v1/campaigns/{id}/receipts`
pub(super) async fn of_campaign(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    mut query: Parameters,
) -> Result<Json<Page<Receipt>>, HttpError> {
    let state = query.take::<DeliveryState>("state")?;
    let from = query.take::<u32>("from")?.unwrap_or(0);
    let limit = query.take_limit()?;
    query.finish()?;
    let campaign = existing(api.store(), id).await?;
    let senders = api.senders.clone();
    let read = api
        .store()
        .read(move |reader| page(reader, &senders, &campaign, RecipientId(from), state, limit));
    Ok(Json(read.await?))
}

fn page(
    reader: &dyn Reader,
    senders: &Senders,
    campaign: &Campaign,
    from: RecipientId,
    state: Option<DeliveryState>,
    limit: usize,
) -> Result<Page<Receipt>, StoreError> {
    let message_ids = senders.message_ids(reader, campaign)?;
    let mut found = reader.receipts(campaign.tenant, campaign.id, from, state, limit + 1)?;
    let next = found.get(limit).map(|receipt| receipt.delivery.recipient);
    found.truncate(limit);
    let view = |receipt| view_of(receipt, &campaign.name, Some(&message_ids));
    Ok(Page {
        data: found.iter().map(view).collect(),
        has_more: next.is_some(),
        next: next.map(|recipient| recipient.to_string()),
    })
}

fn view_of(
    receipt: &postrider_types::Receipt,
    campaign: &str,
    message_ids: Option<&MessageIds>,
) -> Receipt {
    Receipt {
        campaign_id: receipt.delivery.campaign,
        campaign: campaign.to_owned(),
        recipient_id: receipt.delivery.recipient,
        recipient: receipt.address.as_str().to_owned(),
        state: receipt.state,
        attempts: receipt.attempts,
        message_id: message_ids.and_then(|ids| ids.of(&receipt.address)),
        reply: receipt.reply.as_ref().map(view::reply),
        first_attempt_at: view::coming(receipt.first_attempt_at),
        next_attempt_at: view::coming(receipt.next_attempt_at),
        retries_in_doubt: receipt.retries_in_doubt,
        is_possible_duplicate: receipt.is_possible_duplicate,
        at: receipt.at.into(),
    }
}
