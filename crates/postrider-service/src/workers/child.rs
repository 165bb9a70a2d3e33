//! The worker's side: a process that only sends, until its service says so or is gone.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use postrider_pipeline::places::{Place, Places, Wish};
use postrider_pipeline::{Settings, Status, SystemClock, Worker};
use postrider_store::remote::{self, Connected, Hello, Notes, RemoteError};
use postrider_store::{Share, Store};
use postrider_types::WorkerId;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::note::{FromWorker, PlaceId, Setup, ToWorker, read, written};
use crate::bounds::WORKER_STATUS_EVERY;
use crate::config::{Config, Problem, environment};
use crate::telemetry::{self, TelemetryError};
use crate::trial;
use crate::wiring::{self, SettingsError};

/// How the life of a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerEnd {
    /// It was told to, and has ended what was under way.
    Drained,
    /// Its service is gone. Whoever learns this exits at once.
    Orphaned,
    /// This task of it panicked. Whoever learns this exits at once, and is started again.
    Failed(&'static str),
}

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The service cannot be reached, or does not want it.
    #[error("the service cannot be reached")]
    Remote(#[from] RemoteError),
    /// The service said something that this version does not understand.
    #[error("the service did not say what to work by")]
    Setup,
    /// The configuration does not hold here: the environment, or a file that it names, is another.
    #[error("the configuration of the service cannot be used here: {0}")]
    Config(String),
    /// A file that the configuration names cannot be used.
    #[error("the settings cannot be used")]
    Settings(#[from] SettingsError),
    /// The log cannot be set up.
    #[error("the log cannot be set up")]
    Telemetry(#[from] TelemetryError),
}

/// Works for the service that listens at `socket`, as its worker `number`.
///
/// # Errors
/// [`WorkerError`]: it never began.
pub async fn run(socket: &Path, number: u8) -> Result<WorkerEnd, WorkerError> {
    // Whoever ends a whole group of processes ends the service, and that tells its workers.
    let stops = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ];
    let _deaf = stops.map(signal);
    let stream = UnixStream::connect(socket).await;
    let (from, to) = stream.map_err(RemoteError::Socket)?.into_split();
    let (connected, welcome, mut notes) = remote::connect(from, to, &Hello::new(number)).await?;
    // Here and no later: it tells what time it is at the service.
    let clock = SystemClock::starting_at(welcome.now);
    let first = notes.recv().await;
    let Some(ToWorker::Setup(setup)) = first.as_deref().and_then(read) else {
        return Err(WorkerError::Setup);
    };
    let config = config(&setup)?;
    telemetry::init(&config.log)?;
    let settings = settings(&config, &setup, (number, welcome.worker))?;
    let (errands, to_tell) = mpsc::unbounded_channel();
    let desk = Arc::new(Desk::new(errands));
    let worker = Worker::start(
        Store::remote(connected.clone()),
        settings,
        welcome.worker,
        Arc::clone(&desk) as Arc<dyn Places>,
        clock,
    );
    let office = Office {
        connected,
        desk,
        worker,
    };
    Ok(office.keep(notes, to_tell).await)
}

/// The configuration as the service read it.
fn config(setup: &Setup) -> Result<Config, WorkerError> {
    let name = &setup.config_name;
    let config = Config::load(&setup.config_text, name, &environment::read());
    let mut config = config.map_err(|problems: Vec<Problem>| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        WorkerError::Config(problems.join("; "))
    })?;
    config.server.data_dir.clone_from(&setup.data_dir);
    Ok(config)
}

/// What this worker is told of all that.
fn settings(
    config: &Config,
    setup: &Setup,
    (number, worker): (u8, WorkerId),
) -> Result<Settings, WorkerError> {
    let mut settings = wiring::settings(config)?;
    settings.lease.share = Share::new(number, setup.of).ok_or(WorkerError::Setup)?;
    settings.limits.spent_at = setup.spent_at;
    // A site may have domains in every share, so each worker keeps to its part of the site's rate.
    let workers = NonZeroU32::new(setup.of.into()).ok_or(WorkerError::Setup)?;
    settings.providers = Arc::new(settings.providers.with_rates_split(workers));
    let connections = settings.routes.connections_max();
    settings.in_hand = trial::worker_begins(&setup.data_dir, (number, worker), connections);
    Ok(settings)
}

/// What a worker does beside sending.
struct Office {
    connected: Connected,
    desk: Arc<Desk>,
    worker: Worker,
}

