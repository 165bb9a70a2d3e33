//! Whose requests are done: those that bring the key.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use postrider_api::Code;

use super::Api;
use super::error::HttpError;

pub(super) async fn check(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let refusal = match bearer(request.headers()) {
        Some(key) if api.key.is(key) => return next.run(request).await,
        Some(_) => "the key is wrong; the right one is in the file admin.key of the data directory",
        None => {
            "a key is needed: send the header \"Authorization: Bearer <key>\" with the key in the \
             file admin.key of the data directory"
        }
    };
    let mut response = HttpError::new(Code::Unauthorized, refusal).into_response();
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// The key that a request brings (RFC 6750 §2.1); the scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
