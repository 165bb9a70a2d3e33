//! A worker process: a core, a clock, and what has reached it while it stood still.
//!
//! Its clock starts with the parent's time and then counts by itself, as `SystemClock` does: a
//! wall clock that is set changes nothing for a process that lives.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use postrider_store::Reply;
use postrider_store::quarantine::Held;
use postrider_types::{DeliveryId, EmailId, TenantId, Timestamp, WorkerId};
use rand::RngExt;

use super::late::LateDot;
use super::oracle::{Try, Violation, hold};
use super::receiver::AtGate;
use super::shares::Mails;
use super::world::{Happening, World};
use crate::core::{ConnectionId, Core, Effect, Event, Job};

/// One life of one worker: what was meant for an earlier life reaches nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) worker: usize,
    pub(super) life: u32,
}

/// A clock against true time, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Skew(pub(super) i64);

impl Skew {
    /// What the clock shows.
    pub(super) fn shows(self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.as_micros().saturating_add(self.0))
    }

    /// When the clock will show `at`.
    fn when(self, at: Timestamp) -> Timestamp {
        match at {
            Timestamp::NEVER => at,
            at => Timestamp::from_micros(at.as_micros().saturating_sub(self.0)),
        }
    }
}

/// A worker process, dead or alive.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) place: Place,
    pub(super) id: WorkerId,
    /// `None` while no process lives.
    pub(super) core: Option<Core>,
    pub(super) clock: Skew,
    pub(super) is_paused: bool,
    /// What it is dying of, or never comes back from.
    pub(super) stuck_in: Option<Held>,
    mailbox: VecDeque<Event>,
    alarm: Option<Timestamp>,
    /// Alarms in a row that came at once.
    spins: u32,
    pub(super) at_gate: BTreeMap<ConnectionId, AtGate>,
    /// Dots that it stood still before.
    pub(super) late_dots: Vec<LateDot>,
    /// Whose messages it renders, writes or waits for, by connection.
    pub(super) in_hand: Vec<(ConnectionId, DeliveryId)>,
    /// The bodies that it loads and prepares.
    pub(super) loading: Vec<(TenantId, EmailId)>,
    /// Its MAILs to paced domains.
    pub(super) mails: Mails,
    pub(super) is_drained: bool,
    /// When the newest of its requests arrives, where requests keep their order.
    pub(super) sent_until: Timestamp,
}

/// Alarms in a row that may come at once.
const SPINS_MAX: u32 = 1_000;

impl Worker {
    /// No process yet.
    pub(super) fn new(worker: usize) -> Self {
        Self {
            place: Place { worker, life: 0 },
            id: WorkerId(0),
            core: None,
            clock: Skew(0),
            is_paused: false,
            stuck_in: None,
            mailbox: VecDeque::new(),
            alarm: None,
            spins: 0,
            at_gate: BTreeMap::new(),
            late_dots: Vec::new(),
            in_hand: Vec::new(),
            loading: Vec::new(),
            mails: Mails::default(),
            is_drained: false,
            sent_until: Timestamp::EPOCH,
        }
    }

    /// Whether it holds and carries nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.core.as_ref().is_some_and(|core| {
            let status = core.status();
            status.hands == 0 && status.connections == 0
        })
    }

    /// The process is gone, with all that it knew.
    pub(super) fn die(&mut self) {
        *self = Self {
            place: Place {
                life: self.place.life + 1,
                ..self.place
            },
            ..Self::new(self.place.worker)
        };
    }
}

impl World {
    /// A process starts; the parent's hello tells it the time, and is on its way for a moment.
    pub(super) fn start_worker(&mut self, place: Place) -> Result<(), Violation> {
        let number = place.worker;
        let worker = &self.workers[number];
        // Whoever died since is not followed before he is buried.
        if worker.place != place || worker.core.is_some() {
            return Ok(());
        }
        let lag = self.chance.within(Duration::from_millis(20));
        let lag = i64::try_from(lag.as_micros()).unwrap_or(0);
        let id = WorkerId(self.chance.rng.random());
        let clock = Skew(self.host.clock.0 - lag);
        let mut settings = self.plan.settings.clone();
        if self.plan.has_shares {
            settings.lease.share = self.share_of(number);
            settings.limits.spent_at = self.spent_at(number);
        }
        let worker = &mut self.workers[number];
        worker.id = id;
        worker.clock = clock;
        worker.core = Some(Core::new(settings, id));
        let place = worker.place;
        self.say(format_args!("{place} starts as {id}"));
        self.tell(place, Event::Filed)
    }

