//! The stepper: what comes next happens, and everything that must hold is looked at.

use std::fmt;
use std::time::Duration;

use postrider_store::{Request, Tables};
use postrider_types::{CampaignId, DeliveryState, TenantId, Timestamp};

use super::Options;
use super::agenda::Agenda;
use super::host::Host;
use super::log::Log;
use super::oracle::{Oracle, Try, Violation, hold};
use super::plan::Plan;
use super::poison::Grave;
use super::shares::Mails;
use super::worker::{Place, Skew, Worker};
use crate::chance::Chance;
use crate::core::{Event, RequestId};
use crate::settings::Settings;

/// When every schedule begins.
pub(super) const BEGIN: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Within this time of the end of the faults everything must have ended: the give-up age, and
/// what the wall clock was off.
const LIVENESS_MAX: Duration = Duration::from_secs(8 * 3_600);

/// After this time people look at what the policies have left to them.
const LEFT_ALONE: Duration = Duration::from_secs(4 * 3_600);

/// Things that happen in one schedule at most: one that goes on and on fails instead of hanging.
const STEPS_MAX: u64 = 1_000_000;

/// What will happen.
#[derive(Debug)]
pub(super) enum Happening {
    /// An event reaches a worker.
    Hear(Place, Event),
    /// The instant that a worker's core named.
    Wake(Place),
    /// The requests of a worker's turn reach the store.
    Ask(Place, Vec<(RequestId, Request)>),
    /// Copies of them do, and nobody waits for the answers.
    Repeat(Place, Vec<Request>),
    /// A dot reaches a receiver, which takes the message.
    Accept(Place, Try),
    /// A worker's process starts, in this place.
    Start(Place),
    /// A worker that stood still goes on.
    Resume(Place),
    /// The time of a worker that was told to stop is over.
    Stopped(Place),
    /// The parent has seen that a worker is dead, and what it has left.
    Bury(Grave),
    /// A message, or a body, kills the worker that works on it.
    Die(Place),
    /// The next thing goes wrong.
    Strike,
    /// All workers are started again, for the so many-th time.
    Renew(u32),
    /// The whole service is.
    Restart,
    /// The reaper's turn.
    Reap,
    /// A bounded step of a campaign's work.
    Step(CampaignId),
}

/// Everything in one schedule. `now` is true time, which no process sees.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: Timestamp,
    pub(super) chance: Chance,
    pub(super) agenda: Agenda<Happening>,
    pub(super) host: Host,
    pub(super) workers: Vec<Worker>,
    pub(super) oracle: Oracle,
    pub(super) log: Log,
    /// The wall clock against true time; a process takes it over when it starts.
    pub(super) wall: Skew,
    /// The tenant that always is, and another one.
    pub(super) tenants: [TenantId; 2],
    pub(super) strikes: u32,
    /// When the newest MAILs to the paced domain were written, where workers have shares.
    pub(super) mails: Mails,
    /// Times that a quarantined email was let out since the faults stopped.
    pub(super) lifts: u32,
    pub(super) calm_since: Option<Timestamp>,
}

impl World {
    pub(super) fn new(seed: u64, settings: &Settings, options: Options) -> Self {
        let mut chance = Chance::new(seed);
        let plan = Plan::draw(settings, options.mutation, &mut chance);
        Self::of(plan, chance, options)
    }

    /// A world that goes by a plan.
    pub(super) fn of(plan: Plan, chance: Chance, options: Options) -> Self {
        Self {
            now: BEGIN,
            chance,
            agenda: Agenda::new(),
            host: Host::new(options.mutation),
            workers: (0..plan.workers).map(Worker::new).collect(),
            oracle: Oracle::new(&plan),
            log: Log::new(options.is_logged, BEGIN),
            wall: Skew::default(),
            tenants: [TenantId::DEFAULT; 2],
            strikes: 0,
            mails: Mails::default(),
            lifts: 0,
            calm_since: None,
            plan,
        }
    }

    /// Lives the schedule to its end.
    pub(super) fn live(&mut self) -> Result<(), Violation> {
        self.create_campaigns()?;
        self.soon(Happening::Strike);
        self.go_on(Self::is_over)?;
        self.oracle.examine_end(&mut self.host.rows)?;
        self.count_up()
    }

