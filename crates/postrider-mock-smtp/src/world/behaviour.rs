//! The decision at RCPT: what is said to one recipient now, and what waits for the message later.
//! Pure: state, time and seed come in as arguments.
//!
//! Rates count MAIL commands. A MAIL does not name its domain, so it is counted when the first RCPT
//! of its transaction does, with the time at which the MAIL arrived. What was refused for being too
//! fast is not counted: a client that is told 421 has used up nothing.

pub(crate) mod by_address;
mod by_magic;
mod decision;

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::bounds::VISITS_MAX;
use crate::chance::{draw, question};
use crate::dialogue::command::Address;
use crate::dialogue::reply;
use crate::profile::{Behaviour, Dark, Provider, Refusal};
use crate::tally::Count;
use crate::world::limits::{Block, Bucket};
use crate::world::magic::Magic;
use crate::world::refusals::OUT_OF_SERVICE;
use crate::world::treatment::{Act, Stage, Treatment};

use decision::counted_as;
pub(crate) use decision::{Decision, Later};

/// What a decision goes by: all of it said by the profile, but for the time since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) provider: Option<&'a Provider>,
    pub(crate) seed: u64,
    /// Since the first connection.
    pub(crate) since_start_us: i64,
    pub(crate) time_scale: u32,
}

/// One RCPT, as far as a decision needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a Address,
    /// When the MAIL of this transaction arrived.
    pub(crate) mail_at_us: i64,
    /// Whether an earlier RCPT of this transaction has named the domain.
    pub(crate) is_mail_counted: bool,
    /// Whether an earlier RCPT of this transaction has named a domain of the same provider.
    pub(crate) is_provider_counted: bool,
    /// Whether this connection already holds one of the domain's places.
    pub(crate) has_place: bool,
}

/// What a domain remembers.
#[derive(Debug, Default)]
pub(crate) struct DomainState {
    /// Connections with an open transaction.
    pub(crate) places_taken: u32,
    bucket: Bucket,
    block: Block,
    /// When a (sender, recipient) pair came first.
    first_tries: HashMap<u128, i64>,
    recipients: HashMap<u128, Visits>,
}

/// What a provider remembers.
#[derive(Debug, Default)]
pub(crate) struct ProviderState {
    /// Open connections at its door.
    pub(crate) places_taken: u32,
    pub(crate) block: Block,
    bucket: Bucket,
}

/// The states that a decision reads and changes.
#[derive(Debug)]
pub(crate) struct States<'a> {
    pub(crate) domain: &'a mut DomainState,
    pub(crate) provider: &'a mut ProviderState,
}

/// How often an address was there.
#[derive(Debug, Default)]
struct Visits {
    attempts: u32,
    deferred: u32,
    dropped: u32,
}

impl DomainState {
    /// Forgets everything but the places, which connections hold.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            places_taken: self.places_taken,
            ..Self::default()
        };
    }
}

impl ProviderState {
    /// Forgets everything but the places, which connections hold.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            places_taken: self.places_taken,
            ..Self::default()
        };
    }
}

/// Decides about one recipient.
pub(crate) fn at_recipient(
    rules: &Rules<'_>,
    states: &mut States<'_>,
    visit: &Visit<'_>,
    now_us: i64,
) -> Decision {
    let Rules { behaviour, .. } = *rules;
    if let Some(treatment) = darkness(behaviour, rules.since_start_us) {
        return Decision::of(treatment, Some(Count::Dropped));
    }
    let taken = states.domain.places_taken;
    let is_full = behaviour.connections_max.is_some_and(|max| taken >= max);
    if is_full && !visit.has_place {
        let given = behaviour.over_connections.as_ref();
        let treatment = Refusal::or(given, reply::OVER_CONNECTIONS);
        return Decision::of(treatment, Some(Count::OverConnections));
    }
    if let Some(treatment) = over_rate(rules, states, visit, now_us) {
        return Decision::of(treatment, Some(Count::OverRate));
    }
    if let Some(magic) = Magic::of(visit.recipient.local_part()) {
        return by_magic::decide(magic, rules, states.domain, visit, now_us);
    }
    let decision = by_address::decide(rules, states.domain, visit, now_us);
    if behaviour.reply_delay.duration().is_zero() && behaviour.latency.is_none() {
        return decision;
    }
    let address = visit.recipient.text.as_str();
    let attempt = u32::from(behaviour.counts_attempts()) * states.domain.attempts_of(address);
    decision.delayed(|stage| latency(behaviour, stage, rules.seed, address, attempt))
}

