//! Serves connections, and waits for no client for ever.
//!
//! A client may vanish without a word: its machine loses power, or a firewall forgets the
//! connection. Three waits end by themselves, each with a name in `bounds`: for the head of the
//! next request, which is also how long an idle connection stays; for the next piece of a body
//! (`super::silence`); and for a machine that answers no probe (`super::listener`). How long a
//! whole upload takes is nobody's business.
//!
//! The loop is our own because `axum::serve` gives hyper no timer, and without one a head may take
//! for ever.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use super::listener::Bounded;

/// Serves until `closing`, and then until the last request has ended.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    head_after_max: Duration,
    closing: impl Future<Output = ()>,
) {
    let mut listener = Bounded::new(listener);
    let connections = GracefulShutdown::new();
    let mut closing = pin!(closing);
    loop {
        let (connection, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut closing => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(head_after_max);
        let served = http.serve_connection(TokioIo::new(connection), service);
        let served = connections.watch(served);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::trace!(%error, "a connection of the API broke off");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}
