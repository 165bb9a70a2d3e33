//! Whether it lives, whether it takes work, what it counted, what receivers say, and which version
//! it is.
//!
//! None of this runs through the queue that it watches.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use postrider_api::{Check, Pools, Readiness, Refusals, Version, Workers};
use postrider_pipeline::Clock;
use postrider_pipeline::report::chain;
use postrider_store::quarantine::Reaped;
use postrider_types::{TenantId, Timestamp};

use super::error::HttpError;
use super::extract::NoParameters;
use super::stop::Stage;
use super::{Api, view};
use crate::bounds::{COMMIT_AFTER_MAX, READY_AFTER_MAX};
use crate::every_campaign::is_any_held_up_as_restored;

/// `GET /livez`: an answer says that the event loop turns.
pub(super) async fn live(_: NoParameters) -> &'static str {
    "live\n"
}

/// `GET /readyz`: 503 when nothing can be recorded, or nothing is taken any more. A relay that
/// is down makes mail wait; it is reported, and recipients are taken all the same.
pub(super) async fn ready(State(api): State<Arc<Api>>, _: NoParameters) -> Response {
    let status = api.status();
    let is_draining = status.is_draining || api.stop.stage() > Stage::Serving;
    let store = match status.store_trouble {
        Some(trouble) => Some(trouble),
        None => store_trouble(&api).await,
    };
    let failure = api.postrider.failure();
    let failure = failure.map(|what| format!("{what}; nothing is sent, restart the service"));
    let restored = restored_since(&api).await.map(restored);
    let route = status.route_trouble.map(|(trouble, _)| trouble.to_string());
    let draining = is_draining.then(|| "the service is stopping".to_owned());
    let checks = vec![
        check("engine", true, failure, &found(api.postrider.found())),
        check("store", true, store, "the store records"),
        check("backup", false, restored, "the store is no restored backup"),
        check("drain", true, draining, "new work is taken"),
        check("route", false, route, "no trouble is known"),
        check("workers", false, down(&api), "whoever is to send does"),
    ];
    let is_ready = checks.iter().all(|check| check.is_ok || !check.is_required);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { is_ready, checks })).into_response()
}

/// What the start had to take up.
fn found(found: Reaped) -> String {
    if found.leases == 0 {
        return "it works; the start found everything in order".to_owned();
    }
    format!(
        "it works; the start found {} leases of a process that ended without a stop: {} deliveries \
         in doubt, {} filed again, {} quarantined",
        found.leases, found.in_doubt, found.refiled, found.quarantined
    )
}

/// Of a restored backup, and as long as one of its campaigns is held up, the instant since when it
/// knows nothing. The start says the instant; the store says whether anybody is held up, and
/// somebody is until it does.
async fn restored_since(api: &Api) -> Option<Timestamp> {
    let since = api.store().restored_since()?;
    let read = api.store().read(is_any_held_up_as_restored);
    let is_held_up = tokio::time::timeout(READY_AFTER_MAX, read).await;
    (!matches!(is_held_up, Ok(Ok(false)))).then_some(since)
}

/// What a restored backup does not know.
fn restored(since: Timestamp) -> String {
    format!(
        "the store is a restored backup, or lost its write-ahead log in a crash: what went out \
         since {since} may not be in it, so campaigns are paused until somebody resumes each of \
         them"
    )
}

/// Why the store does not even answer a question, if it does not.
async fn store_trouble(api: &Api) -> Option<String> {
    let busy_since = api.store().counts().busy_since();
    let busy_for = busy_since.map_or(Duration::ZERO, |since| api.clock.now().since(since));
    if busy_for > COMMIT_AFTER_MAX {
        let seconds = busy_for.as_secs();
        return Some(format!(
            "the disk has been busy with one commit for {seconds} s"
        ));
    }
    let read = api
        .store()
        .read(|reader| reader.campaigns(TenantId::DEFAULT, None, 1));
    match tokio::time::timeout(READY_AFTER_MAX, read).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some("the store does not answer".to_owned()),
    }
}

fn check(name: &str, is_required: bool, trouble: Option<String>, well: &str) -> Check {
    Check {
        name: name.to_owned(),
        is_ok: trouble.is_none(),
        is_required,
        detail: trouble.unwrap_or_else(|| well.to_owned()),
    }
}

/// `GET /metrics`
pub(super) async fn metrics(
    State(api): State<Arc<Api>>,
    _: NoParameters,
) -> Result<Response, HttpError> {
    let text = api.metrics.text(&api).await?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}

/// `GET /v1/pools`
pub(super) async fn pools(State(api): State<Arc<Api>>, _: NoParameters) -> Json<Pools> {
    let status = api.status();
    let data = status.pools.iter().map(view::pool).collect();
    Json(Pools { data })
}

/// `GET /v1/refusals`
pub(super) async fn refusals(State(api): State<Arc<Api>>, _: NoParameters) -> Json<Refusals> {
    let status = api.status();
    let data = status.refusals.iter().map(view::refusal).collect();
    Json(Refusals { data })
}

/// `GET /v1/workers`
pub(super) async fn workers(State(api): State<Arc<Api>>, _: NoParameters) -> Json<Workers> {
    let Some(workers) = &api.workers else {
        return Json(Workers { data: Vec::new() });
    };
    let presences = workers.presences();
    let numbered = presences.iter().enumerate();
    let shown = numbered.map(|(number, one)| view::worker(number, one, |at| workers.age(at)));
    let data = shown.collect();
    Json(Workers { data })
}

/// How many workers are down, if any is.
fn down(api: &Api) -> Option<String> {
    let presences = api.workers.as_ref()?.presences();
    let down = presences.iter().filter(|one| one.pid.is_none()).count();
    let all = presences.len();
    (down > 0).then(|| format!("{down} of {all} workers are down; they are started again"))
}

/// `GET /v1/version`
pub(super) async fn version(_: NoParameters) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: "v1".to_owned(),
    })
}
