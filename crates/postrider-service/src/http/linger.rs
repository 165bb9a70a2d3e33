//! Reading on after a refusal.
//!
//! A client that is still writing when the answer comes, and finds the connection closed, sees a
//! broken pipe instead of the answer. So what is left of a refused request is read and thrown
//! away, up to a bound, before the answer goes out. A client that waits for permission to write
//! (`Expect: 100-continue`) is not asked to.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::bounds::{LINGER_AFTER_MAX, LINGER_BYTES_MAX};

pub(super) async fn linger(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut shared = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let body = Body::from_stream(shared.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    if !response.status().is_success() {
        let read_on = shared.read_on();
        // When time is up the client has to bear it.
        drop(tokio::time::timeout(LINGER_AFTER_MAX, read_on).await);
    }
    response
}

/// A body that its handler reads, and whoever comes after it too.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Shared {
    async fn read_on(&mut self) {
        let mut left = LINGER_BYTES_MAX;
        while let Some(Ok(bytes)) = self.next().await {
            let Some(less) = left.checked_sub(bytes.len()) else {
                return;
            };
            left = less;
        }
    }
}

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context)
    }
}
