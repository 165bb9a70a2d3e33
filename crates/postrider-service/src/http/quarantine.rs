//! `GET /v1/quarantine`: what cannot be worked on, and why.
//!
//! One list of three kinds, in this order: emails, chunks, and campaigns with single recipients
//! in quarantine. Those recipients are receipts of their campaign in state `quarantined`. The way
//! back is in `super::lift`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, State};
use postrider_api::{
    Code, EmailCampaign, EmailRecord, Quarantine, QuarantinedCampaign, QuarantinedChunk,
    QuarantinedEmail,
};
use postrider_store::quarantine::SuspectEmail;
use postrider_store::{Reader, Store, StoreError, quarantine};
use postrider_types::{Campaign, CampaignId, ChunkId, DeliveryState, EmailId, TenantId};

use super::Api;
use super::campaigns::each_of;
use super::error::HttpError;
use super::extract::Parameters;
use super::tenants::ever_named;
use crate::bounds::{EMAIL_CAMPAIGNS_MAX, QUARANTINE_LOOKS_MAX};

/// A place in the list: behind this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Without an email: at the beginning.
    Email(Option<EmailId>),
    Chunk(ChunkId),
    Campaign(CampaignId),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(None) => Ok(()),
            Self::Email(Some(email)) => email.fmt(f),
            Self::Chunk(chunk) => write!(f, "chunk_{chunk}"),
            Self::Campaign(campaign) => campaign.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let email = || text.parse().map(|email| Self::Email(Some(email))).ok();
        let campaign = || text.parse().map(Self::Campaign).ok();
        let chunk = text.strip_prefix("chunk_");
        let chunk = chunk.and_then(|number| number.parse().ok());
        chunk
            .map(|number| Self::Chunk(ChunkId(number)))
            .or_else(email)
            .or_else(campaign)
            .ok_or("it is not the `next` of a page of this list")
    }
}

/// `GET /v1/quarantine`
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    mut query: Parameters,
) -> Result<axum::Json<Quarantine>, HttpError> {
    let name = query.take::<String>("tenant")?;
    let after = query.take::<Place>("after")?;
    let limit = query.take_limit()?;
    query.finish()?;
    let tenant = ever_named(api.store(), name.as_deref()).await?;
    let after = after.unwrap_or(Place::Email(None));
    let read = api
        .store()
        .read(move |reader| page(reader, tenant, after, limit));
    Ok(axum::Json(read.await?))
}

/// A page is full, or it ends with the list, or as many campaigns were looked at as one page may.
fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    after: Place,
    limit: usize,
) -> Result<Quarantine, StoreError> {
    let mut page = Quarantine::default();
    let mut room = limit;
    let mut end = None;
    if let Place::Email(after) = after {
        let found = reader.quarantined_emails(tenant, after, room)?;
        room -= found.len();
        end = found.last().map(|last| Place::Email(Some(last.email)));
        page.emails = found.into_iter().map(email_view).collect();
    }
    if room > 0 && !matches!(after, Place::Campaign(_)) {
        let from = match after {
            Place::Chunk(chunk) => chunk,
            _ => ChunkId(0),
        };
        let found = reader.quarantined_chunks(tenant, from, room)?;
        room -= found.len();
        end = found.last().map(|last| Place::Chunk(last.chunk)).or(end);
        page.chunks = found.into_iter().map(chunk_view).collect();
    }
    if room > 0 {
        let before = match after {
            Place::Campaign(campaign) => Some(campaign),
            _ => None,
        };
        let found = reader.campaigns(tenant, before, QUARANTINE_LOOKS_MAX)?;
        let is_last = found.len() < QUARANTINE_LOOKS_MAX;
        end = found.last().filter(|_| !is_last).map(of_campaign);
        let mut taken = None;
        for campaign in found.iter().filter(|campaign| quarantined(campaign) > 0) {
            if room == 0 {
                end = taken;
                break;
            }
            room -= 1;
            taken = Some(of_campaign(campaign));
            page.campaigns.push(campaign_view(campaign));
        }
    }
    page.has_more = end.is_some();
    page.next = end.map(|end| end.to_string());
    Ok(page)
}

