//! The loop that takes connections: each gets a number and a task, or is turned away.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::bounds::{ACCEPT_REST, CONNECTIONS_REFUSED_MAX, STOP_WAIT_MAX};
use crate::connection::link::serve_delayed;
use crate::connection::{Caller, serve, turn_away};
use crate::server::doors::Gates;
use crate::server::shared::Shared;
use crate::world::locked;

/// Takes connections until the stop, then waits for those that are open.
pub(super) async fn accept(mut gates: Gates, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut number = 0;
    let mut connections = JoinSet::new();
    let mut refusals = JoinSet::new();
    loop {
        let (accepted, door, is_secure) = tokio::select! {
            accepted = gates.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            Some(_) = refusals.join_next() => continue,
            _ = stop.wait_for(|is_stopped| *is_stopped) => break,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "the mock cannot take a connection");
                sleep(ACCEPT_REST).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        number += 1;
        let caller = Caller {
            number,
            door,
            is_secure,
        };
        if connections.len() < shared.world.plan().profile.connections_max {
            connections.spawn(run(stream, caller, Arc::clone(&shared), stop.clone()));
        } else {
            locked(&shared.ledger).count_turned_away();
            if refusals.len() < CONNECTIONS_REFUSED_MAX {
                let shared = Arc::clone(&shared);
                refusals.spawn(async move { drop(turn_away(stream, caller, &shared).await) });
            }
        }
    }
    drop(gates);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_WAIT_MAX, all_ended).await.is_err() {
        tracing::warn!(
            open = connections.len(),
            "the mock cuts connections that did not end"
        );
    }
    connections.shutdown().await;
}

async fn run(stream: TcpStream, caller: Caller, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let _open = Open::count(&shared);
    let number = caller.number;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, number, "a connection was gone at once");
        return;
    }
    let rtt = shared.rtt;
    let served = if rtt.is_zero() {
        serve(stream, caller, Arc::clone(&shared), stop).await
    } else {
        let shared = Arc::clone(&shared);
        serve_delayed(stream, rtt, |link| serve(link, caller, shared, stop)).await
    };
    if let Err(error) = served {
        tracing::debug!(%error, number, "a connection ended early");
    }
}

/// Counts a connection as open for as long as it lives, also when its task is cancelled.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn count(shared: &'a Shared) -> Self {
        locked(&shared.ledger).count_opened();
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        locked(&self.0.ledger).count_closed();
    }
}
