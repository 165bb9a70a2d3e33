//! An end to silence: a body of which nothing comes for too long has broken off.
//!
//! Whoever reads the body hears of it as of any connection that breaks off. So a request of a
//! client that vanished in the middle ends, what was taken in of it stays, and its idempotency key
//! is free again. Any number of pieces may come, however slowly each follows the other.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{Stream, StreamExt, stream};

/// A body broke off by saying nothing for so long.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the body came for {0:?}")]
pub(super) struct Silence(Duration);

/// The silence behind an error of a body, if that is what it came of.
pub(super) fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Silence> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(silence) = error.downcast_ref() {
            return Some(silence);
        }
        cause = error.source();
    }
    None
}

/// The layer; its state is the longest silence.
pub(super) async fn end(
    State(after_max): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let heard = |body: Body| Body::from_stream(unless_silent(body.into_data_stream(), after_max));
    next.run(request.map(heard)).await
}

/// The pieces of a body, and an error in the place of the rest when nothing comes for too long.
fn unless_silent(
    body: BodyDataStream,
    after_max: Duration,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    let pieces = stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match tokio::time::timeout(after_max, body.next()).await {
            Ok(piece) => Some((piece?, Some(body))),
            Err(_) => Some((Err(axum::Error::new(Silence(after_max))), None)),
        }
    });
    // A refused request is read on behind its end.
    pieces.fuse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    const AFTER_MAX: Duration = Duration::from_secs(120);

    /// The pieces of a body that come after these seconds, and whether it then broke off, when
    /// nothing follows the last of them.
    async fn heard(after_seconds: &'static [u64]) -> (usize, bool) {
        let pieces = stream::iter(after_seconds).then(|&seconds| async move {
            let never = std::future::pending::<()>();
            drop(tokio::time::timeout(Duration::from_secs(seconds), never).await);
            Ok::<_, io::Error>(Bytes::from_static(b"x"))
        });
        let body = Body::from_stream(pieces.chain(stream::pending()));
        let pieces = unless_silent(body.into_data_stream(), AFTER_MAX);
        let pieces: Vec<_> = pieces.collect().await;
        let good = pieces.iter().filter(|piece| piece.is_ok()).count();
        (good, pieces.last().is_some_and(Result::is_err))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_breaks_off_after_a_silence_and_not_for_being_slow() {
        assert_eq!(heard(&[]).await, (0, true));
        assert_eq!(heard(&[0, 119, 119, 119]).await, (4, true));
        assert_eq!(heard(&[0, 121]).await, (1, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_ends_has_no_silence_behind_it() {
        let body = Body::from("all of it").into_data_stream();
        let pieces: Vec<_> = unless_silent(body, AFTER_MAX).collect().await;
        assert!(pieces.iter().all(Result::is_ok));
        assert_eq!(pieces.len(), 1);
    }
}