    /// Starts the workers, and lets happen what comes until everything is over.
    pub(super) fn go_on(
        &mut self,
        is_over: fn(&mut Self) -> Result<bool, Violation>,
    ) -> Result<(), Violation> {
        for number in 0..self.workers.len() {
            self.start_worker(self.workers[number].place)?;
        }
        self.soon(Happening::Reap);
        while let Some((at, what)) = self.agenda.take() {
            self.now = self.now.max(at);
            self.oracle.counts.steps += 1;
            hold!(self.oracle.counts.steps < STEPS_MAX, "it goes on and on");
            if matches!(what, Happening::Reap) && is_over(self)? {
                break;
            }
            self.happen(what)?;
        }
        Ok(())
    }

    fn happen(&mut self, what: Happening) -> Result<(), Violation> {
        match what {
            Happening::Hear(place, event) => self.tell(place, event),
            Happening::Wake(place) => self.wake(place),
            Happening::Ask(place, requests) => self.answer(place, requests),
            Happening::Repeat(_, requests) => self.repeat(requests),
            Happening::Accept(place, one) => {
                self.say(format_args!(
                    "{place} is believed: {} is taken",
                    one.delivery
                ));
                self.check_wait()?;
                self.oracle.accept(&mut self.host.rows, one)
            }
            Happening::Start(place) => self.start_worker(place),
            Happening::Resume(place) => self.resume(place),
            Happening::Stopped(place) => self.stopped(place),
            Happening::Bury(grave) => self.bury(grave),
            Happening::Die(place) => self.kill(place, "is killed by its work"),
            Happening::Strike => self.strike(),
            Happening::Renew(number) => self.renew(number),
            Happening::Restart => self.restart(),
            Happening::Reap => self.reap(),
            Happening::Step(campaign) => self.step(campaign),
        }
    }

    /// Whether everything has ended since the faults stopped; it must have after a while.
    fn is_over(&mut self) -> Result<bool, Violation> {
        let Some(since) = self.calm_since else {
            return Ok(false);
        };
        self.let_all_end()?;
        if self.now.since(since) > LEFT_ALONE {
            self.decide_the_rest()?;
        }
        let is_late = self.now.since(since) > LIVENESS_MAX;
        if is_late {
            // Says what is left.
            self.oracle.examine_end(&mut self.host.rows)?;
            let busy = self.workers.iter().find(|worker| !worker.is_idle());
            hold!(busy.is_none(), "{busy:?} is not idle");
        }
        if !self.workers.iter().all(Worker::is_idle) {
            return Ok(false);
        }
        let rows = &mut self.host.rows;
        for campaign in self.oracle.filed.keys() {
            let row = rows.campaign(*campaign)?;
            if row.is_none_or(|row| !row.state.is_final() || row.tally.open() > 0) {
                return Ok(false);
            }
        }
        Ok(rows.leases_before(Timestamp::NEVER, 1)?.is_empty())
    }

    /// Who is lost at this moment; asked last, also when something else was wrong.
    pub(super) fn count_lost(&mut self) -> Result<(), Violation> {
        self.oracle.counts.lost += self.oracle.lost(&mut self.host.rows)?;
        Ok(())
    }

    /// The last numbers.
    fn count_up(&mut self) -> Result<(), Violation> {
        let counts = &mut self.oracle.counts;
        counts.schedules += 1;
        for (campaign, filed) in &self.oracle.filed {
            let Some(row) = self.host.rows.campaign(*campaign)? else {
                continue;
            };
            let delivered = row.tally[DeliveryState::Delivered];
            let in_doubt = row.tally[DeliveryState::InDoubt];
            counts.recipients += filed;
            counts.delivered += delivered;
            counts.in_doubt += in_doubt;
            counts.others += filed.saturating_sub(delivered + in_doubt);
        }
        Ok(())
    }

    /// Something happens after a while.
    pub(super) fn later(&mut self, delay: Duration, what: Happening) {
        self.agenda.put(self.now.plus(delay), what);
    }

    /// Something happens at once, but after what happens now.
    pub(super) fn soon(&mut self, what: Happening) {
        self.agenda.put(self.now, what);
    }

    pub(super) fn say(&mut self, what: fmt::Arguments<'_>) {
        self.log.say(what, self.now);
    }
}
