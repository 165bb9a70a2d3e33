//! The HTTP API: routes, and what every request passes through.
//!
//! From the outside in: an id for the request, a count and the body of an error ([`request`]); the
//! end of everything when a drain takes too long ([`stop`]); a refused upload is read to its end
//! ([`linger`]); a service that drains takes nothing new; a key, under `/v1` ([`auth`]); the
//! route. The health routes and the metrics need no key: they say nothing of addresses, and those
//! who watch a service should not hold the key to it.

mod auth;
mod campaigns;
mod emails;
mod error;
mod export;
mod extract;
mod health;
mod linger;
pub(crate) mod listener;
mod receipts;
mod recipients;
mod request;
mod senders;
pub(crate) mod stop;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use postrider_api::{CampaignVerb, Code};
use postrider_pipeline::Postrider;
use postrider_pipeline::intake::Audiences;
use postrider_store::Store;
use postrider_types::TenantId;
use tokio::sync::Semaphore;

use crate::bounds::{EMAIL_ESCAPES, EMAIL_OVERHEAD_BYTES, EMAIL_UPLOADS_MAX};
use crate::key::ApiKey;
use crate::metrics::Metrics;

use error::HttpError;
use senders::Senders;
use stop::Stop;

/// The tenant of every request, until keys name theirs.
const TENANT: TenantId = TenantId::DEFAULT;

/// What all handlers share.
pub(crate) struct Api {
    pub(crate) postrider: Postrider,
    pub(crate) audiences: Audiences,
    pub(crate) key: ApiKey,
    pub(crate) metrics: Metrics,
    /// Most bytes of content of an email.
    pub(crate) email_bytes_max: usize,
    pub(crate) stop: Stop,
    uploads: Semaphore,
    senders: Senders,
    requests: request::Numbers,
}

impl Api {
    pub(crate) fn new(
        postrider: Postrider,
        audiences: Audiences,
        key: ApiKey,
        metrics: Metrics,
        email_bytes_max: usize,
    ) -> Self {
        Self {
            postrider,
            audiences,
            key,
            metrics,
            email_bytes_max,
            stop: Stop::default(),
            uploads: Semaphore::new(EMAIL_UPLOADS_MAX),
            senders: Senders::default(),
            requests: request::Numbers::start(),
        }
    }

    fn store(&self) -> &Store {
        self.postrider.store()
    }

    /// Most bytes of the request that puts an email.
    const fn email_request_bytes_max(&self) -> usize {
        EMAIL_ESCAPES * self.email_bytes_max + EMAIL_OVERHEAD_BYTES
    }
}

/// All routes over one service.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let email_limit = DefaultBodyLimit::max(api.email_request_bytes_max());
    let mut keyed = Router::new()
        .route("/v1/emails", post(emails::put).layer(email_limit))
        .route("/v1/emails/{id}", get(emails::show))
        .route(
            "/v1/campaigns",
            get(campaigns::list).post(campaigns::create),
        )
        .route("/v1/campaigns/{id}", get(campaigns::show))
        .route("/v1/campaigns/{id}/recipients", post(recipients::add))
        .route("/v1/campaigns/{id}/receipts", get(receipts::of_campaign))
        .route("/v1/campaigns/{id}/export", get(export::export))
        .route("/v1/receipts", get(receipts::find_or_feed))
        .route("/v1/pools", get(health::pools))
        .route("/v1/refusals", get(health::refusals))
        .route("/v1/version", get(health::version));
    for verb in CampaignVerb::ALL {
        let change = move |api, id, query, body| campaigns::change(verb, api, id, query, body);
        keyed = keyed.route(&format!("/v1/campaigns/{{id}}/{verb}"), post(change));
    }
    let keyed = keyed.route_layer(middleware::from_fn_with_state(
        Arc::clone(&api),
        auth::check,
    ));
    let refusing = middleware::from_fn_with_state(Arc::clone(&api), stop::refuse);
    let cut_off = middleware::from_fn_with_state(Arc::clone(&api), stop::cut);
    let finished = middleware::from_fn_with_state(Arc::clone(&api), request::finish);
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(keyed)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(refusing)
        .layer(middleware::from_fn(linger::linger))
        .layer(cut_off)
        .layer(finished)
        .with_state(api)
}

async fn no_route() -> HttpError {
    let detail = "there is no such route; docs/api.md lists those there are";
    HttpError::new(Code::NotFound, detail)
}

async fn no_method() -> HttpError {
    let detail = "the route is there, and takes other methods; the header Allow lists them";
    HttpError::new(Code::MethodNotAllowed, detail)
}