/// What darkness does at this time, if it is dark.
pub(crate) fn darkness(behaviour: &Behaviour, since_start_us: i64) -> Option<Treatment> {
    let outage = behaviour.outage.filter(|it| it.is_dark(since_start_us))?;
    Some(match outage.how {
        Dark::Close => Treatment::now(Act::Close),
        Dark::Reset => Treatment::now(Act::Reset),
        Dark::Hold => Treatment::now(Act::Hold),
        Dark::Refuse => Treatment::refuse(OUT_OF_SERVICE),
    })
}

/// Counts the MAIL of this visit if it is a new one; the refusal if there was no room for it.
fn over_rate(
    rules: &Rules<'_>,
    states: &mut States<'_>,
    visit: &Visit<'_>,
    now_us: i64,
) -> Option<Treatment> {
    if visit.is_mail_counted {
        return None;
    }
    let (own, at_us) = (rules.behaviour, visit.mail_at_us);
    let refusal = |given: &Option<Refusal>| Some(Refusal::or(given.as_ref(), reply::OVER_RATE));
    let provider = rules.provider.filter(|_| !visit.is_provider_counted);
    if let Some(provider) = provider {
        let ProviderState { bucket, block, .. } = &mut *states.provider;
        if block.meets(&provider.penalties, now_us) {
            return refusal(&provider.over_rate);
        }
        if let Some(rate) = provider.rate
            && !bucket.has_room(rate, provider.burst_of(rate), at_us)
        {
            block.offend(&provider.penalties, now_us);
            return refusal(&provider.over_rate);
        }
    }
    let DomainState { bucket, block, .. } = &mut *states.domain;
    if block.meets(&own.penalties, now_us) {
        return refusal(&own.over_rate);
    }
    if let Some(rate) = own.rate {
        if !bucket.has_room(rate, own.burst_of(rate), at_us) {
            block.offend(&own.penalties, now_us);
            return refusal(&own.over_rate);
        }
        bucket.take(rate, at_us);
    }
    if let Some(rate) = provider.and_then(|provider| provider.rate) {
        states.provider.bucket.take(rate, at_us);
    }
    None
}

/// The wait before the reply of a stage; `subject` and `attempt` make the draw.
pub(crate) fn latency(
    behaviour: &Behaviour,
    stage: Stage,
    seed: u64,
    subject: &str,
    attempt: u32,
) -> Duration {
    let drawn = behaviour.latency.of(stage).sample(|| {
        let at = |salt| draw(question(seed, stage as usize), salt, subject, attempt);
        (at("latency"), at("phase"))
    });
    match stage {
        Stage::Rcpt | Stage::Data | Stage::Dot => drawn + behaviour.reply_delay.duration(),
        _ => drawn,
    }
}

impl DomainState {
    /// How often an address was tried, as far as that was counted.
    fn attempts_of(&self, address: &str) -> u32 {
        let visits = self.recipients.get(&crate::chance::key(address, ""));
        visits.map_or(0, |visits| visits.attempts)
    }
}

/// The entry of `key`, made with `fresh` if there is none; nothing when the table is full.
fn remember<K: Eq + Hash, V>(table: &mut HashMap<K, V>, key: K, fresh: V) -> Option<&mut V> {
    if table.len() >= VISITS_MAX && !table.contains_key(&key) {
        return None;
    }
    Some(table.entry(key).or_insert(fresh))
}

#[cfg(test)]
mod tests;
