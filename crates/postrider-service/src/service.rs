//! The daemon: one store, one pipeline and one listener, from start to drain.

mod error;
mod home;
mod release;
mod standstill;
mod taking_up;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postrider_pipeline::intake::Audiences;
use postrider_pipeline::{Postrider, SystemClock};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::bounds::{
    CUT_AFTER_MAX, HTTP_HEAD_AFTER_MAX, HTTP_SILENCE_AFTER_MAX, SETTLED_AFTER_MAX,
};
use crate::config::Config;
use crate::http::stop::Stage;
use crate::http::{self, Api};
use crate::key::ApiKey;
use crate::metrics::Metrics;
use crate::trial::Trials;
use crate::workers::{Employer, WorkerOptions, Workers};
use crate::{retention, wiring};

pub use error::StartError;
use home::Home;
use standstill::{Watch, Watched};

/// Where everything durable is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// In memory: lost at the end. For tests and for trying out.
    Memory,
    /// In SQLite, in the data directory of the configuration.
    Sqlite,
}

/// What a start is told beside the configuration.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// Where everything durable is kept.
    pub store: StoreKind,
    /// Whether anything is sent; without it, a store is only looked at and fed.
    pub is_sending: bool,
    /// The command, which takes `worker` and `trial`: it is started for those who send, and for
    /// whom a process had in hand when it died.
    pub program: PathBuf,
    /// Which processes send; without any, the service itself does.
    pub workers: Option<WorkerOptions>,
}

/// A running service. When it is dropped without [`Service::stop`], it goes on until the runtime
/// ends, and what is under way is then lost as in a crash, which is safe.
pub struct Service {
    api: Arc<Api>,
    local_addr: SocketAddr,
    server: JoinHandle<()>,
    home: Home,
    /// The work that goes on by itself, beside the pipeline's.
    upkeep: JoinSet<()>,
    /// Who watches whether it stands still, when no supervisor does.
    watch: Option<Watch>,
}

/// Listens where the configuration says.
///
/// # Errors
/// [`StartError::Listen`] when the port is taken, or the address is not ours.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listening = TcpListener::bind(address).await;
    listening.map_err(|source| StartError::Listen { address, source })
}

impl Service {
    /// Opens the store, takes up what an earlier process left, and serves the API on `listener`.
    ///
    /// Whoever waits for it may give up: until it returns nothing is sent, and what an earlier
    /// process had in hand stays noted until all of it is tried and recorded. A trial that runs
    /// then is killed and condemns nobody.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then, and nothing durable was changed.
    pub async fn start(
        config: Config,
        listener: TcpListener,
        key: ApiKey,
        options: StartOptions,
    ) -> Result<Self, StartError> {
        let local_addr = listener.local_addr().map_err(StartError::System)?;
        if key.is_dev() && !is_loopback(local_addr) {
            return Err(StartError::DevKey {
                address: local_addr,
            });
        }
        let mut settings = wiring::settings(&config)?;
        let workers = options.workers.filter(|_| options.is_sending);
        settings.is_sending = options.is_sending && workers.is_none();
        let clock = SystemClock::start();
        let (store, home) = home::open(&config, options.store, clock).await?;

        let metrics = Metrics::start(&store).await?;
        let (intake, limits) = (settings.intake, settings.limits.clone());
        let email_bytes_max = settings.email_bytes_max;
        let spill_dir = home.spill_dir();
        let audiences = Audiences::new(&store, Arc::new(clock), intake, &limits, spill_dir);
        let trials = Trials::new(options.program.clone(), &config);
        // What is only looked at tries nobody.
        let tries = options.is_sending.then_some(&trials);
        let data_dir = config.server.data_dir.clone();
        let is_owner = workers.is_some() || matches!(home, Home::DataDir(_));
        let is_watched = settings.is_sending && is_owner;
        let watched = is_watched.then(|| Watched {
            data_dir: data_dir.clone(),
            lease_time: config.lease.time,
        });
        // Whatever can fail comes before anything is sent.
        let watch = |watched: Watched| watched.watch(clock);
        let mut watch = watched.map(watch).transpose().map_err(StartError::System)?;
        let postrider = match is_owner {
            true => taking_up::start(store, settings, clock, &data_dir, tries).await?,
            false => Postrider::start(store, settings, clock).await?,
        };
        if let Some(watch) = &mut watch {
            watch.begin(postrider.clone());
        }
        let employer = Employer {
            program: options.program,
            trials,
            data_dir,
            lease_time: config.lease.time,
            postrider: postrider.clone(),
            clock,
        };
        let start = |options| Workers::start(options, employer);
        let workers = workers.map(start).transpose()?;
        let in_doubt = config.in_doubt;
        // What is only looked at stays as it is.
        let retained = config.retention.receipts.filter(|_| options.is_sending);
        let upkeep = retention::start(&postrider, clock, retained);
        let mut api = Api::new(
            postrider,
            audiences,
            key,
            metrics,
            clock,
            in_doubt,
            email_bytes_max,
        );
        api.workers = workers;
        let api = Arc::new(api);
        let server = tokio::spawn(serve(listener, Arc::clone(&api)));
        tracing::info!(address = %local_addr, "the service is running");
        Ok(Self {
            api,
            local_addr,
            server,
            home,
            upkeep,
            watch,
        })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where a client on this machine finds it, such as `http://127.0.0.1:8420`.
    pub fn endpoint(&self) -> String {
        let mut address = self.local_addr;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}")
    }