    /// An event reaches a worker, if that life of it still is.
    pub(super) fn tell(&mut self, place: Place, event: Event) -> Result<(), Violation> {
        let now = self.now;
        let worker = &mut self.workers[place.worker];
        if worker.place != place || worker.core.is_none() {
            return Ok(());
        }
        if worker.is_paused {
            worker.mailbox.push_back(event);
            return Ok(());
        }
        match &event {
            Event::Ended { connection, .. } => {
                // Messages of one connection end in their order.
                let of = worker.in_hand.iter().position(|(of, _)| of == connection);
                of.map(|first| worker.in_hand.remove(first));
            }
            Event::Held(tenant, email, _) => {
                worker
                    .loading
                    .retain(|loading| loading != &(*tenant, *email));
            }
            _ => {}
        }
        self.log
            .say(format_args!("{place} < {}", brief(&event)), now);
        let Some(core) = &mut worker.core else {
            return Ok(());
        };
        let shows = worker.clock.shows(now);
        let effects = core.handle(event, shows, &mut self.chance.rng);
        let mut requests = Vec::new();
        for effect in effects {
            match effect {
                Effect::Ask(id, request) => requests.push((id, request)),
                effect => self.carry_out(place, effect)?,
            }
        }
        if !requests.is_empty() {
            self.send(place, requests);
        }
        self.set_alarm(place);
        Ok(())
    }

    /// A worker that stood still goes on, with everything that came meanwhile.
    pub(super) fn resume(&mut self, place: Place) -> Result<(), Violation> {
        let worker = &mut self.workers[place.worker];
        if worker.place != place || !worker.is_paused || worker.stuck_in.is_some() {
            return Ok(());
        }
        worker.is_paused = false;
        let mail = std::mem::take(&mut worker.mailbox);
        self.say(format_args!("{place} goes on, with {} events", mail.len()));
        self.go_on_to_dots(place)?;
        for event in mail {
            self.tell(place, event)?;
        }
        self.tell(place, Event::Time)
    }

    /// The instant that a core named has come.
    pub(super) fn wake(&mut self, place: Place) -> Result<(), Violation> {
        let now = self.now;
        let worker = &mut self.workers[place.worker];
        if worker.place != place || worker.alarm.is_none_or(|alarm| alarm > now) {
            return Ok(());
        }
        worker.alarm = None;
        self.tell(place, Event::Time)?;
        let worker = &mut self.workers[place.worker];
        let is_spinning = worker.alarm.is_some_and(|alarm| alarm <= now);
        worker.spins = if is_spinning { worker.spins + 1 } else { 0 };
        hold!(worker.spins < SPINS_MAX, "{place} spins");
        Ok(())
    }

    fn set_alarm(&mut self, place: Place) {
        let worker = &mut self.workers[place.worker];
        let Some(core) = &worker.core else {
            return;
        };
        let wake_at = core.wake_at().filter(|at| *at != Timestamp::NEVER);
        let Some(at) = wake_at.map(|at| worker.clock.when(at).max(self.now)) else {
            return;
        };
        if worker
            .alarm
            .is_none_or(|alarm| alarm > at || alarm < self.now)
        {
            worker.alarm = Some(at);
            self.agenda.put(at, Happening::Wake(place));
        }
    }

    /// The try that a job of a worker makes.
    pub(super) fn one(job: &Job) -> Try {
        Try {
            delivery: DeliveryId {
                tenant: job.chunk.tenant,
                campaign: job.chunk.campaign,
                recipient: job.recipient().recipient,
            },
            token: job.chunk.token,
            attempt: job.recipient().attempts.saturating_add(1),
        }
    }
}

/// An event in a few words: replies of servers and whole chunks would fill the log.
fn brief(event: &Event) -> String {
    match event {
        Event::Answered(id, Ok(Reply::Claimed(claimed))) => {
            let (token, chunk) = (claimed.token, claimed.chunk);
            format!("{id:?}: chunk {chunk} under {token}")
        }
        Event::Answered(id, Ok(reply)) => format!("{id:?}: {reply:?}"),
        Event::Answered(id, Err(error)) => format!("{id:?}: {error}"),
        Event::Held(_, _, held) => format!("Held({})", held.is_ok()),
        event => format!("{event:?}"),
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "worker {}.{}", self.worker, self.life)
    }
}