const fn of_campaign(campaign: &Campaign) -> Place {
    Place::Campaign(campaign.id)
}

/// `GET /v1/quarantine/emails/{id}`
pub(super) async fn show_email(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    mut query: Parameters,
) -> Result<axum::Json<EmailRecord>, HttpError> {
    let email: EmailId = id.parse()?;
    let name = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = ever_named(api.store(), name.as_deref()).await?;
    let Some(suspect) = suspect(api.store(), tenant, email).await? else {
        let detail = "nothing is known against this email; GET /v1/quarantine lists what is there";
        return Err(HttpError::new(Code::NotFound, detail));
    };
    let mut campaigns = Vec::new();
    each_of(api.store(), tenant, |campaign| {
        if campaign.email == email && campaigns.len() < EMAIL_CAMPAIGNS_MAX {
            campaigns.push(EmailCampaign {
                campaign_id: campaign.id.to_string(),
                state: campaign.state,
                quarantined: quarantined(&campaign),
                waiting: waiting(&campaign),
                name: campaign.name,
            });
        }
    })
    .await?;
    Ok(axum::Json(EmailRecord {
        email: email_view(suspect),
        campaigns,
    }))
}

/// `GET /v1/quarantine/chunks/{number}`
pub(super) async fn show_chunk(
    State(api): State<Arc<Api>>,
    Path(number): Path<String>,
    mut query: Parameters,
) -> Result<axum::Json<QuarantinedChunk>, HttpError> {
    let name = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = ever_named(api.store(), name.as_deref()).await?;
    let found = chunk_of(api.store(), tenant, &number).await?;
    Ok(axum::Json(chunk_view(found)))
}

/// What is known against an email.
pub(super) async fn suspect(
    store: &Store,
    tenant: TenantId,
    email: EmailId,
) -> Result<Option<SuspectEmail>, HttpError> {
    let read = store.read(move |reader| reader.suspect_email(tenant, email));
    Ok(read.await?)
}

/// The chunk of a tenant with this number that was set aside.
pub(super) async fn chunk_of(
    store: &Store,
    tenant: TenantId,
    number: &str,
) -> Result<quarantine::QuarantinedChunk, HttpError> {
    let number: u64 = number
        .parse()
        .map_err(|_| HttpError::invalid(format!("{number:?} is not the number of a chunk")))?;
    let before = ChunkId(number.saturating_sub(1));
    let read = store.read(move |reader| reader.quarantined_chunks(tenant, before, 1));
    let found = read
        .await?
        .into_iter()
        .find(|found| found.chunk.0 == number);
    found.ok_or_else(|| {
        let detail =
            "there is no such chunk in quarantine; GET /v1/quarantine lists those there are";
        HttpError::new(Code::NotFound, detail)
    })
}

pub(super) fn quarantined(campaign: &Campaign) -> u64 {
    campaign.tally[DeliveryState::Quarantined]
}

/// Those that wait, and have not begun.
pub(super) fn waiting(campaign: &Campaign) -> u64 {
    campaign.tally[DeliveryState::Pending] + campaign.tally[DeliveryState::Deferred]
}

fn email_view(email: SuspectEmail) -> QuarantinedEmail {
    QuarantinedEmail {
        email_id: email.email,
        recipients: email.recipients,
        deaths: u32::try_from(email.deaths.len()).unwrap_or(u32::MAX),
        reason: email.reason,
        since: email.since.map(Into::into),
    }
}

fn chunk_view(chunk: quarantine::QuarantinedChunk) -> QuarantinedChunk {
    QuarantinedChunk {
        chunk: chunk.chunk.0,
        campaign_id: chunk.campaign.to_string(),
        reason: chunk.reason,
        since: chunk.since.into(),
        bytes: chunk.bytes,
    }
}

fn campaign_view(campaign: &Campaign) -> QuarantinedCampaign {
    QuarantinedCampaign {
        campaign_id: campaign.id.to_string(),
        name: campaign.name.clone(),
        recipients: quarantined(campaign),
    }
}
