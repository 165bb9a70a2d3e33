//! What is only asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;

use crate::bounds::ACCEPTS_LISTED_MAX;
use crate::control::Desk;
use crate::control::refusal::Refusal;
use crate::control::wire::{Accepts, Home, Progress, Verdict};
use crate::error::MockError;
use crate::judge::as_logged;
use crate::log::{self, Accept, Line};
use crate::tally::Tally;
use crate::world::locked;

pub(super) async fn home(State(desk): State<Arc<Desk>>) -> Json<Home> {
    Json(desk.home())
}

pub(super) async fn tally(State(desk): State<Arc<Desk>>) -> Json<Tally> {
    Json(locked(&desk.shared.ledger).tally())
}

pub(super) async fn progress(State(desk): State<Arc<Desk>>) -> Json<Progress> {
    let progress = locked(&desk.shared.ledger).progress();
    Json(Progress {
        turns: desk.shared.turns.load(Ordering::Relaxed),
        ..progress
    })
}

pub(super) async fn verdict(State(desk): State<Arc<Desk>>) -> Json<Verdict> {
    Json(locked(&desk.shared.ledger).verdict())
}

#[derive(Deserialize)]
pub(super) struct OfRecipient {
    recipient: String,
}

pub(super) async fn accepts(
    State(desk): State<Arc<Desk>>,
    query: Result<Query<OfRecipient>, QueryRejection>,
) -> Result<Json<Accepts>, Refusal> {
    let Query(OfRecipient { recipient }) = query?;
    let recipient = as_logged(&recipient).into_owned();
    let accepted = u64::from(locked(&desk.shared.ledger).accepted_of(&recipient));
    let mut listed = Vec::new();
    if let Some(log) = desk.log.clone().filter(|_| accepted > 0) {
        let wanted = recipient.clone();
        let reading = tokio::task::spawn_blocking(move || in_log(log, &wanted)).await;
        listed = reading.map_err(|error| Refusal::failed(&error))??;
    }
    Ok(Json(Accepts {
        recipient,
        accepted,
        listed,
    }))
}

/// The first accepts of a recipient since the last reset.
fn in_log(path: PathBuf, recipient: &str) -> Result<Vec<Accept>, MockError> {
    let mut found = Vec::new();
    log::read(&path, |line| match line {
        Line::Accept(accept)
            if accept.recipient == recipient && found.len() < ACCEPTS_LISTED_MAX =>
        {
            found.push(accept);
        }
        Line::Reset(_) => found.clear(),
        _ => {}
    })?;
    Ok(found)
}

#[derive(Deserialize)]
pub(super) struct OfCampaign {
    #[serde(default)]
    campaign: String,
}

pub(super) async fn sample(
    State(desk): State<Arc<Desk>>,
    query: Result<Query<OfCampaign>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let Query(OfCampaign { campaign }) = query?;
    let Some(message) = desk.shared.world.samples().of(&campaign) else {
        let sentence = format!("no message of campaign \"{campaign}\" is kept");
        return Err(Refusal::new(StatusCode::NOT_FOUND, sentence));
    };
    Ok(([(header::CONTENT_TYPE, "message/rfc822")], message))
}
