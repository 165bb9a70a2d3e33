//! Lists that are sent to the mock: what is expected, and what the client holds.
//!
//! All lines are read before the first is taken in, so a list with a mistake changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::de::DeserializeOwned;

use crate::bounds::CONTROL_LINES_AT_ONCE;
use crate::control::Desk;
use crate::control::refusal::Refusal;
use crate::control::wire::{Expectation, Expected, Receipt, Receipts};
use crate::error::MockError;
use crate::tally::Ledger;
use crate::world::locked;

pub(super) async fn expect(
    State(desk): State<Arc<Desk>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Expected>, Refusal> {
    let lines: Vec<Expectation> = lines(&body?)?;
    take_in(&desk, &lines, Ledger::expect).await?;
    let expected = locked(&desk.shared.ledger).expected();
    Ok(Json(Expected { expected }))
}

pub(super) async fn receipts(
    State(desk): State<Arc<Desk>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipts>, Refusal> {
    let lines: Vec<Receipt> = lines(&body?)?;
    take_in(&desk, &lines, Ledger::hold).await?;
    let receipts = locked(&desk.shared.ledger).receipts();
    Ok(Json(Receipts { receipts }))
}

/// One JSON object a line; empty lines are left out.
fn lines<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, Refusal> {
    let numbered = body.split(|byte| *byte == b'\n').zip(1..);
    let full = numbered.filter(|(line, _)| !line.trim_ascii().is_empty());
    let read = full.map(|(line, number)| {
        serde_json::from_slice(line)
            .map_err(|error| Refusal::bad(format!("line {number} cannot be read: {error}")))
    });
    read.collect()
}

async fn take_in<T>(
    desk: &Desk,
    lines: &[T],
    take: impl Fn(&mut Ledger, &T) -> Result<(), MockError>,
) -> Result<(), Refusal> {
    for some in lines.chunks(CONTROL_LINES_AT_ONCE) {
        {
            let mut ledger = locked(&desk.shared.ledger);
            some.iter().try_for_each(|line| take(&mut ledger, line))?;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}
