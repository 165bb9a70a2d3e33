//! The world around a core: store, receiver and time.

mod asking;
mod looking;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use postrider_store::{Backend, Reader, Reply as StoreReply, Request, StoreError, memory};
use postrider_types::{CampaignId, InDoubtPolicy, Phase, TenantId, Timestamp, WorkerId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::asking::running_campaign;
use super::network::Network;
use super::receiver::Does;
use crate::chance::Chance;
use crate::core::{BodyTrouble, ConnectionId, Core, Effect, Event, Offer};
use crate::settings::Settings;

/// Every so many events the core is audited.
const AUDITED_EACH: usize = 13;

/// Store, receiver, time, and the core between them.
pub(super) struct World {
    pub(super) core: Core,
    pub(super) settings: Settings,
    pub(super) backend: Box<dyn Backend>,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) now: Timestamp,
    pub(super) campaign: CampaignId,
    rng: StdRng,
    steps: usize,
    events: VecDeque<Event>,
    /// Events that come at their instant.
    pub(super) later: Vec<(Timestamp, Event)>,
    /// What the receiver does with each address, attempt after attempt; then it accepts.
    pub(super) script: HashMap<String, VecDeque<Does>>,
    pub(super) at_gate: HashMap<ConnectionId, (String, Does)>,
    /// When each MAIL was written, and for whom.
    pub(super) mails: Vec<(Timestamp, String)>,
    /// When the receiver came to each MAIL, and for whom: behind a dot, when it has answered that.
    pub(super) seen: Vec<(Timestamp, String)>,
    /// When each message was accepted, and for whom.
    pub(super) accepted: Vec<(Timestamp, String)>,
    /// Connections cannot be opened before this instant.
    pub(super) unreachable_until: Timestamp,
    /// Connections are turned away in this phase and in these words.
    pub(super) turns_away: Option<(Phase, &'static str)>,
    /// Sessions that each server takes; another is turned away.
    pub(super) sessions_max: Option<usize>,
    /// How long connections take to open, if not as long as anything else.
    pub(super) opens_after: Option<Duration>,
    /// The store cannot write before this instant.
    pub(super) unwritable_until: Timestamp,
    /// Outcomes that the store fails to record, one request each.
    pub(super) unrecorded: usize,
    /// Requests that meet something damaged in the store.
    pub(super) is_damaged: fn(&Request) -> bool,
    pub(super) body: Result<(), BodyTrouble>,
    /// Whose body that is said to be.
    pub(super) body_of: TenantId,
    pub(super) is_drained: bool,
    /// For each connection that was opened, whether it might pipeline.
    pub(super) connects: Vec<bool>,
    /// For each of them, whether it might tell sizes.
    pub(super) sizes: Vec<bool>,
    /// For each of them, whether it might send chunks.
    pub(super) chunks: Vec<bool>,
    /// Those that the receivers have not seen closed.
    pub(super) open: HashSet<ConnectionId>,
    /// Names, and where connections lead.
    pub(super) network: Network,
    /// Whether the receiver offers PIPELINING.
    pub(super) is_pipelining: bool,
    /// Messages that the receiver takes on one connection, if it says so.
    pub(super) mail_max: Option<u32>,
    /// What the receiver offers and then refuses.
    pub(super) breaks: Option<Offer>,
    /// Envelopes that went along with a dot.
    pub(super) followers: usize,
    /// Effects after which the process dies.
    pub(super) dies_after: Option<usize>,
    /// Requests that the store did.
    pub(super) requests: usize,
    /// How long the receiver takes to answer a dot.
    pub(super) latency: Duration,
    /// What chance adds to all that.
    pub(super) chance: Option<Chance>,
}

impl World {
    /// One running campaign with nobody in it.
    pub(super) fn new(settings: Settings) -> Self {
        let (mut backend, reader) = memory::parts([7; 32]);
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let campaign = running_campaign(backend.as_mut(), InDoubtPolicy::Hold, now);
        Self {
            core: Core::new(settings.clone(), WorkerId(1)),
            settings,
            backend,
            reader,
            now,
            campaign,
            rng: StdRng::seed_from_u64(1),
            steps: 0,
            events: VecDeque::from([Event::Filed]),
            later: Vec::new(),
            script: HashMap::new(),
            at_gate: HashMap::new(),
            mails: Vec::new(),
            seen: Vec::new(),
            accepted: Vec::new(),
            unreachable_until: Timestamp::EPOCH,
            turns_away: None,
            sessions_max: None,
            opens_after: None,
            unwritable_until: Timestamp::EPOCH,
            unrecorded: 0,
            is_damaged: |_| false,
            body: Ok(()),
            body_of: TenantId::DEFAULT,
            is_drained: false,
            connects: Vec::new(),
            sizes: Vec::new(),
            chunks: Vec::new(),
            open: HashSet::new(),
            network: Network::default(),
            is_pipelining: true,
            mail_max: None,
            breaks: None,
            followers: 0,
            dies_after: None,
            requests: 0,
            latency: Duration::from_micros(100),
            chance: None,
        }
    }

    /// Plain settings: no limits, four connections, retries after about 10 s.
    pub(super) fn settings() -> Settings {
        let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
        settings.routes.default.connections_max = 4;
        settings.backoff.delay_min = Duration::from_secs(10);
        settings.backoff.give_up_after = Duration::from_secs(60);
        settings
    }

    pub(super) fn will(&mut self, address: &str, does: impl IntoIterator<Item = Does>) {
        self.script
            .insert(address.to_owned(), does.into_iter().collect());
    }

    pub(super) fn drain(&mut self) {
        self.events.push_back(Event::Drain);
    }

    /// Lets everything happen that happens within `span`; says whether the process lives.
    pub(super) fn run(&mut self, span: Duration) -> bool {
        let end = self.now.plus(span);
        // A bound, so that a core that spins fails its scene instead of hanging it.
        for _ in 0..200_000 {
            if let Some(event) = self.events.pop_front() {
                if !self.step(event) {
                    return false;
                }
                continue;
            }
            let later = self.later.iter().map(|(at, _)| *at).min();
            let next = [self.core.wake_at(), later].into_iter().flatten().min();
            match next.filter(|next| *next <= end) {
                Some(next) => {
                    assert!(next > self.now || later == Some(next), "the core spins");
                    self.move_to(next);
                }
                None => {
                    self.now = end;
                    return true;
                }
            }
        }
        panic!("more than 200,000 events without an end");
    }

    fn move_to(&mut self, next: Timestamp) {
        self.now = self.now.max(next);
        let (due, later) = self.later.drain(..).partition(|(at, _)| *at <= self.now);
        self.later = later;
        let due: Vec<(Timestamp, Event)> = due;
        self.events.extend(due.into_iter().map(|(_, event)| event));
        self.events.push_back(Event::Time);
    }

    fn step(&mut self, event: Event) -> bool {
        match &event {
            Event::Closed(connection) | Event::ConnectFailed(connection, _) => {
                self.open.remove(connection);
            }
            Event::Ended {
                connection,
                is_reusable: false,
                ..
            } => {
                self.open.remove(connection);
            }
            _ => {}
        }
        for effect in self.core.handle(event, self.now, &mut self.rng) {
            if let Some(left) = &mut self.dies_after {
                if *left == 0 {
                    return false;
                }
                *left -= 1;
            }
            self.carry_out(effect);
        }
        // What leaks stays, so it is enough to look now and then.
        self.steps += 1;
        if self.steps.is_multiple_of(AUDITED_EACH) {
            self.core.audit(self.now);
        }
        true
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Ask(id, request) => {
                let answer = self.answer(request);
                let delay = self.chance.as_mut().map(Chance::answer_delay);
                self.soon(Event::Answered(id, answer), delay);
            }
            Effect::Hold(_, email) => {
                let is_unlucky = self.chance.as_mut().is_some_and(Chance::is_amiss);
                let trouble = Err(BodyTrouble::Store(StoreError::Closed));
                let held = if is_unlucky {
                    trouble
                } else {
                    self.body.clone()
                };
                let delay = self.chance.as_mut().map(Chance::answer_delay);
                self.soon(Event::Held(self.body_of, email, held), delay);
            }
            Effect::Resolve(route, domain) => self.resolve(route, domain),
            Effect::Connect {
                connection,
                route,
                target,
                allowed,
                ..
            } => self.connect(connection, route, target.as_ref(), allowed),
            Effect::Transmit(connection, job) => self.transmit(connection, &job, self.now),
            Effect::Dot {
                connection, next, ..
            } => self.dot(connection, next.as_ref()),
            Effect::Abandon(connection) => self.abandon(connection),
            Effect::Quit(connection) => self.quit(connection),
            Effect::LetGo(..) => {}
            Effect::Drained => self.is_drained = true,
        }
    }

    /// An event that comes at once, or after a delay.
    fn soon(&mut self, event: Event, delay: Option<Duration>) {
        match delay {
            Some(delay) => self.later.push((self.now.plus(delay), event)),
            None => self.events.push_back(event),
        }
    }

    /// An event that comes at its instant.
    pub(super) fn at(&mut self, at: Timestamp, event: Event) {
        self.later.push((at, event));
    }

    fn answer(&mut self, request: Request) -> Result<StoreReply, StoreError> {
        let is_unlucky = matches!(request, Request::Record { .. }) && self.unrecorded > 0;
        self.unrecorded -= usize::from(is_unlucky);
        let is_unlucky = is_unlucky || self.chance.as_mut().is_some_and(Chance::is_amiss);
        if self.now < self.unwritable_until || is_unlucky {
            return Err(StoreError::Unwritable {
                reason: "no space left on device".to_owned(),
            });
        }
        self.requests += 1;
        if (self.is_damaged)(&request) {
            let what = "a receipt".to_owned();
            return Err(StoreError::Corrupt { what });
        }
        Ok(self.ask(request))
    }

    /// The process stands still for so long, but for its reaper, which comes first afterwards.
    pub(super) fn stall(&mut self, span: Duration) {
        self.now = self.now.plus(span);
        self.ask(Request::reap(self.now));
        self.events.push_back(Event::Filed);
    }

    /// The process dies here, and another starts.
    pub(super) fn restart(&mut self) {
        self.events.clear();
        self.later.clear();
        self.at_gate.clear();
        self.open.clear();
        self.dies_after = None;
        self.is_drained = false;
        self.core = Core::new(self.settings.clone(), WorkerId(2));
        while matches!(
            self.ask(Request::reap(Timestamp::NEVER)),
            StoreReply::Reaped(reaped) if reaped.more
        ) {}
        self.ask(Request::Wake);
        self.events.push_back(Event::Filed);
    }
}
