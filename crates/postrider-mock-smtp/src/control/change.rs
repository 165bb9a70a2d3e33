//! What changes the mock while it runs: its profile, and forgetting.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde_json::Value;

use crate::control::Desk;
use crate::control::refusal::Refusal;
use crate::log::Reset;
use crate::profile::Profile;
use crate::tally::Record;

/// The profile that is served, as TOML.
pub(super) async fn show(State(desk): State<Arc<Desk>>) -> String {
    desk.shared.world.plan().profile.to_toml()
}

/// Another profile as a whole, as TOML.
pub(super) async fn replace(
    State(desk): State<Arc<Desk>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Refusal> {
    let text = String::from_utf8(body?.to_vec());
    let text = text.map_err(|_| Refusal::bad("the profile is not UTF-8"))?;
    serve(&desk, Profile::from_toml(&text)?).await
}

/// A few values of the profile, as JSON that is merged into it (RFC 7396): `null` takes away.
pub(super) async fn merge(
    State(desk): State<Arc<Desk>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Refusal> {
    let patch: Value = serde_json::from_slice(&body?)
        .map_err(|error| Refusal::bad(format!("the change is not JSON: {error}")))?;
    let served = serde_json::to_value(&desk.shared.world.plan().profile);
    let mut merged = served.map_err(|error| Refusal::failed(&error))?;
    merge_into(&mut merged, patch);
    let profile: Profile = serde_json::from_value(merged)
        .map_err(|error| Refusal::bad(format!("this is no profile: {error}")))?;
    // What was read from JSON is read once more as TOML, so that both are held to the same rules.
    serve(&desk, Profile::from_toml(&profile.to_toml())?).await
}

/// Forgets all that came; connections and the profile stay.
pub(super) async fn reset(State(desk): State<Arc<Desk>>) -> Result<StatusCode, Refusal> {
    let shared = &desk.shared;
    let at_us = shared.clock.now_us();
    let mut records = vec![Record::Reset(Reset { at_us })];
    let committed = shared.commit(&mut records).await;
    committed.map_err(|error| Refusal::failed(&error))?;
    shared.world.reset();
    shared.world.samples().clear();
    shared.turns.store(0, std::sync::atomic::Ordering::Relaxed);
    Ok(StatusCode::NO_CONTENT)
}

async fn serve(desk: &Desk, profile: Profile) -> Result<String, Refusal> {
    let text = profile.to_toml();
    desk.shared.change(profile).await?;
    Ok(text)
}

fn merge_into(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(&name);
        } else {
            merge_into(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
