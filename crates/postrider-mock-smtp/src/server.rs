//! The server: takes connections from a listener, bounds them, and ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::bounds::{ACCEPT_REST, CONNECTIONS_REFUSED_MAX, STOP_WAIT_MAX};
use crate::clock::Clock;
use crate::connection::{Shared, serve, turn_away};
use crate::error::MockError;
use crate::log::Log;
use crate::profile::Profile;
use crate::tally::{Duplicate, Tally};
use crate::world::{World, locked};

/// What a server keeps of what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where every accept is appended before its 250 leaves; without it nothing is written.
    pub log: Option<PathBuf>,
    /// Whether the arrival of each MAIL command is kept in memory, and written to the log.
    pub is_recording_mails: bool,
}

impl Settings {
    /// No file; MAIL times are kept.
    pub fn in_memory() -> Self {
        Self {
            log: None,
            is_recording_mails: true,
        }
    }

    /// A file, with accepts and MAIL times.
    pub fn logged(path: impl Into<PathBuf>) -> Self {
        Self {
            log: Some(path.into()),
            is_recording_mails: true,
        }
    }
}

/// A running server. Dropping it cuts all connections; [`stop`](Self::stop) ends it in order.
#[derive(Debug)]
pub struct MockServer {
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl MockServer {
    /// Serves the listener from now on. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`MockError`] when the profile is out of bounds, the log cannot be opened, or the listener
    /// has no address.
    pub fn start(
        listener: TcpListener,
        profile: Profile,
        settings: Settings,
    ) -> Result<Self, MockError> {
        let local_addr = listener.local_addr().map_err(MockError::Listener)?;
        let shared = Arc::new(Shared {
            world: World::new(profile.checked()?),
            clock: Clock::start(),
            ledger: Mutex::default(),
            log: settings.log.as_deref().map(Log::open).transpose()?,
            is_recording_mails: settings.is_recording_mails,
        });
        let (stop, is_stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), is_stopped));
        Ok(Self {
            local_addr,
            shared,
            stop,
            accepting,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The numbers now. Whoever has read a 250 finds its accept counted.
    pub fn tally(&self) -> Tally {
        locked(&self.shared.ledger).tally()
    }

    /// How often a recipient was accepted.
    pub fn accepted_of(&self, recipient: &str) -> u32 {
        locked(&self.shared.ledger).accepted_of(recipient)
    }

    /// When MAIL commands for a domain arrived, in microseconds since the epoch, in the order of
    /// their RCPT; none unless [`Settings::is_recording_mails`].
    pub fn mail_times_of(&self, domain: &str) -> Vec<i64> {
        locked(&self.shared.ledger).mail_times_of(domain).to_vec()
    }

    /// The first thousand accepts that came again, by Message-ID or by campaign.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        locked(&self.shared.ledger).duplicates().to_vec()
    }

    /// Takes no more connections, tells clients 421, waits at most five seconds for them, and
    /// answers with the last numbers.
    pub async fn stop(mut self) -> Tally {
        self.stop.send_replace(true);
        // An accept loop that panicked has stopped too.
        drop((&mut self.accepting).await);
        self.tally()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut number = 0;
    let mut connections = JoinSet::new();
    let mut refusals = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            Some(_) = refusals.join_next() => continue,
            _ = stop.wait_for(|is_stopped| *is_stopped) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the mock cannot take a connection");
                sleep(ACCEPT_REST).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        if connections.len() < shared.world.profile.connections_max {
            number += 1;
            connections.spawn(run(stream, number, Arc::clone(&shared), stop.clone()));
        } else {
            locked(&shared.ledger).count_turned_away();
            if refusals.len() < CONNECTIONS_REFUSED_MAX {
                let shared = Arc::clone(&shared);
                refusals.spawn(async move { drop(turn_away(stream, &shared).await) });
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_WAIT_MAX, all_ended).await.is_err() {
        tracing::warn!(
            open = connections.len(),
            "the mock cuts connections that did not end"
        );
    }
    connections.shutdown().await;
}

async fn run(stream: TcpStream, number: u64, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let _open = Open::count(&shared);
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, number, "a connection was gone at once");
        return;
    }
    if let Err(error) = serve(stream, number, Arc::clone(&shared), stop).await {
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
