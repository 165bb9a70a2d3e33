//! What goes wrong, and when: all of it together, in any order.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Request, Tables};
use postrider_types::{CampaignState, Timestamp};

use super::oracle::Violation;
use super::plan::{STRIKE_EVERY, STRIKES};
use super::poison::{Grave, Notes};
use super::shares::Mails;
use super::worker::{Place, Skew};
use super::world::{Happening, World};
use crate::core::Event;

/// How far a wall clock jumps at most, either way.
pub(super) const JUMP_MAX: Duration = Duration::from_secs(3_600);

/// How long it takes at most until a dead worker is seen, and its suspects are tried.
const SEEN_MAX: Duration = Duration::from_secs(3);

/// How long it mostly takes.
const SEEN_SOON: Duration = Duration::from_millis(100);

/// How long a worker that was told to stop may take.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(20);

impl World {
    /// One thing goes wrong, or somebody does something; the next one is planned.
    pub(super) fn strike(&mut self) -> Result<(), Violation> {
        self.strikes += 1;
        if self.strikes > STRIKES {
            return self.calm();
        }
        let next = self.chance.within(STRIKE_EVERY);
        self.later(next, Happening::Strike);
        let number = self.chance.index(self.workers.len());
        let place = self.workers[number].place;
        let seconds = Duration::from_secs(1 + self.chance.below(8));
        match self.chance.below(22) {
            0..=5 => self.kill(place, "dies")?,
            6..=8 => self.pause(place),
            9 => self.stop(place)?,
            10 => {
                self.oracle.counts.outages += 1;
                self.host.down_until = self.now.plus(seconds);
                self.disturb_all();
                self.say(format_args!("the store cannot write for {seconds:?}"));
            }
            11 => {
                self.oracle.counts.slowdowns += 1;
                self.host.slow_until = self.now.plus(seconds * 10);
                self.disturb_all();
                self.say(format_args!("the store is slow for {:?}", seconds * 10));
            }
            12 => self.jump(),
            13 => self.restart()?,
            _ => self.act()?,
        }
        Ok(())
    }

    /// A person does something, or the batcher brings a slice.
    fn act(&mut self) -> Result<(), Violation> {
        self.oracle.counts.deeds += 1;
        let campaign = self.any_campaign();
        match self.chance.below(14) {
            0 => self.change(campaign, CampaignChange::Pause),
            1 | 2 => self.change(campaign, CampaignChange::Resume),
            3 => self.change(campaign, CampaignChange::Start),
            4 if self.chance.one_in(3) => self.change(campaign, CampaignChange::Cancel),
            5 if self.chance.one_in(5) => self.change(campaign, CampaignChange::Seal),
            6..=8 => self.decide(campaign),
            9 if self.chance.one_in(3) => self.purge(campaign),
            10 => self.lift_emails(self.tenants[0]),
            11 if self.chance.one_in(3) => self.delete_tenant(self.tenants[1]),
            12 if self.chance.one_in(3) => self.erase(campaign),
            _ => self.file(campaign),
        }
    }

    /// A worker dies: what it knew is gone, and what it had sent is cut anywhere.
    pub(super) fn kill(&mut self, place: Place, how: &str) -> Result<(), Violation> {
        let worker = &self.workers[place.worker];
        if worker.place != place || worker.core.is_none() {
            return Ok(());
        }
        let (id, cause) = (worker.id, worker.stuck_in);
        if let Some(cause) = cause {
            self.oracle.die_of(cause)?;
        }
        let notes = match self.workers[place.worker].is_drained {
            true => Notes::NONE,
            false => self.notes_of(place),
        };
        self.say(format_args!("{place} {how}, and leaves {notes:?}"));
        self.oracle.disturb(id);
        self.oracle.counts.kills += 1;
        self.workers[place.worker].die();
        let grave = Grave {
            number: place.worker,
            worker: id,
            notes,
            cause,
        };
        let most = match self.chance.one_in(3) {
            true => SEEN_MAX,
            false => SEEN_SOON,
        };
        let seen = self.chance.within(most);
        self.later(seen, Happening::Bury(grave));
        let cut_at = self.now.plus(self.chance.network());
        let (chance, is_in_order) = (&mut self.chance, self.plan.is_in_order);
        self.agenda.retain(|at, what| match what {
            // What has left may arrive all the same.
            Happening::Ask(of, _) if *of == place && is_in_order => at <= cut_at,
            Happening::Ask(of, _) | Happening::Repeat(of, _) | Happening::Accept(of, _) => {
                *of != place || chance.one_in(2)
            }
            Happening::Hear(of, _) | Happening::Wake(of) | Happening::Resume(of) => *of != place,
            _ => true,
        });
        Ok(())
    }