    /// The pipeline in it.
    pub fn postrider(&self) -> &Postrider {
        &self.api.postrider
    }

    #[cfg(test)]
    pub(crate) fn api(&self) -> Arc<Api> {
        Arc::clone(&self.api)
    }

    /// Waits until it is of no use any more, and says why: a part of it panicked, the API is served
    /// no more, or a message that it renders is never done. Who runs it stops it then, says so, and
    /// ends with a failure, so that whoever watches the process starts another; waits for ever
    /// while all is well.
    pub async fn failed(&mut self) -> String {
        let failed = self.api.postrider.failed();
        let stopping = self.api.stop.reached(Stage::Draining);
        let server = &mut self.server;
        let stands_still = async {
            match &mut self.watch {
                Some(watch) => watch.stands_still().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            failed = failed => failed,
            still = stands_still => still,
            _ = server => "the API is served no more".to_owned(),
            () = stopping => std::future::pending().await,
        }
    }

    /// Drains: takes nothing new, ends what is under way, gives the rest back and closes the
    /// store. What is not done after `within` is cut off, as a crash would, which is safe; where not
    /// even that can be done because it stands still, its process is ended. When this returns,
    /// another service may open the same data directory.
    pub async fn stop(self, within: Duration) {
        tracing::info!("the service is draining");
        self.api.stop.advance(Stage::Draining);
        let mut upkeep = self.upkeep;
        upkeep.shutdown().await;
        let mut server = self.server;
        let since = Instant::now();
        let drained = async {
            if let Some(workers) = &self.api.workers {
                workers.drain(within).await;
            }
            self.api.postrider.drain(within).await;
        };
        // Whoever renders for ever drains for ever.
        let drained = tokio::time::timeout(within + SETTLED_AFTER_MAX, drained).await;
        if drained.is_err() {
            tracing::warn!("what is under way does not end, and is cut off");
        }
        // All threads may hang in a drain, and with them whatever bounds it.
        drop(self.watch);
        // Until here it could be asked how far the drain has come.
        self.api.stop.advance(Stage::Closing);
        let serving = async {
            // It may have been waited for already.
            if !server.is_finished() {
                drop((&mut server).await);
            }
        };
        let left = within.saturating_sub(since.elapsed()).max(CUT_AFTER_MAX);
        if tokio::time::timeout(left, serving).await.is_err() {
            tracing::warn!("requests were cut off because they did not end in time");
            self.api.stop.advance(Stage::Over);
            if tokio::time::timeout(CUT_AFTER_MAX, &mut server)
                .await
                .is_err()
            {
                server.abort();
            }
        }
        // The last handle of a store waits for its writer.
        let api = self.api;
        let dropped = tokio::task::spawn_blocking(move || drop(api)).await;
        let is_closed = match &self.home {
            Home::DataDir(data_dir) => release::released(data_dir, CUT_AFTER_MAX).await,
            Home::Spill(_) => true,
        };
        if dropped.is_err() || !is_closed {
            tracing::error!("the store was not closed in order; it recovers at the next start");
        }
        tracing::info!("the service has stopped");
    }
}

/// Serves until everything else is drained, and then until the last request has ended.
async fn serve(listener: TcpListener, api: Arc<Api>) {
    let closing = api.stop.reached(Stage::Closing);
    let router = http::router(api, HTTP_SILENCE_AFTER_MAX);
    http::serve::serve(listener, router, HTTP_HEAD_AFTER_MAX, closing).await;
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
