//! The control port: what a test or a person asks of a mock that runs, over HTTP and JSON.
//!
//! It listens on loopback only, since whoever reaches it can change what the mock does. Requests are
//! bounded; a list longer than the bound is sent in several. An error is a sentence.
//!
//! What is asked often (`/progress`) costs no more than a lock; what is big (`/expect`, `/receipts`)
//! gives the lock back every thousand lines, so that no connection waits for it.

pub(crate) mod samples;

mod answers;
mod change;
mod listener;
mod lists;
mod refusal;
#[cfg(test)]
mod tests;
pub mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bounds::CONTROL_BODY_BYTES_MAX;
use crate::control::listener::Bounded;
use crate::control::wire::Home;
use crate::error::MockError;
use crate::judge::lateness::LatenessWatch;
use crate::server::MockServer;
use crate::server::shared::Shared;

/// A control port that is served. It ends when this is dropped; the mock itself goes on.
#[derive(Debug)]
pub struct Control {
    local_addr: SocketAddr,
    serving: JoinHandle<()>,
    _lateness: LatenessWatch,
}

impl Control {
    /// Serves the control port of a mock. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`MockError`] when the listener has no address, or one that others can reach.
    pub fn start(listener: TcpListener, mock: &MockServer) -> Result<Self, MockError> {
        let local_addr = listener.local_addr().map_err(MockError::Listener)?;
        if !local_addr.ip().is_loopback() {
            return Err(MockError::Value {
                text: local_addr.to_string(),
                expected: "a loopback address, which a control port must have",
            });
        }
        let desk = Arc::new(Desk {
            shared: Arc::clone(mock.shared()),
            smtp: mock.local_addr(),
            log: mock.log_path().map(PathBuf::from),
        });
        let serving = tokio::spawn(async move {
            let served = axum::serve(Bounded::new(listener), router(desk)).await;
            if let Err(error) = served {
                tracing::error!(%error, "the control port has ended");
            }
        });
        Ok(Self {
            local_addr,
            serving,
            _lateness: mock.watch_lateness(),
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What every answer is made from.
#[derive(Debug)]
struct Desk {
    shared: Arc<Shared>,
    smtp: SocketAddr,
    log: Option<PathBuf>,
}

impl Desk {
    fn home(&self) -> Home {
        Home {
            name: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            profile: self.shared.world.plan().profile.name.clone(),
            smtp: self.smtp,
            providers: self.shared.doors.open_ones(),
            pid: std::process::id(),
        }
    }
}

fn router(desk: Arc<Desk>) -> Router {
    let profile = get(change::show).put(change::replace).patch(change::merge);
    Router::new()
        .route("/", get(answers::home))
        .route("/tally", get(answers::tally))
        .route("/progress", get(answers::progress))
        .route("/verdict", get(answers::verdict))
        .route("/accepts", get(answers::accepts))
        .route("/sample", get(answers::sample))
        .route("/expect", post(lists::expect))
        .route("/receipts", post(lists::receipts))
        .route("/profile", profile)
        .route("/reset", post(change::reset))
        .fallback(refusal::unknown_path)
        .method_not_allowed_fallback(refusal::unknown_method)
        .layer(DefaultBodyLimit::max(CONTROL_BODY_BYTES_MAX))
        .with_state(desk)
}
