//! The header `Idempotency-Key`: a POST that is sent again because its answer was lost is
//! answered as it was, and done once.
//!
//! Under a hash of the key the store keeps a hash of the request (method, path, query and body)
//! and the answer, for a day and up to a number (`postrider_store::bounds`). While a request runs,
//! its key is taken; that is known to this process only, because nothing runs after a crash. A
//! crash between what was done and its answer leaves the key free: the request runs again, as it
//! would without a key.
//!
//! A body is hashed as it passes, so an audience of any size is too. What was refused before its
//! body was read, and what failed on our side, is not kept: the next try may fare better. The
//! work goes on when the client hangs up, because that is whom the answer is kept for.
//!
//! No address is kept, because erasing a recipient could not find it here. The hashes are keyed by
//! the store's secret, so that nobody can try addresses against them. What is said of something
//! that was done names no recipient; a refusal that may name one runs again instead.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use postrider_api::{Code, Problem};
use postrider_pipeline::Clock;
use postrider_pipeline::report::chain;
use postrider_store::answers::Answer;
use postrider_store::bounds::{ANSWER_BYTES_MAX, ANSWERS_KEPT_FOR};
use tracing::Instrument;

use super::Api;
use super::error::HttpError;
use crate::bounds::IDEMPOTENCY_KEY_BYTES_MAX;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is one that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What the store's secret is used for here.
const SECRET_CONTEXT: &str = "postrider idempotency keys and requests";

/// A hash of a key, or of a request.
type Hash = [u8; 32];

/// The keys of requests that run; one at most for each request that is under way.
#[derive(Default)]
pub(super) struct Running(Mutex<HashSet<Hash>>);

/// Gives a key back, however its request ends.
struct Taken {
    api: Arc<Api>,
    key: Hash,
}

impl Taken {
    fn take(api: &Arc<Api>, key: Hash) -> Result<Self, HttpError> {
        if !api.running.keys().insert(key) {
            let detail = "a request with this Idempotency-Key is under way; send it again when \
                          that has ended, to get its answer";
            return Err(HttpError::new(Code::IdempotencyRunning, detail));
        }
        let api = Arc::clone(api);
        Ok(Self { api, key })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.api.running.keys().remove(&self.key);
    }
}

impl Running {
    #[cfg(test)]
    pub(super) fn is_any_taken(&self) -> bool {
        !self.keys().is_empty()
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, HashSet<Hash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer.
pub(super) async fn once(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let key = match key_of(request.headers()) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    let work = keyed(api, key, request, next).instrument(tracing::Span::current());
    let done = tokio::spawn(work).await;
    let done = done.unwrap_or_else(|error| Err(HttpError::internal(error.to_string())));
    done.unwrap_or_else(IntoResponse::into_response)
}

fn key_of(headers: &HeaderMap) -> Result<Option<Hash>, HttpError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else {
        return Ok(None);
    };
    let key = key.as_bytes();
    let is_printable = key.iter().all(|byte| (b' '..=b'~').contains(byte));
    let has_length = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len());
    if given.next().is_some() || !is_printable || !has_length {
        let detail = format!(
            "the header Idempotency-Key is given once, with 1 to {IDEMPOTENCY_KEY_BYTES_MAX} \
             printable ASCII characters"
        );
        return Err(HttpError::invalid(detail));
    }
    Ok(Some(*blake3::hash(key).as_bytes()))
}