    /// A worker stands still, often for longer than its leases last.
    pub(super) fn pause(&mut self, place: Place) {
        let most = self.plan.settings.lease.time * 3;
        let span = self.chance.within(most);
        let worker = &mut self.workers[place.worker];
        if worker.core.is_none() || worker.is_paused {
            return;
        }
        worker.is_paused = true;
        self.oracle.disturb(worker.id);
        self.oracle.counts.pauses += 1;
        self.oracle.counts.stale += u64::from(span > self.plan.settings.lease.time);
        self.say(format_args!("{place} stands still for {span:?}"));
        self.later(span, Happening::Resume(place));
    }

    /// A worker is told to stop, and killed when that takes too long.
    pub(super) fn stop(&mut self, place: Place) -> Result<(), Violation> {
        self.say(format_args!("{place} is told to stop"));
        self.later(DRAIN_MAX, Happening::Stopped(place));
        self.tell(place, Event::Drain)
    }

    /// The time for a worker that was told to stop is over.
    pub(super) fn stopped(&mut self, place: Place) -> Result<(), Violation> {
        let is_drained = self.workers[place.worker].is_drained;
        self.kill(place, if is_drained { "has ended" } else { "is ended" })
    }

    /// Somebody sets the wall clock. Processes that live go by their own.
    pub(super) fn jump(&mut self) {
        self.oracle.counts.jumps += 1;
        let most = JUMP_MAX.as_secs();
        let seconds = i64::try_from(self.chance.below(2 * most)).unwrap_or(0);
        let middle = i64::try_from(most).unwrap_or(0);
        self.wall = Skew((seconds - middle) * 1_000_000);
        self.say(format_args!(
            "the wall clock is off by {} s",
            seconds - middle
        ));
    }

    /// The whole service dies and starts again: every lease is over, and what was left half done
    /// goes on.
    pub(super) fn restart(&mut self) -> Result<(), Violation> {
        self.oracle.counts.restarts += 1;
        self.say(format_args!("the service dies"));
        for number in 0..self.workers.len() {
            self.kill(self.workers[number].place, "dies with it")?;
        }
        let mut graves = Vec::new();
        self.agenda.retain(|_, what| match what {
            Happening::Bury(grave) => {
                graves.push(grave.clone());
                false
            }
            Happening::Ask(..) | Happening::Repeat(..) | Happening::Step(_) => false,
            _ => true,
        });
        for number in 0..self.workers.len() {
            let delay = self.chance.within(DRAIN_MAX);
            self.later(delay, Happening::Start(self.workers[number].place));
        }
        if self.wall.0 > self.host.clock.0 {
            self.oracle.is_time_torn = true;
        }
        self.host.clock = self.wall;
        self.host.down_until = Timestamp::EPOCH;
        // A service begins with full quotas.
        self.host.spent_at.clear();
        self.mails = Mails::default();
        let is_machine = self.chance.one_in(4);
        if is_machine {
            self.oracle.counts.reboots += 1;
            self.say(format_args!("with its machine, and all notes are void"));
            graves.iter_mut().for_each(Grave::forget);
        }
        self.bury_all(graves)?;
        self.apply(Request::Wake)?;
        self.start_due()?;
        for tenant in self.tenants {
            self.sweep_tenant(tenant)?;
        }
        let campaigns: Vec<_> = self.oracle.filed.keys().copied().collect();
        for campaign in campaigns {
            let state = self.host.rows.campaign(campaign)?.map(|row| row.state);
            if matches!(
                state,
                Some(CampaignState::Running | CampaignState::Cancelled)
            ) {
                self.agenda.put(self.now, Happening::Step(campaign));
            }
        }
        Ok(())
    }

    /// The faults stop.
    fn calm(&mut self) -> Result<(), Violation> {
        self.say(format_args!("the faults stop"));
        self.calm_since = Some(self.now);
        self.chance.is_faulty = false;
        self.host.down_until = Timestamp::EPOCH;
        self.host.slow_until = Timestamp::EPOCH;
        self.let_all_end()
    }

    /// Something came between a worker and its leases.
    pub(super) fn disturb(&mut self, place: Place) {
        let worker = &self.workers[place.worker];
        if worker.place == place {
            self.oracle.disturb(worker.id);
        }
    }

    fn disturb_all(&mut self) {
        for worker in &self.workers {
            self.oracle.disturb(worker.id);
        }
    }
}
