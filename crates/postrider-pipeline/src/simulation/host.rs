//! The parent process: the store with its one writer, the reaper, and the sockets on which
//! workers ask.
//!
//! The requests of one turn of a worker travel together and are one commit. In half of the
//! schedules they keep their order, as on a real socket; in the others, turns overtake each other.
//! Some come twice, the second time after whatever has happened since; some are done and their
//! answers lost; some answers take seconds. What the worker hears of a lost answer is an error, as
//! when a socket breaks.

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_store::memory::State;
use postrider_store::{Reply, Request, StoreError, Tables};
use postrider_types::{CampaignId, CampaignState, Timestamp};

use super::log::Log;
use super::mutation::{Mutation, Rules};
use super::oracle::Violation;
use super::worker::{Place, Skew};
use super::world::{Happening, World};
use crate::core::{Event, RequestId};

/// How long a request or an answer is on its way at most while the store is slow; ten times less
/// while it is not.
const SLOW_MAX: Duration = Duration::from_millis(50);

/// How long a step of a sweep waits for the next when the store could not do it.
pub(super) const STEP_AGAIN: Duration = Duration::from_secs(1);

/// The store's process.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) rows: State,
    pub(super) rules: Rules,
    /// Its clock against true time: that of the wall when it started.
    pub(super) clock: Skew,
    /// When the quotas of each share were used up, as far as it knows.
    pub(super) spent_at: BTreeMap<usize, Timestamp>,
    /// It cannot write before this instant.
    pub(super) down_until: Timestamp,
    /// It takes ten times as long before this instant.
    pub(super) slow_until: Timestamp,
}

impl Host {
    pub(super) fn new(mutation: Option<Mutation>) -> Self {
        Self {
            rows: State::default(),
            rules: Rules::new(mutation),
            clock: Skew(0),
            spent_at: BTreeMap::new(),
            down_until: Timestamp::EPOCH,
            slow_until: Timestamp::EPOCH,
        }
    }
}

impl World {
    /// The requests of one turn leave a worker.
    pub(super) fn send(&mut self, place: Place, requests: Vec<(RequestId, Request)>) {
        if self.host.rules.mutation == Some(Mutation::DotBeforeBegin) {
            for (id, request) in &requests {
                if matches!(request, Request::Begin { .. }) {
                    let done = Ok(Reply::Done { more: false });
                    self.soon(Happening::Hear(place, Event::Answered(*id, done)));
                }
            }
        }
        let mut at = self.now.plus(self.way_to_store());
        if self.chance.is_unlucky(60) {
            self.oracle.counts.repeats += 1;
            let again = at.plus(self.chance.within(Duration::from_secs(45)));
            let copies = requests.iter().map(|(_, request)| request.clone());
            let copies = copies.collect();
            self.agenda.put(again, Happening::Repeat(place, copies));
        }
        if self.plan.is_in_order {
            let worker = &mut self.workers[place.worker];
            at = at.max(worker.sent_until);
            worker.sent_until = at;
        }
        self.agenda.put(at, Happening::Ask(place, requests));
    }

    fn way_to_store(&mut self) -> Duration {
        let is_slow = self.host.slow_until > self.now;
        self.chance
            .within(if is_slow { SLOW_MAX } else { SLOW_MAX / 10 })
    }

    /// The requests of a worker's turn reach the store: one commit, one answer each.
    pub(super) fn answer(
        &mut self,
        place: Place,
        requests: Vec<(RequestId, Request)>,
    ) -> Result<(), Violation> {
        let mut delay = self.way_to_store();
        let is_lost = self.chance.is_unlucky(100);
        let is_late = self.chance.is_unlucky(100);
        self.oracle.counts.lost_answers += u64::from(is_lost);
        self.oracle.counts.late_answers += u64::from(is_late);
        if is_late {
            delay += self.chance.within(Duration::from_secs(20));
        }
        if is_lost || is_late {
            self.disturb(place);
        }
        for (id, request) in requests {
            let answer = if self.is_down() {
                Err(unwritable())
            } else {
                let reply = self.apply(request)?;
                if is_lost {
                    Err(StoreError::Closed)
                } else {
                    Ok(reply)
                }
            };
            self.later(delay, Happening::Hear(place, Event::Answered(id, answer)));
        }
        Ok(())
    }

