//! `GET /v1/campaigns/{id}/export`: everyone in the audience as they stand now, a line each.
//!
//! The audience is read chunk by chunk, and each chunk's receipts with it, so what is held at
//! once is one chunk, however long the export. A recipient without a receipt is pending; of a
//! campaign that has ended it was taken by retention, and says nothing any more. A state
//! may change while the export runs; nobody is missing and nobody is there twice, because numbers
//! only grow. When the store fails on the way, the connection breaks off: an export with an end
//! is complete.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use postrider_api::ExportLine;
use postrider_store::rows::ChunkRow;
use postrider_store::{Reader, StoreError};
use postrider_types::{Campaign, CampaignId, ChunkRecipient, DeliveryState, Receipt, RecipientId};

use super::campaigns::existing;
use super::error::HttpError;
use super::extract::{Id, NoParameters};
use super::senders::{MessageIds, Senders};
use super::stop::Stage;
use super::{Api, view};

pub(super) async fn export(
    State(api): State<Arc<Api>>,
    Id(id): Id<CampaignId>,
    _: NoParameters,
) -> Result<Response, HttpError> {
    let campaign = Arc::new(existing(api.store(), id).await?);
    let start = Some(RecipientId(0));
    let blocks = stream::try_unfold(start, move |from| {
        let (api, campaign) = (Arc::clone(&api), Arc::clone(&campaign));
        async move {
            let Some(from) = from else { return Ok(None) };
            if api.stop.stage() == Stage::Over {
                return Err(io::Error::other("the service is stopping"));
            }
            let senders = api.senders.clone();
            let read = move |reader: &dyn Reader| block(reader, &senders, &campaign, from);
            let read = api.store().read(read).await;
            read.map_err(|error| {
                tracing::error!(campaign_id = %id, %error, "an export broke off");
                io::Error::other(error)
            })
        }
    });
    let content_type = [(CONTENT_TYPE, "application/x-ndjson")];
    Ok((content_type, Body::from_stream(blocks)).into_response())
}

/// The lines of the chunk that holds `from`, and where to go on; `None` behind the last one.
fn block(
    reader: &dyn Reader,
    senders: &Senders,
    campaign: &Campaign,
    from: RecipientId,
) -> Result<Option<(Bytes, Option<RecipientId>)>, StoreError> {
    let chunk = reader
        .audience(campaign.tenant, campaign.id, from, 1)?
        .pop();
    // Behind the last recipient, the chunk that is found lies before `from`.
    let Some((chunk, last)) = chunk.and_then(|chunk| last_of(chunk, from)) else {
        return Ok(None);
    };
    let message_ids = senders.message_ids(reader, campaign)?;
    let limit = chunk.recipients.len();
    let receipts = reader.receipts(campaign.tenant, campaign.id, from, None, limit)?;
    let mut receipts = VecDeque::from(receipts);
    let has_ended = campaign.ended_at.is_some() && campaign.tally.open() == 0;
    let mut lines = Vec::new();
    for recipient in chunk.recipients.iter().filter(|r| r.recipient >= from) {
        let receipt =
            receipts.pop_front_if(|receipt| receipt.delivery.recipient == recipient.recipient);
        if receipt.is_none() && has_ended {
            continue;
        }
        let line = line(&campaign.name, recipient, receipt.as_ref(), &message_ids);
        serde_json::to_writer(&mut lines, &line).expect("a line is written without fail");
        lines.push(b'\n');
    }
    let next = last.0.checked_add(1).map(RecipientId);
    Ok(Some((lines.into(), next)))
}

/// A chunk and the number of its last recipient, unless all of it lies before `from`.
fn last_of(chunk: ChunkRow, from: RecipientId) -> Option<(ChunkRow, RecipientId)> {
    let last = chunk.recipients.last()?.recipient;
    (last >= from).then_some((chunk, last))
}

fn line(
    campaign: &str,
    recipient: &ChunkRecipient,
    receipt: Option<&Receipt>,
    message_ids: &MessageIds,
) -> ExportLine {
    ExportLine {
        campaign: campaign.to_owned(),
        recipient: recipient.address.as_str().to_owned(),
        state: receipt.map_or(DeliveryState::Pending, |receipt| receipt.state),
        attempts: receipt.map_or(0, |receipt| receipt.attempts),
        message_id: message_ids.of(&recipient.address),
        reply: receipt.and_then(|receipt| receipt.reply.as_ref().map(view::reply)),
        at: receipt.map(|receipt| receipt.at.into()),
    }
}
