//! The tokio shell around the core: events in, effects out.
//!
//! One task owns the core (`run`). It takes whatever events have come, lets the core decide, and
//! hands all requests to the store together, so that what happened on several connections at once
//! shares a commit. Here is what starts it, what stands beside it, and what ends it.

mod run;
mod showing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use postrider_message::{Limits, MessageKey};
use postrider_smtp::site::SiteName;
use postrider_store::Store;
use postrider_types::{Timestamp, WorkerId};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::alarm::Alarm;
use crate::bounds::EVENTS_WAITING_MAX;
use crate::clock::{Clock, SystemClock};
use crate::compose::Composer;
use crate::core::{Core, Event};
use crate::places::Places;
use crate::recovery;
use crate::rehydrate::{Bodies, Preparing};
use crate::report;
use crate::settings::{RouteId, Settings};
use crate::status::Status;
use run::Run;

/// The shell as the rest of the process sees it.
pub(crate) struct Shell {
    events: mpsc::Sender<Event>,
    status: Arc<Mutex<Status>>,
    progress: watch::Sender<u64>,
    drained: watch::Receiver<bool>,
    /// Says that everything is to end now.
    over: watch::Sender<bool>,
    /// Who wants to know whether the core's task takes turns.
    asks: mpsc::Sender<oneshot::Sender<()>>,
    alarm: Alarm,
    tasks: Mutex<JoinSet<()>>,
}

/// What a shell is for.
pub(crate) enum Role {
    /// It works for the process that owns the store, and looks after leases.
    Owner,
    /// It only sends, beside others.
    Worker {
        /// The name under which it claims.
        id: WorkerId,
        /// Where it gets places for connections.
        places: Arc<dyn Places>,
    },
}

/// Starts the tasks of a shell: the core, and those that bring it news.
pub(crate) fn start(
    store: Store,
    settings: Settings,
    role: Role,
    alarm: Alarm,
    clock: SystemClock,
) -> Shell {
    let (events, received) = mpsc::channel(EVENTS_WAITING_MAX);
    let (asks, asked) = mpsc::channel(1);
    let (progress, _) = watch::channel(0);
    let (drained_tx, drained) = watch::channel(false);
    let (over, is_over) = watch::channel(false);
    let status = Arc::<Mutex<Status>>::default();
    let mut rng: StdRng = rand::make_rng();
    let (worker, places) = match role {
        Role::Owner => {
            let noted = settings.in_hand.as_ref().map(|in_hand| in_hand.worker());
            (noted.unwrap_or_else(|| WorkerId(rng.random())), None)
        }
        Role::Worker { id, places } => (id, Some(places)),
    };
    let is_owner = places.is_none();
    let lease_time = settings.lease.time;
    let first = if settings.is_sending {
        Event::Filed
    } else {
        Event::Drain
    };
    let (bodies, composer) = makers(&store, &settings);
    let run = Run {
        bodies,
        composer,
        routes: settings
            .routes
            .all()
            .map(|(_, route)| Arc::new(route.clone()))
            .collect(),
        core: Core::new(settings, worker),
        store: store.clone(),
        places,
        clock,
        rng,
        couriers: HashMap::new(),
        asked: FuturesUnordered::new(),
        work: JoinSet::new(),
        events: events.clone(),
        status: Arc::clone(&status),
        counts_shown: (0, Timestamp::EPOCH),
        progress: progress.clone(),
        drained: drained_tx,
        alarm: alarm.clone(),
    };
    let mut tasks = JoinSet::new();
    let core = run.run(first, (received, asked), is_over.clone());
    tasks.spawn(alarm.guard("the core", core));
    let listening = until(is_over.clone(), listen(store.clone(), events.clone()));
    tasks.spawn(alarm.guard("the task that listens to the store", listening));
    if is_owner {
        let reaping = until(is_over, reap(store, clock, lease_time));
        tasks.spawn(alarm.guard("the task that ends leases", reaping));
    }
    let tasks = Mutex::new(tasks);
    Shell {
        events,
        status,
        progress,
        drained,
        over,
        asks,
        alarm,
        tasks,
    }
}

/// What makes messages: the bodies in memory, and who composes. They share who is alone, and where
/// it is noted who is in hand.
fn makers(store: &Store, settings: &Settings) -> (Arc<Bodies>, Composer) {
    let preparing = Preparing {
        solo: Arc::default(),
        in_hand: settings.in_hand.clone(),
    };
    let composer = Composer {
        key: MessageKey(store.message_key()),
        settings: Arc::new(settings.message.clone()),
        solo: Arc::clone(&preparing.solo),
        in_hand: preparing.in_hand.clone(),
    };
    let limits = Limits {
        email_bytes_max: settings.email_bytes_max,
    };
    let bodies = Bodies::new(store.clone(), settings.cache, limits, preparing);
    (Arc::new(bodies), composer)
}

/// Lets a task run until everything is to end.
async fn until(mut is_over: watch::Receiver<bool>, task: impl Future<Output = ()>) {
    tokio::select! {
        () = task => {}
        () = end(&mut is_over) => {}
    }
}

/// Waits until everything is to end; a shell that is gone is over too.
async fn end(is_over: &mut watch::Receiver<bool>) {
    drop(is_over.wait_for(|is_over| *is_over).await);
}

impl Shell {
    pub(crate) fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    pub(crate) fn made_progress(&self) {
        self.progress.send_modify(|count| *count += 1);
    }

    pub(crate) fn status(&self) -> Status {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells the core that another worker waits for the place of a connection.
    pub(crate) async fn give_up_place(&self, route: RouteId, site: SiteName) {
        drop(self.events.send(Event::Yield(route, site)).await);
    }

    /// Waits until the core's task takes a turn. One that has ended answers at once: what it was
    /// to do is done, or the alarm rings.
    pub(crate) async fn is_answering(&self) {
        let (answer, answered) = oneshot::channel();
        if self.asks.send(answer).await.is_ok() {
            drop(answered.await);
        }
    }

    pub(crate) const fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// Asks the core to drain, waits, and drops what is left.
    pub(crate) async fn drain(&self, within: Duration) {
        let drained = async {
            drop(self.events.send(Event::Drain).await);
            drop(
                self.drained
                    .clone()
                    .wait_for(|is_drained| *is_drained)
                    .await,
            );
        };
        if tokio::time::timeout(within, drained).await.is_err() {
            tracing::warn!("some messages had no reply in time; they are in doubt");
        }
        self.over.send_replace(true);
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        // They end by themselves, and with them the handles of the store that they hold; one that
        // has panicked has told so.
        while tasks.join_next().await.is_some() {}
    }
}

/// Tells the core that there may be work.
async fn listen(store: Store, events: mpsc::Sender<Event>) {
    let mut work = store.work();
    loop {
        work.came().await;
        if events.send(Event::Filed).await.is_err() {
            return;
        }
    }
}

/// Ends leases that ran out, in bounded steps; a run never overlaps the next.
async fn reap(store: Store, clock: SystemClock, lease_time: Duration) {
    let mut interval = tokio::time::interval(lease_time);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = recovery::reap(&store, clock.now()).await {
            tracing::warn!(error = %report::chain(&error), "leases that ran out could not be ended");
        }
    }
}