    /// Copies of requests come, and nobody waits for what is answered.
    pub(super) fn repeat(&mut self, requests: Vec<Request>) -> Result<(), Violation> {
        if !self.is_down() {
            for request in requests {
                let holder = self.oracle.holder_of_unbegun(&request);
                let reply = self.apply(request)?;
                // It was refused at first, because its campaign was paused, and nobody knows that
                // it is begun: it will be in doubt.
                if matches!(reply, Reply::Done { .. }) {
                    holder
                        .into_iter()
                        .for_each(|worker| self.oracle.disturb(worker));
                }
            }
        }
        Ok(())
    }

    pub(super) fn is_down(&self) -> bool {
        self.host.down_until > self.now
    }

    /// The store does a request, and everything that must hold after it is looked at.
    pub(super) fn apply(&mut self, request: Request) -> Result<Reply, Violation> {
        let shows = self.host.clock.shows(self.now);
        let rows = &mut self.host.rows;
        let before = self.oracle.look(rows, &request, shows)?;
        let reply = self.host.rules.apply(rows, request.clone(), shows)?;
        self.oracle.counts.requests += 1;
        log_request(&mut self.log, &request, &reply, self.now);
        self.oracle.judge(rows, &request, &reply, &before)?;
        if request.brings_work() {
            self.announce();
        }
        Ok(reply)
    }

    /// Tells the workers that there may be work.
    pub(super) fn announce(&mut self) {
        for number in 0..self.workers.len() {
            let place = self.workers[number].place;
            let delay = self.way_to_store();
            self.later(delay, Happening::Hear(place, Event::Filed));
        }
    }

    /// The reaper's turn: every lease that has run out, in bounded steps.
    pub(super) fn reap(&mut self) -> Result<(), Violation> {
        self.later(self.plan.settings.lease.time, Happening::Reap);
        if !self.is_down() {
            let before = self.host.clock.shows(self.now);
            self.reap_all(&Request::reap(before))?;
            self.start_due()?;
        }
        Ok(())
    }

    /// Every step of a reaper.
    pub(super) fn reap_all(&mut self, request: &Request) -> Result<(), Violation> {
        let is_more = |reply| matches!(reply, Reply::Reaped(reaped) if reaped.more);
        while is_more(self.apply(request.clone())?) {}
        Ok(())
    }

    /// One bounded step of what follows from a campaign's state; the next one comes by itself.
    pub(super) fn step(&mut self, campaign: CampaignId) -> Result<(), Violation> {
        let row = self.host.rows.campaign(campaign)?;
        let request = match row.map(|row| row.state) {
            Some(CampaignState::Running) => Request::Unpark { campaign },
            Some(CampaignState::Cancelled) => Request::Sweep { campaign },
            _ => return Ok(()),
        };
        if self.is_down() {
            self.later(STEP_AGAIN, Happening::Step(campaign));
            return Ok(());
        }
        if self.apply(request)? == (Reply::Done { more: true }) {
            let delay = self.way_to_store();
            self.later(delay, Happening::Step(campaign));
        }
        Ok(())
    }
}

fn unwritable() -> StoreError {
    StoreError::Unwritable {
        reason: "no space left on device".to_owned(),
    }
}

/// Requests with their answers, without what would fill the log.
fn log_request(log: &mut Log, request: &Request, reply: &Reply, now: Timestamp) {
    match (request, reply) {
        (Request::File { campaign, .. }, reply) => {
            log.say(format_args!("store: file for {campaign}: {reply:?}"), now);
        }
        (request, Reply::Claimed(claimed)) => {
            let (token, chunk) = (claimed.token, claimed.chunk);
            log.say(
                format_args!("store: {request:?}: {chunk} under {token}"),
                now,
            );
        }
        (request, Reply::Campaign(campaign)) => {
            let state = campaign.state;
            log.say(format_args!("store: {request:?}: {state}"), now);
        }
        (request, reply) => log.say(format_args!("store: {request:?}: {reply:?}"), now),
    }
}
