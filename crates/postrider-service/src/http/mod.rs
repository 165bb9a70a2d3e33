//! The HTTP API: routes, and what every request passes through.
//!
//! From the outside in: an id for the request, a count and the body of an error ([`request`]); the
//! end of everything when a drain takes too long ([`stop`]); an end to a body of which nothing more
//! comes ([`silence`]); a refused upload is read to its end ([`linger`]); a service that drains
//! takes nothing new; a key, under `/v1` ([`auth`]); what was answered before ([`idempotency`]);
//! the route. The health routes and the metrics need no key: they say nothing of addresses, and
//! those who watch a service should not hold the key to it.

mod auth;
mod campaigns;
mod decisions;
mod emails;
mod error;
mod export;
mod extract;
mod health;
mod idempotency;
mod lift;
mod linger;
mod listener;
mod quarantine;
mod receipts;
mod recipients;
mod removal;
mod request;
mod senders;
pub(crate) mod serve;
mod silence;
pub(crate) mod stop;
mod tenants;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use postrider_api::{CampaignVerb, Code};
use postrider_pipeline::intake::Audiences;
use postrider_pipeline::{Postrider, Status, SystemClock};
use postrider_store::Store;
use postrider_store::quarantine::Lift;
use tokio::sync::Semaphore;

use crate::bounds::{EMAIL_ESCAPES, EMAIL_OVERHEAD_BYTES, EMAIL_UPLOADS_MAX};
use crate::config;
use crate::key::ApiKey;
use crate::metrics::Metrics;
use crate::workers::Workers;

use error::HttpError;
use senders::Senders;
use stop::Stop;

/// What all handlers share.
pub(crate) struct Api {
    pub(crate) postrider: Postrider,
    pub(crate) audiences: Audiences,
    pub(crate) key: ApiKey,
    pub(crate) metrics: Metrics,
    /// The processes that send, unless this one does.
    pub(crate) workers: Option<Workers>,
    pub(crate) clock: SystemClock,
    /// What a campaign is created with unless it says.
    pub(crate) in_doubt: config::InDoubt,
    /// Most bytes of content of an email.
    pub(crate) email_bytes_max: usize,
    pub(crate) stop: Stop,
    uploads: Semaphore,
    senders: Senders,
    requests: request::Numbers,
    running: idempotency::Running,
}

impl Api {
    pub(crate) fn new(
        postrider: Postrider,
        audiences: Audiences,
        key: ApiKey,
        metrics: Metrics,
        clock: SystemClock,
        in_doubt: config::InDoubt,
        email_bytes_max: usize,
    ) -> Self {
        Self {
            postrider,
            audiences,
            key,
            metrics,
            workers: None,
            clock,
            in_doubt,
            email_bytes_max,
            stop: Stop::default(),
            uploads: Semaphore::new(EMAIL_UPLOADS_MAX),
            senders: Senders::default(),
            requests: request::Numbers::start(),
            running: idempotency::Running::default(),
        }
    }

    /// What is being done: here, or by the workers.
    pub(crate) fn status(&self) -> Status {
        match &self.workers {
            Some(workers) => workers.status(),
            None => self.postrider.status(),
        }
    }

    #[cfg(test)]
    fn is_any_key_taken(&self) -> bool {
        self.running.is_any_taken()
    }

    fn store(&self) -> &Store {
        self.postrider.store()
    }

    /// Most bytes of the request that puts an email.
    const fn email_request_bytes_max(&self) -> usize {
        EMAIL_ESCAPES * self.email_bytes_max + EMAIL_OVERHEAD_BYTES
    }
}

/// All routes over one service; `silence_after_max` is the longest between two pieces of a body.
pub(crate) fn router(api: Arc<Api>, silence_after_max: Duration) -> Router {
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
        .route("/v1/campaigns/{id}/schedule", post(campaigns::schedule))
        .route("/v1/campaigns/{id}/resolve", post(decisions::resolve))
        .route("/v1/campaigns/{id}/history", get(decisions::history))
        .route("/v1/campaigns/{id}/receipts", get(receipts::of_campaign))
        .route("/v1/campaigns/{id}/export", get(export::export))
        .route("/v1/receipts", get(receipts::find_or_feed))
        .route("/v1/tenants", get(tenants::list).post(tenants::create))
        .route("/v1/tenants/{name}/delete", post(tenants::delete))
        .route("/v1/purge", post(removal::purge))
        .route("/v1/recipients/erase", post(removal::erase))
        .route("/v1/quarantine", get(quarantine::list))
        .route("/v1/quarantine/emails/{id}", get(quarantine::show_email))
        .route(
            "/v1/quarantine/chunks/{number}",
            get(quarantine::show_chunk),
        )
        .route("/v1/pools", get(health::pools))
        .route("/v1/refusals", get(health::refusals))
        .route("/v1/workers", get(health::workers))
        .route("/v1/version", get(health::version));
    for verb in CampaignVerb::ALL {
        let change = move |api, id, query, body| campaigns::change(verb, api, id, query, body);
        keyed = keyed.route(&format!("/v1/campaigns/{{id}}/{verb}"), post(change));
    }
    for (verb, lift) in [("release", Lift::Release), ("discard", Lift::Discard)] {
        let email = move |api, id, query, body| lift::email(lift, api, id, query, body);
        let chunk = move |api, number, query, body| lift::chunk(lift, api, number, query, body);
        let (emails, chunks) = ("/v1/quarantine/emails", "/v1/quarantine/chunks");
        keyed = keyed
            .route(&format!("{emails}/{{id}}/{verb}"), post(email))
            .route(&format!("{chunks}/{{number}}/{verb}"), post(chunk));
    }
    let once = middleware::from_fn_with_state(Arc::clone(&api), idempotency::once);
    let checked = middleware::from_fn_with_state(Arc::clone(&api), auth::check);
    let keyed = keyed.route_layer(once).route_layer(checked);
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
        .layer(middleware::from_fn_with_state(
            silence_after_max,
            silence::end,
        ))
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
