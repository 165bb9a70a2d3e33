//! One connection at a door: its place there, and what it is told at each stage.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::control::samples::Samples;
use crate::dialogue::reply;
use crate::profile::Refusal;
use crate::tally::Count;
use crate::world::behaviour::by_address::{Chance, befallen, rejected};
use crate::world::behaviour::{
    Decision, DomainState, ProviderState, Rules, States, Visit, at_recipient, darkness, latency,
};
use crate::world::magic::Magic;
use crate::world::plan::{DomainPlan, Door, DoorPlan, Offer, Plan};
use crate::world::refusals::{NOT_OURS, OVER_MESSAGES};
use crate::world::treatment::{Act, Ending, Stage, Treatment};
use crate::world::{Guest, Place, World, locked, remembered_name};

/// One connection's place at a door; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Entry {
    world: Arc<World>,
    plan: Arc<Plan>,
    version: u64,
    door: Door,
    connection: u64,
    /// Messages whose dot was read.
    messages: u32,
    /// MAIL commands that came when it had brought all messages that it may.
    messages_over: u64,
    standing: Standing,
}

/// Where a connection stands at its door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It needs no place: the common door, or one that turns everybody away for now.
    Free,
    /// It holds one of the provider's places.
    Inside,
    /// There was no place for it.
    Outside,
}

impl Entry {
    pub(super) fn new(world: Arc<World>, door: Door, connection: u64) -> Self {
        let version = world.version.load(Ordering::Acquire);
        Self {
            plan: world.plan(),
            world,
            version,
            door,
            connection,
            messages: 0,
            messages_over: 0,
            standing: Standing::Free,
        }
    }

    /// The first message of each campaign.
    pub(crate) fn samples(&self) -> &Arc<Samples> {
        self.world.samples()
    }

    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// MAIL commands that were refused because the connection had brought all that it may.
    pub(crate) fn messages_over(&self) -> u64 {
        self.messages_over
    }

    /// The profile as this connection knows it.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What EHLO offers here.
    pub(crate) fn offer(&self) -> &Offer {
        &self.own_door().offer
    }

    /// Whether there was room at the door. If not, the greeting turns the client away.
    pub(crate) fn has_place(&self) -> bool {
        self.standing != Standing::Outside
    }

    /// Asks for a place, once more if there was none, and how the client is greeted now.
    pub(crate) fn knock(&mut self, now_us: i64) -> Treatment {
        let since_start_us = self.world.since_start_us(now_us);
        let door = self.plan.door(&self.door);
        let (Door::Provider(name), Some(provider)) = (&self.door, &door.provider) else {
            return self.at_door(Stage::Connect);
        };
        if let Some(treatment) = darkness(&door.behaviour, since_start_us) {
            self.standing = Standing::Free;
            return treatment;
        }
        let mut memory = locked(&self.world.memory);
        let state = memory.providers.entry(Arc::clone(name)).or_default();
        if state.block.meets(&provider.penalties, now_us) {
            self.standing = Standing::Free;
            return Refusal::or(provider.over_rate.as_ref(), reply::OVER_RATE);
        }
        let is_full = provider
            .connections_max
            .is_some_and(|max| state.places_taken >= max);
        if is_full {
            self.standing = Standing::Outside;
            let given = provider.over_connections.as_ref();
            return at_the_end(Refusal::or(given, reply::OVER_CONNECTIONS));
        }
        state.places_taken += 1;
        self.standing = Standing::Inside;
        drop(memory);
        self.at_door(Stage::Connect)
    }

    /// Gives back the place at the door; harmless when it was given back before.
    pub(crate) fn leave(&mut self) {
        let (Door::Provider(name), Standing::Inside) = (&self.door, self.standing) else {
            return;
        };
        self.standing = Standing::Free;
        if let Some(state) = locked(&self.world.memory).providers.get_mut(name) {
            state.places_taken = state.places_taken.saturating_sub(1);
        }
    }

    /// At EHLO and HELO.
    pub(crate) fn at_hello(&mut self, now_us: i64) -> Treatment {
        self.refresh();
        let dark = self.darkness_here(now_us);
        dark.unwrap_or_else(|| self.at_door(Stage::Hello))
    }

    /// At MAIL: one message more than a connection may bring is refused here.
    pub(crate) fn at_mail(&mut self, now_us: i64) -> Treatment {
        self.refresh();
        if let Some(treatment) = self.darkness_here(now_us) {
            return treatment;
        }
        if let Some(provider) = &self.own_door().provider
            && let Some(max) = provider.messages_per_connection_max
            && self.messages >= max
        {
            let refusal = Refusal::or(provider.over_messages.as_ref(), OVER_MESSAGES);
            self.messages_over += 1;
            return refusal;
        }
        self.at_door(Stage::Mail)
    }

