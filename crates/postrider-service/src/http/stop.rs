//! How the API stops: first nothing new, then nobody new, then nothing at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use postrider_api::Code;
use tokio::sync::watch;

use super::Api;
use super::error::HttpError;

/// How far a stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Everything is taken.
    Serving,
    /// What is under way may end; nothing that changes anything is taken, and whoever asks is told.
    Draining,
    /// Nobody is let in any more; requests that are under way may end.
    Closing,
    /// What is under way is cut off.
    Over,
}

/// The stage, and a signal when it changes.
pub(crate) struct Stop(watch::Sender<Stage>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::Serving))
    }
}

impl Stop {
    /// Goes on to a later stage.
    pub(crate) fn advance(&self, stage: Stage) {
        self.0.send_if_modified(|current| {
            let is_later = stage > *current;
            *current = stage.max(*current);
            is_later
        });
    }

    pub(crate) fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    /// Waits for a stage.
    pub(crate) fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.0.subscribe();
        async move {
            // An error says that the sender is gone, which is as final as any stage.
            drop(receiver.wait_for(|current| *current >= stage).await);
        }
    }
}

/// Refuses what would change something while the service drains.
pub(super) async fn refuse(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST && api.stop.stage() > Stage::Serving {
        return stopping();
    }
    next.run(request).await
}

/// Cuts off what is still under way in the end.
pub(super) async fn cut(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    tokio::select! {
        response = next.run(request) => response,
        () = api.stop.reached(Stage::Over) => stopping(),
    }
}

fn stopping() -> Response {
    let detail = "the service is stopping; what was accepted is kept, send the rest after the \
                  next start";
    HttpError::new(Code::Draining, detail).into_response()
}