impl Office {
    async fn keep(
        self,
        mut notes: Notes,
        mut to_tell: mpsc::UnboundedReceiver<FromWorker>,
    ) -> WorkerEnd {
        let mut shown = Status::default();
        let mut turn = tokio::time::interval(WORKER_STATUS_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (drained_tx, mut drained) = oneshot::channel::<()>();
        let mut drained_tx = Some(drained_tx);
        let failed = self.worker.failed();
        tokio::pin!(failed);
        loop {
            tokio::select! {
                () = self.connected.over() => return WorkerEnd::Orphaned,
                task = &mut failed => return WorkerEnd::Failed(task),
                Some(note) = notes.recv() => match read(&note) {
                    Some(ToWorker::Place(place)) => self.desk.granted(place),
                    Some(ToWorker::Yield(route, site)) => {
                        self.worker.give_up_place(route, site).await;
                    }
                    Some(ToWorker::Ping) => drop(tokio::spawn(answer(
                        self.worker.clone(),
                        self.desk.errands.clone(),
                    ))),
                    Some(ToWorker::Drain(within)) => {
                        if let Some(drained) = drained_tx.take() {
                            tokio::spawn(drain(self.worker.clone(), within, drained));
                        }
                    }
                    Some(ToWorker::Setup(_)) | None => {}
                },
                Some(note) = to_tell.recv() => self.tell(&note).await,
                _ = turn.tick() => {
                    let status = self.worker.status();
                    if status != shown {
                        shown = status.clone();
                        self.tell(&FromWorker::Status(Box::new(status))).await;
                    }
                }
                _ = &mut drained => return WorkerEnd::Drained,
            }
        }
    }

    async fn tell(&self, note: &FromWorker) {
        self.connected.note(written(note)).await;
    }
}

async fn drain(worker: Worker, within: Duration, drained: oneshot::Sender<()>) {
    worker.drain(within).await;
    drained.send(()).ok();
}

/// Says that the core turns, as soon as it has.
async fn answer(worker: Worker, errands: mpsc::UnboundedSender<FromWorker>) {
    worker.is_answering().await;
    // Nobody listens any more when the worker ends.
    errands.send(FromWorker::Pong).ok();
}

type Waiting = Mutex<HashMap<PlaceId, oneshot::Sender<()>>>;

/// Asks the service for places.
struct Desk {
    last: AtomicU64,
    /// Those who wait for a place, by its name.
    waiting: Arc<Waiting>,
    /// At most two for each connection, the wish for its place and that it gives it back, and an
    /// answer to each ping.
    errands: mpsc::UnboundedSender<FromWorker>,
}

impl Desk {
    fn new(errands: mpsc::UnboundedSender<FromWorker>) -> Self {
        Self {
            last: AtomicU64::new(0),
            waiting: Arc::default(),
            errands,
        }
    }

    fn granted(&self, place: PlaceId) {
        // Whoever waits no more has given it back already.
        if let Some(waiting) = locked(&self.waiting).remove(&place) {
            waiting.send(()).ok();
        }
    }
}

fn locked(waiting: &Waiting) -> MutexGuard<'_, HashMap<PlaceId, oneshot::Sender<()>>> {
    // Nothing under this lock can panic half way.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places for Desk {
    fn take(&self, wish: Wish) -> BoxFuture<'static, Place> {
        let id = PlaceId(self.last.fetch_add(1, Ordering::Relaxed));
        let (granted, is_granted) = oneshot::channel();
        locked(&self.waiting).insert(id, granted);
        let errands = self.errands.clone();
        // With the process everything is given back, so nobody need listen.
        drop(errands.send(FromWorker::Wish(id, wish)));
        let waiting = Arc::clone(&self.waiting);
        let place = Place::new(move || {
            locked(&waiting).remove(&id);
            drop(errands.send(FromWorker::GiveBack(id)));
        });
        Box::pin(async move {
            // Dropped before it is granted, the wish is taken back with the place.
            match is_granted.await {
                Ok(()) => place,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use postrider_pipeline::settings::RouteId;
    use postrider_smtp::site::SiteName;

    use super::*;

    fn wish() -> Wish {
        Wish {
            route: RouteId::DEFAULT,
            route_max: 2,
            site: SiteName::of_host("mx.example.test"),
            site_max: 1,
        }
    }

    #[tokio::test]
    async fn a_place_is_given_back_when_it_is_dropped_and_a_wish_when_nobody_waits() {
        let (errands, mut told) = mpsc::unbounded_channel();
        let desk = Desk::new(errands);
        let place = desk.take(wish());
        let Some(FromWorker::Wish(id, _)) = told.recv().await else {
            panic!("no wish");
        };
        desk.granted(id);
        let place = place.await;
        assert!(told.try_recv().is_err());
        drop(place);
        assert!(matches!(told.recv().await, Some(FromWorker::GiveBack(given)) if given == id));

        let waiting = desk.take(wish());
        let Some(FromWorker::Wish(id, _)) = told.recv().await else {
            panic!("no wish");
        };
        drop(waiting);
        assert!(matches!(told.recv().await, Some(FromWorker::GiveBack(given)) if given == id));
        assert!(locked(&desk.waiting).is_empty());
    }
}
