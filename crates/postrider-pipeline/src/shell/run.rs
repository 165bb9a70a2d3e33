//! The task that owns the core: it takes events, lets the core decide, and does what it wants.
//!
//! It never waits for anything but the next event or the next instant. Answers of the store are
//! polled by the task itself; loads, lookups and connections are tasks of their own, under the
//! alarm.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use postrider_smtp::Extensions;
use postrider_smtp::site::Target;
use postrider_store::{Reply, Request, Store};
use postrider_types::{EmailId, TenantId, Timestamp};
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::end;
use crate::alarm::Alarm;
use crate::bounds::{COMMANDS_WAITING_MAX, EVENTS_PER_TURN_MAX};
use crate::clock::{Clock, SystemClock};
use crate::compose::Composer;
use crate::core::{ConnectionId, Core, Effect, Event, Job, RequestId};
use crate::courier::{Command, Courier};
use crate::failpoints;
use crate::places::{Places, Wish};
use crate::rehydrate::{Bodies, Body};
use crate::settings::{NextHop, RouteId, RouteSettings};
use crate::status::Status;

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
pub(super) struct Run {
    pub(super) core: Core,
    pub(super) store: Store,
    /// Where places for connections come from, when there are other workers.
    pub(super) places: Option<Arc<dyn Places>>,
    pub(super) clock: SystemClock,
    pub(super) rng: StdRng,
    pub(super) bodies: Arc<Bodies>,
    pub(super) composer: Composer,
    /// By their ids.
    pub(super) routes: Vec<Arc<RouteSettings>>,
    pub(super) couriers: HashMap<ConnectionId, mpsc::Sender<Command>>,
    /// Requests that the store has not answered, a turn's together. They are polled by the core's
    /// own task, so an answer wakes nobody else and goes through no channel.
    pub(super) asked: FuturesUnordered<BoxFuture<'static, Answers>>,
    /// Everything else that was started and has not ended: couriers, loads.
    pub(super) work: JoinSet<()>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) status: Arc<Mutex<Status>>,
    /// How many ends there were when their counts were last shown, and when that was.
    pub(super) counts_shown: (u64, Timestamp),
    pub(super) progress: watch::Sender<u64>,
    pub(super) drained: watch::Sender<bool>,
    pub(super) alarm: Alarm,
}

impl Run {
    pub(super) async fn run(
        mut self,
        first: Event,
        (mut received, mut asked): (mpsc::Receiver<Event>, mpsc::Receiver<oneshot::Sender<()>>),
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
                // Whoever asks may have gone meanwhile.
                Some(answer) = asked.recv() => drop(answer.send(())),
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
            Event::Held(tenant, email, Ok(())) => self.bodies.get(*tenant, *email).is_some(),
            _ => true,
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Ask(id, request) => self.ask(vec![(id, request)]),
            Effect::Hold(tenant, email) => self.hold(tenant, email),
            Effect::LetGo(tenant, email) => self.bodies.let_go(tenant, email),
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
            Effect::Transmit(connection, job) => match self.body_of(&job) {
                Some(body) => self.tell(connection, Command::Transmit(job, body)),
                None => debug_assert!(false, "the core sends only what is held"),
            },
            Effect::Dot {
                connection,
                until,
                next,
            } => {
                let next = next.and_then(|job| {
                    let body = self.body_of(&job);
                    debug_assert!(body.is_some(), "the core sends only what is held");
                    Some((job, body?))
                });
                self.tell(connection, Command::Dot { until, next });
            }
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
                    .zip(replies.into_iter().map(Reply::into_result))
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

    fn body_of(&self, job: &Job) -> Option<Arc<Body>> {
        self.bodies.get(job.chunk.tenant, job.chunk.email)
    }

    fn hold(&mut self, tenant: TenantId, email: EmailId) {
        self.bodies.hold(tenant, email);
        let (bodies, events) = (Arc::clone(&self.bodies), self.events.clone());
        let loading = async move {
            let held = bodies.bring(tenant, email).await;
            drop(events.send(Event::Held(tenant, email, held)).await);
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
        let resolving = async move {
            let name = domain.parse().expect("the domain of an address");
            let resolved = resolver.resolve(&name, now).await;
            drop(events.send(Event::Resolved(route, domain, resolved)).await);
        };
        let resolving = self.alarm.guard("the resolving of a domain", resolving);
        self.work.spawn(resolving);
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
            clock: self.clock,
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
