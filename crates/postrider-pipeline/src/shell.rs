//! The tokio shell around the core: events in, effects out.
//!
//! One task owns the core. It takes whatever events have come, lets the core decide, and hands
//! all requests to the store together, so that what happened on several connections at once
//! shares a commit. It never waits for anything but the next event or the next instant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_message::{Limits, MessageKey};
use postrider_store::{Request, Store};
use postrider_types::{EmailId, TenantId, Timestamp, WorkerId};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::bounds::{COMMANDS_WAITING_MAX, EVENTS_PER_TURN_MAX, EVENTS_WAITING_MAX};
use crate::clock::{Clock, SystemClock};
use crate::core::{ConnectionId, Core, Effect, Event, RequestId};
use crate::courier::{Command, Courier};
use crate::recovery;
use crate::rehydrate::Bodies;
use crate::report;
use crate::settings::{RouteSettings, Settings};
use crate::status::Status;

/// The shell as the rest of the process sees it.
pub(crate) struct Shell {
    events: mpsc::Sender<Event>,
    status: Arc<Mutex<Status>>,
    progress: watch::Sender<u64>,
    drained: watch::Receiver<bool>,
    /// Says that everything is to end now.
    over: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

/// Starts the tasks of a shell: the core, and those that bring it news.
pub(crate) fn start(store: Store, settings: Settings, clock: SystemClock) -> Shell {
    let (events, received) = mpsc::channel(EVENTS_WAITING_MAX);
    let (progress, _) = watch::channel(0);
    let (drained_tx, drained) = watch::channel(false);
    let (over, is_over) = watch::channel(false);
    let status = Arc::<Mutex<Status>>::default();
    let mut rng: StdRng = rand::make_rng();
    let worker = WorkerId(rng.random());
    let limits = Limits {
        email_bytes_max: settings.email_bytes_max,
    };
    let lease_time = settings.lease.time;
    let first = if settings.is_sending {
        Event::Filed
    } else {
        Event::Drain
    };
    let run = Run {
        bodies: Arc::new(Bodies::new(store.clone(), settings.cache, limits)),
        key: MessageKey(store.message_key()),
        route: Arc::new(settings.route.clone()),
        core: Core::new(settings, worker),
        store: store.clone(),
        clock,
        rng,
        couriers: HashMap::new(),
        work: JoinSet::new(),
        events: events.clone(),
        status: Arc::clone(&status),
        progress: progress.clone(),
        drained: drained_tx,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(run.run(first, received, is_over.clone()));
    tasks.spawn(until(
        is_over.clone(),
        listen(store.clone(), events.clone()),
    ));
    tasks.spawn(until(is_over, reap(store, clock, lease_time)));
    let tasks = Mutex::new(tasks);
    Shell {
        events,
        status,
        progress,
        drained,
        over,
        tasks,
    }
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
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        // They end by themselves, and with them the handles of the store that they hold.
        tasks.join_all().await;
    }
}

/// Tells the core that there may be work.
async fn listen(store: Store, events: mpsc::Sender<Event>) {
    loop {
        store.work_came().await;
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

/// What the core's task owns.
struct Run {
    core: Core,
    store: Store,
    clock: SystemClock,
    rng: StdRng,
    bodies: Arc<Bodies>,
    key: MessageKey,
    route: Arc<RouteSettings>,
    couriers: HashMap<ConnectionId, mpsc::Sender<Command>>,
    /// Everything that was started and has not ended: couriers, requests, loads.
    work: JoinSet<()>,
    events: mpsc::Sender<Event>,
    status: Arc<Mutex<Status>>,
    progress: watch::Sender<u64>,
    drained: watch::Sender<bool>,
}

impl Run {
    async fn run(
        mut self,
        first: Event,
        mut received: mpsc::Receiver<Event>,
        mut is_over: watch::Receiver<bool>,
    ) {
        self.turn(vec![first]);
        loop {
            let wake_at = self.core.wake_at();
            let first = tokio::select! {
                event = received.recv() => match event {
                    Some(event) => event,
                    None => return,
                },
                () = self.sleep_until(wake_at) => Event::Time,
                () = end(&mut is_over) => return self.work.shutdown().await,
            };
            let mut events = vec![first];
            while events.len() < EVENTS_PER_TURN_MAX
                && let Ok(event) = received.try_recv()
            {
                events.push(event);
            }
            self.turn(events);
            while self.work.try_join_next().is_some() {}
        }
    }

    async fn sleep_until(&self, wake_at: Option<Timestamp>) {
        match wake_at.filter(|at| *at != Timestamp::NEVER) {
            Some(at) => tokio::time::sleep(at.since(self.clock.now())).await,
            None => std::future::pending().await,
        }
    }

    /// Lets the core decide on some events, and does what it wants.
    fn turn(&mut self, events: Vec<Event>) {
        let mut requests = Vec::new();
        let mut is_progress = false;
        for event in events {
            if !self.is_news(&event) {
                continue;
            }
            is_progress |= matches!(event, Event::Answered(..));
            let now = self.clock.now();
            for effect in self.core.handle(event, now, &mut self.rng) {
                match effect {
                    Effect::Ask(id, request) => requests.push((id, request)),
                    effect => self.carry_out(effect),
                }
            }
        }
        if !requests.is_empty() {
            self.ask(requests);
        }
        self.show();
        if is_progress {
            self.progress.send_modify(|count| *count += 1);
        }
    }

    /// A body that came when nobody held it any more is not in memory; whoever holds it since has
    /// asked for it too.
    fn is_news(&self, event: &Event) -> bool {
        match event {
            Event::Held(email, Ok(())) => self.bodies.get(*email).is_some(),
            _ => true,
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Ask(id, request) => self.ask(vec![(id, request)]),
            Effect::Hold(tenant, email) => self.hold(tenant, email),
            Effect::LetGo(email) => self.bodies.let_go(email),
            Effect::Connect(connection) => self.connect(connection),
            Effect::Transmit(connection, job) => match self.bodies.get(job.chunk.email) {
                Some(body) => self.tell(connection, Command::Transmit(job, body)),
                None => debug_assert!(false, "the core sends only what is held"),
            },
            Effect::Dot(connection) => self.tell(connection, Command::Dot),
            Effect::Abandon(connection) => self.tell(connection, Command::Abandon),
            Effect::Quit(connection) => {
                self.tell(connection, Command::Quit);
                self.couriers.remove(&connection);
            }
            Effect::Drained => drop(self.drained.send(true)),
        }
    }

    /// All requests of a turn go together: one commit, one answer each.
    fn ask(&mut self, requests: Vec<(RequestId, Request)>) {
        let (store, events) = (self.store.clone(), self.events.clone());
        self.work.spawn(async move {
            let (ids, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
            let answers = match store.submit(requests).await {
                Ok(replies) => replies.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); ids.len()],
            };
            for (id, answer) in ids.into_iter().zip(answers) {
                drop(events.send(Event::Answered(id, answer)).await);
            }
        });
    }

    fn hold(&mut self, tenant: TenantId, email: EmailId) {
        self.bodies.hold(email);
        let (bodies, events) = (Arc::clone(&self.bodies), self.events.clone());
        self.work.spawn(async move {
            let held = bodies.bring(tenant, email).await;
            drop(events.send(Event::Held(email, held)).await);
        });
    }

    fn connect(&mut self, connection: ConnectionId) {
        let (sender, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
        self.couriers.insert(connection, sender);
        let courier = Courier {
            connection,
            route: Arc::clone(&self.route),
            key: self.key.clone(),
            commands,
            events: self.events.clone(),
        };
        self.work.spawn(courier.run());
    }

    fn tell(&self, connection: ConnectionId, command: Command) {
        let told = self
            .couriers
            .get(&connection)
            .map(|courier| courier.try_send(command));
        debug_assert!(
            matches!(told, Some(Ok(()))),
            "a courier takes every command of its turn"
        );
    }

    fn show(&self) {
        let core = self.core.status();
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        *status = Status {
            connections: core.connections,
            messages_in_flight: core.in_flight,
            chunks_held: core.hands,
            route_trouble: core.route_trouble,
            store_trouble: core.store_trouble,
            bodies_loaded: self.bodies.loaded(),
            is_draining: core.is_draining,
        };
    }
}
