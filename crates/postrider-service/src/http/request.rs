//! What surrounds every request: its id, its place in log and metrics, and the body of an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use postrider_api::problem::PROBLEM_JSON;
use rand::RngExt;
use tracing::Instrument;

use super::Api;
use super::error::HttpError;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Seconds after which what may succeed later is worth trying again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Gives out ids: the same for nobody, also after a restart.
pub(super) struct Numbers {
    start: u32,
    next: AtomicU64,
}

impl Numbers {
    pub(super) fn start() -> Self {
        Self {
            start: rand::rng().random(),
            next: AtomicU64::new(1),
        }
    }

    fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("req_{:08x}{number:x}", self.start)
    }
}

/// The outermost layer. The query is never logged: it may hold an address.
pub(super) async fn finish(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let request_id = api.requests.next();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::debug_span!("request", request_id, %method, route);

    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(error) = response.extensions_mut().remove::<HttpError>() {
        span.in_scope(|| log(&error));
        write_problem(&mut response, error, path, &request_id);
    }
    api.metrics.count_request(&method, route, response.status());
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn log(error: &HttpError) {
    let code = error.problem.code.as_str();
    let cause = error.cause.as_deref().unwrap_or_default();
    match error.problem.status {
        500 => tracing::error!(code, cause, "a request failed"),
        503 => tracing::warn!(code, cause, "a request was put off"),
        _ => tracing::debug!(code, cause, "a request was refused"),
    }
}

fn write_problem(response: &mut Response, error: HttpError, path: String, request_id: &str) {
    let mut problem = error.problem;
    problem.instance = Some(path);
    problem.request_id = Some(request_id.to_owned());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    let content_type = HeaderValue::from_static(PROBLEM_JSON);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    // What an empty body said of itself is no longer so.
    response.headers_mut().remove("content-length");
    *response.body_mut() = body.into();
}