async fn keyed(
    api: Arc<Api>,
    key: Hash,
    request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    let _taken = Taken::take(&api, key)?;
    let kept = api.store().read(move |reader| {
        let secret = blake3::derive_key(SECRET_CONTEXT, &reader.message_key());
        let key = *blake3::keyed_hash(&secret, &key).as_bytes();
        Ok((secret, key, reader.answer(&key)?))
    });
    let (secret, key, kept) = kept.await?;
    let is_new = |answer: &Answer| api.clock.now().since(answer.at) < ANSWERS_KEPT_FOR;
    let (parts, body) = request.into_parts();
    let hearing = Hearing::of(&secret, &parts.method, &parts.uri.to_string());
    let mut heard = Heard {
        body: body.into_data_stream(),
        hearing: Arc::new(Mutex::new(hearing)),
    };
    if let Some(answer) = kept.filter(is_new) {
        while let Some(Ok(_)) = heard.next().await {}
        return match heard.hearing().asked() {
            Some(asked) if asked == answer.asked => again(answer),
            Some(_) => Err(HttpError::new(
                Code::IdempotencyMismatch,
                "this Idempotency-Key belongs to a request with other content; use another key, \
                 or send exactly the same again",
            )),
            None => Err(HttpError::new(
                Code::Incomplete,
                "the request broke off before its end",
            )),
        };
    }
    let hearing = Arc::clone(&heard.hearing);
    let request = Request::from_parts(parts, Body::from_stream(heard));
    let response = next.run(request).await;
    let asked = hearing
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .asked();
    match asked {
        Some(asked) if !response.status().is_server_error() => {
            Ok(keep(&api, key, asked, response).await)
        }
        _ => Ok(response),
    }
}

/// Keeps an answer, and gives it.
async fn keep(api: &Api, key: Hash, asked: Hash, response: Response) -> Response {
    let (body, response) = if let Some(error) = response.extensions().get::<HttpError>() {
        let body = serde_json::to_vec(&error.problem).unwrap_or_default();
        if body.contains(&b'@') {
            return response;
        }
        (body.into(), response)
    } else {
        let bytes = response.body().size_hint().exact();
        if bytes.is_none_or(|bytes| bytes > ANSWER_BYTES_MAX as u64) {
            return response;
        }
        let (parts, body) = response.into_parts();
        let body = match to_bytes(body, ANSWER_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => return HttpError::internal(chain(&error)).into_response(),
        };
        (body.clone(), Response::from_parts(parts, Body::from(body)))
    };
    let answer = Answer {
        key,
        asked,
        status: response.status().as_u16(),
        body,
        at: api.clock.now(),
    };
    let answer = Box::new(answer);
    let kept = api
        .store()
        .ask(postrider_store::Request::KeepAnswer { answer });
    if let Err(error) = kept.await {
        tracing::warn!(error = %chain(&error), "an answer could not be kept");
    }
    response
}

/// An answer as it was given before.
fn again(answer: Answer) -> Result<Response, HttpError> {
    let status = StatusCode::from_u16(answer.status);
    let status = status.map_err(|error| HttpError::internal(chain(&error)))?;
    let mut response = if status.is_success() {
        let json = HeaderValue::from_static("application/json");
        (status, [(CONTENT_TYPE, json)], answer.body).into_response()
    } else {
        let problem: Problem = serde_json::from_slice(&answer.body)
            .map_err(|error| HttpError::internal(chain(&error)))?;
        let problem = Box::new(problem);
        let error = HttpError {
            problem,
            cause: None,
        };
        error.into_response()
    };
    let replayed = HeaderValue::from_static("true");
    response.headers_mut().insert(REPLAYED, replayed);
    Ok(response)
}

/// What was heard of a request so far.
struct Hearing {
    hasher: blake3::Hasher,
    is_over: bool,
}

impl Hearing {
    fn of(secret: &[u8; 32], method: &Method, target: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(secret);
        for part in [method.as_str(), target] {
            hasher.update(part.as_bytes());
            // No method and no target has this byte.
            hasher.update(&[0]);
        }
        Self {
            hasher,
            is_over: false,
        }
    }

    /// The hash of the whole request; `None` when it was not read to its end.
    fn asked(&self) -> Option<Hash> {
        self.is_over.then(|| *self.hasher.finalize().as_bytes())
    }
}

/// A body that is hashed while somebody reads it.
struct Heard {
    body: BodyDataStream,
    hearing: Arc<Mutex<Hearing>>,
}

impl Heard {
    fn hearing(&self) -> std::sync::MutexGuard<'_, Hearing> {
        self.hearing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Heard {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let block = ready!(self.body.poll_next_unpin(context));
        let mut hearing = self.hearing();
        match &block {
            Some(Ok(bytes)) => {
                hearing.hasher.update(bytes);
            }
            Some(Err(_)) => {}
            None => hearing.is_over = true,
        }
        drop(hearing);
        Poll::Ready(block)
    }
}
