//! Whether it lives, whether it takes work, what it counted, what receivers say, and which version
//! it is.
//!
//! None of this runs through the queue that it watches.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use postrider_api::{Check, Pools, Readiness, Refusals, Version};
use postrider_pipeline::report::chain;

use super::error::HttpError;
use super::extract::NoParameters;
use super::stop::Stage;
use super::{Api, TENANT, view};
use crate::bounds::READY_AFTER_MAX;

/// `GET /livez`: an answer says that the event loop turns.
pub(super) async fn live(_: NoParameters) -> &'static str {
    "live\n"
}

/// `GET /readyz`: 503 when nothing can be recorded, or nothing is taken any more. A relay that
/// is down makes mail wait; it is reported, and recipients are taken all the same.
pub(super) async fn ready(State(api): State<Arc<Api>>, _: NoParameters) -> Response {
    let status = api.postrider.status();
    let is_draining = status.is_draining || api.stop.stage() > Stage::Serving;
    let store = match status.store_trouble {
        Some(trouble) => Some(trouble),
        None => store_trouble(&api).await,
    };
    let route = status.route_trouble.map(|(trouble, _)| trouble.to_string());
    let draining = is_draining.then(|| "the service is stopping".to_owned());
    let checks = vec![
        check("store", true, store, "the store records"),
        check("drain", true, draining, "new work is taken"),
        check("route", false, route, "no trouble is known"),
    ];
    let is_ready = checks.iter().all(|check| check.is_ok || !check.is_required);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { is_ready, checks })).into_response()
}

/// Why the store does not even answer a question, if it does not.
async fn store_trouble(api: &Api) -> Option<String> {
    let read = api.store().read(|reader| reader.campaigns(TENANT, None, 1));
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
    let text = api.metrics.text(&api.postrider).await?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}

/// `GET /v1/pools`
pub(super) async fn pools(State(api): State<Arc<Api>>, _: NoParameters) -> Json<Pools> {
    let status = api.postrider.status();
    let data = status.pools.iter().map(view::pool).collect();
    Json(Pools { data })
}

/// `GET /v1/refusals`
pub(super) async fn refusals(State(api): State<Arc<Api>>, _: NoParameters) -> Json<Refusals> {
    let status = api.postrider.status();
    let data = status.refusals.iter().map(view::refusal).collect();
    Json(Refusals { data })
}

/// `GET /v1/version`
pub(super) async fn version(_: NoParameters) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: "v1".to_owned(),
    })
}
