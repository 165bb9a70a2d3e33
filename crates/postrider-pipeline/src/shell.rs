//! The tokio shell around the core: events in, effects out.
//!
//! One task owns the core. It takes whatever events have come, lets the core decide, and hands
//! all requests to the store together, so that what happened on several connections at once
//! shares a commit. It never waits for anything but the next event or the next instant.

mod showing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use postrider_message::{Limits, MessageKey};
use postrider_smtp::Extensions;
use postrider_smtp::site::{SiteName, Target};
use postrider_store::{Request, Store};
use postrider_types::{EmailId, TenantId, Timestamp, WorkerId};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::alarm::Alarm;
use crate::bounds::{COMMANDS_WAITING_MAX, EVENTS_PER_TURN_MAX, EVENTS_WAITING_MAX};
use crate::clock::{Clock, SystemClock};
use crate::compose::Composer;
use crate::core::{ConnectionId, Core, Effect, Event, RequestId};
use crate::courier::{Command, Courier};
use crate::failpoints;
use crate::places::{Places, Wish};
use crate::recovery;
use crate::rehydrate::Bodies;
use crate::report;
use crate::settings::{NextHop, RouteId, RouteSettings, Settings};
use crate::status::Status;

/// The shell as the rest of the process sees it.
pub(crate) struct Shell {
    events: mpsc::Sender<Event>,
    status: Arc<Mutex<Status>>,
    progress: watch::Sender<u64>,
    drained: watch::Receiver<bool>,
    /// Says that everything is to end now.
    over: watch::Sender<bool>,
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
pub(crate) fn start(store: Store, settings: Settings, role: Role, clock: SystemClock) -> Shell {
    let (events, received) = mpsc::channel(EVENTS_WAITING_MAX);
    let (progress, _) = watch::channel(0);
    let (drained_tx, drained) = watch::channel(false);
    let (over, is_over) = watch::channel(false);
    let status = Arc::<Mutex<Status>>::default();
    let alarm = Alarm::new();
    let mut rng: StdRng = rand::make_rng();
    let (worker, places) = match role {
        Role::Owner => (WorkerId(rng.random()), None),
        Role::Worker { id, places } => (id, Some(places)),
    };
    let is_owner = places.is_none();
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
        composer: Composer {
            key: MessageKey(store.message_key()),
            settings: Arc::new(settings.message.clone()),
        },
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
    let core = run.run(first, received, is_over.clone());
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
        alarm,
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

    /// Tells the core that another worker waits for the place of a connection.
    pub(crate) async fn give_up_place(&self, route: RouteId, site: SiteName) {
        drop(self.events.send(Event::Yield(route, site)).await);
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

/// Waits for the instant that the core named, if there is one.
async fn sleep_until(wake_at: Option<Timestamp>, clock: SystemClock) {
    match wake_at.filter(|at| *at != Timestamp::NEVER) {
        Some(at) => tokio::time::sleep(at.since(clock.now())).await,
        None => std::future::pending().await,
    }
}

/// The answers to what one turn asked.
type Answers = Vec<Event>;

/// What the core's task owns.
struct Run {
    core: Core,
    store: Store,
    /// Where places for connections come from, when there are other workers.
    places: Option<Arc<dyn Places>>,
    clock: SystemClock,
    rng: StdRng,
    bodies: Arc<Bodies>,
    composer: Composer,
    /// By their ids.
    routes: Vec<Arc<RouteSettings>>,
    couriers: HashMap<ConnectionId, mpsc::Sender<Command>>,
    /// Requests that the store has not answered, a turn's together. They are polled by the core's
    /// own task, so an answer wakes nobody else and goes through no channel.
    asked: FuturesUnordered<BoxFuture<'static, Answers>>,
    /// Everything else that was started and has not ended: couriers, loads.
    work: JoinSet<()>,
    events: mpsc::Sender<Event>,
    status: Arc<Mutex<Status>>,
    /// How many ends there were when their counts were last shown, and when that was.
    counts_shown: (u64, Timestamp),
    progress: watch::Sender<u64>,
    drained: watch::Sender<bool>,
    alarm: Alarm,
}

impl Run {
    async fn run(
        mut self,
        first: Event,
        mut received: mpsc::Receiver<Event>,
        mut is_over: watch::Receiver<bool>,
    ) {
        let mut events = vec![first];
        loop {
            self.turn(&mut events);
            while self.work.try_join_next().is_some() {}
            let wake_at = self.core.wake_at();
            let clock = self.clock;
            tokio::select! {
                event = received.recv() => match event {
                    Some(event) => events.push(event),
                    None => return,
                },
                Some(answers) = self.asked.next() => events.extend(answers),
                () = sleep_until(wake_at, clock) => events.push(Event::Time),
                () = end(&mut is_over) => return self.work.shutdown().await,
            }
            while events.len() < EVENTS_PER_TURN_MAX
                && let Ok(event) = received.try_recv()
            {
                events.push(event);
            }
        }
    }

    /// Lets the core decide on some events, and does what it wants.
    fn turn(&mut self, events: &mut Vec<Event>) {
        let mut requests = Vec::new();
        let mut is_progress = false;
        for event in events.drain(..) {
            if !self.is_news(&event) {
                continue;
            }
            is_progress |= matches!(event, Event::Answered(..));
            failpoints::pass_event(&event);
            let now = self.clock.now();
            for effect in self.core.handle(event, now, &mut self.rng) {
                failpoints::pass_effect(&effect);
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
            Effect::Resolve(route, domain) => self.resolve(route, domain),
            Effect::Connect {
                connection,
                route,
                site,
                site_max,
                target,
                allowed,
            } => {
                let wish = Wish {
                    route,
                    route_max: self.routes[route.0].connections_max,
                    site,
                    site_max,
                };
                self.connect(connection, wish, target, allowed);
            }
            Effect::Transmit(connection, job) => match self.bodies.get(job.chunk.email) {
                Some(body) => self.tell(connection, Command::Transmit(job, body)),
                None => debug_assert!(false, "the core sends only what is held"),
            },
            Effect::Dot(connection, None) => self.tell(connection, Command::Dot(None)),
            Effect::Dot(connection, Some(job)) => match self.bodies.get(job.chunk.email) {
                Some(body) => self.tell(connection, Command::Dot(Some((job, body)))),
                None => debug_assert!(false, "the core sends only what is held"),
            },
            Effect::Abandon(connection) => self.tell(connection, Command::Abandon),
            Effect::Quit(connection) => {
                // One that is being opened may have ended by itself meanwhile, and has told so.
                let courier = self.couriers.remove(&connection);
                drop(courier.map(|courier| courier.try_send(Command::Quit)));
            }
            Effect::Drained => drop(self.drained.send(true)),
        }
    }

    /// All requests of a turn go together: one commit, one answer each.
    fn ask(&mut self, requests: Vec<(RequestId, Request)>) {
        let store = self.store.clone();
        let (ids, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        let answers = async move {
            let answered = |(id, answer)| Event::Answered(id, answer);
            match store.submit(requests).await {
                Ok(replies) => ids
                    .into_iter()
                    .zip(replies.into_iter().map(Ok))
                    .map(answered)
                    .collect(),
                Err(error) => ids
                    .into_iter()
                    .map(|id| answered((id, Err(error.clone()))))
                    .collect(),
            }
        };
        self.asked.push(Box::pin(answers));
    }

    fn hold(&mut self, tenant: TenantId, email: EmailId) {
        self.bodies.hold(email);
        let (bodies, events) = (Arc::clone(&self.bodies), self.events.clone());
        let loading = async move {
            let held = bodies.bring(tenant, email).await;
            drop(events.send(Event::Held(email, held)).await);
        };
        self.work
            .spawn(self.alarm.guard("the loading of a body", loading));
    }

    /// Asks DNS; the resolver asks once for all who want the same domain, and keeps what it
    /// learns.
    fn resolve(&mut self, route: RouteId, domain: Arc<str>) {
        let NextHop::Mx(resolver) = &self.routes[route.0].next_hop else {
            return debug_assert!(false, "relays are not asked for");
        };
        let (resolver, events, now) = (resolver.clone(), self.events.clone(), self.clock.now());
        self.work.spawn(async move {
            let name = domain.parse().expect("the domain of an address");
            let resolved = resolver.resolve(&name, now).await;
            drop(events.send(Event::Resolved(route, domain, resolved)).await);
        });
    }

    fn connect(
        &mut self,
        connection: ConnectionId,
        wish: Wish,
        target: Option<Arc<Target>>,
        allowed: Extensions,
    ) {
        let (sender, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
        self.couriers.insert(connection, sender);
        let courier = Courier {
            connection,
            allowed,
            route: Arc::clone(&self.routes[wish.route.0]),
            target,
            composer: self.composer.clone(),
            commands,
            events: self.events.clone(),
        };
        let place = self.places.as_ref().map(|places| places.take(wish));
        self.work
            .spawn(self.alarm.guard("a connection", courier.run(place)));
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
}