    /// At RCPT; a guest that is let in may hold a place in its domain.
    pub(crate) fn at_rcpt(&mut self, visit: &Visit<'_>, now_us: i64) -> (Treatment, Guest) {
        let domain = visit.recipient.domain();
        let planned = self.plan.domain(domain);
        if let Door::Provider(name) = &self.door
            && *name != planned.provider
        {
            let refused = Decision::of(Treatment::refuse(NOT_OURS), Some(Count::Refused));
            return Guest::of(refused, None);
        }
        let rules = Rules {
            behaviour: &planned.behaviour,
            provider: self.plan.provider(&planned.provider),
            seed: self.plan.profile.seed,
            since_start_us: self.world.since_start_us(now_us),
            time_scale: self.plan.profile.time_scale,
        };
        if !planned.remembers && Magic::of(visit.recipient.local_part()).is_none() {
            let states = &mut States {
                domain: &mut DomainState::default(),
                provider: &mut ProviderState::default(),
            };
            return Guest::of(at_recipient(&rules, states, visit, now_us), None);
        }
        self.remembering(planned, &rules, visit, now_us)
    }

    fn remembering(
        &self,
        planned: &DomainPlan,
        rules: &Rules<'_>,
        visit: &Visit<'_>,
        now_us: i64,
    ) -> (Treatment, Guest) {
        let memory = &mut *locked(&self.world.memory);
        let name = remembered_name(&memory.domains, visit.recipient.domain());
        if !memory.domains.contains_key(name) {
            memory
                .domains
                .insert(name.to_owned(), DomainState::default());
        }
        let own = (memory.domains.get_mut(name)).expect("it is there or was just put there");
        let nobody = &mut ProviderState::default();
        let provider = match rules.provider {
            Some(_) => {
                let name = Arc::clone(&planned.provider);
                memory.providers.entry(name).or_default()
            }
            None => nobody,
        };
        let states = &mut States {
            domain: own,
            provider,
        };
        let decision = at_recipient(rules, states, visit, now_us);
        let is_needed = planned.behaviour.connections_max.is_some() && !visit.has_place;
        let place = (is_needed && decision.treatment.act.lets_pass()).then(|| {
            states.domain.places_taken += 1;
            Place {
                world: Arc::clone(&self.world),
                domain: name.to_owned(),
            }
        });
        Guest::of(decision, place)
    }

    /// A message has come to its dot; it may be the last one of this connection.
    pub(crate) fn at_dot(&mut self, mut ending: Ending) -> Ending {
        self.messages = self.messages.saturating_add(1);
        if let Some(provider) = &self.own_door().provider
            && provider.over_messages == Some(Refusal::Close)
            && provider.messages_per_connection_max == Some(self.messages)
            && ending.treatment.act == Act::Proceed
        {
            ending.treatment.act = Act::ProceedAndClose;
        }
        ending
    }

    fn own_door(&self) -> &DoorPlan {
        self.plan.door(&self.door)
    }

    /// Darkness at a provider's own door; at the common one only single domains are dark.
    fn darkness_here(&self, now_us: i64) -> Option<Treatment> {
        let door = self.own_door();
        door.provider.as_ref()?;
        darkness(&door.behaviour, self.world.since_start_us(now_us))
    }

    /// What chance says before a domain is known: by the number of the connection, and at MAIL by
    /// that of the message too.
    fn at_door(&self, stage: Stage) -> Treatment {
        let behaviour = &self.own_door().behaviour;
        if !behaviour.speaks_at(stage) {
            return Treatment::PROCEED;
        }
        let (seed, attempt) = (self.plan.profile.seed, self.messages.saturating_add(1));
        let address = &self.connection.to_string();
        let chance = Chance {
            seed,
            address,
            attempt,
        };
        let treatment = match rejected(behaviour, stage, chance) {
            Some(reject) => Treatment::refuse(reject.reply.reply()),
            None => befallen(behaviour, stage, chance)
                .map_or(Treatment::PROCEED, |mishap| mishap.treatment()),
        };
        let delay = latency(behaviour, stage, seed, address, attempt);
        let treatment = treatment.not_before(delay);
        if stage == Stage::Connect {
            return at_the_end(treatment);
        }
        treatment
    }

    /// Takes the newest plan, if there is one.
    fn refresh(&mut self) {
        let version = self.world.version.load(Ordering::Acquire);
        if version != self.version {
            self.version = version;
            self.plan = self.world.plan();
        }
    }
}

/// A greeting that refuses is the last word, whatever its code (RFC 5321 §3.1).
fn at_the_end(treatment: Treatment) -> Treatment {
    match treatment.act {
        Act::Say(reply) => Treatment {
            act: Act::SayAndClose(reply),
            ..treatment
        },
        _ => treatment,
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave();
    }
}
