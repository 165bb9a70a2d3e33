//! What depends on the address and its attempts: rejection, refusal, greylisting, deferral, drop
//! and mishap, by the seed.

use crate::bounds::ATTEMPTS_LOOKED_BACK_MAX;
use crate::chance::{draw, key, question};
use crate::clock::micros;
use crate::dialogue::reply;
use crate::profile::{Behaviour, DeferAt, DropAt, How, Mishap, Reject};
use crate::tally::Count;
use crate::units::Share;
use crate::world::behaviour::{
    Decision, DomainState, Later, Rules, Visit, Visits, counted_as, remember,
};
use crate::world::treatment::{Act, Stage, Treatment};

pub(super) fn decide(
    rules: &Rules<'_>,
    state: &mut DomainState,
    visit: &Visit<'_>,
    now_us: i64,
) -> Decision {
    let Rules {
        behaviour, seed, ..
    } = *rules;
    let address = visit.recipient.text.as_str();
    if is_refused(behaviour, visit, seed) {
        return Decision::no(reply::NO_SUCH_USER, Count::Refused);
    }
    if is_greylisted(behaviour, state, visit, now_us) {
        return Decision::no(reply::GREYLISTED, Count::Deferred);
    }
    if behaviour.reject.is_empty() && !behaviour.counts_attempts() {
        return Decision::yes();
    }
    let stranger = &mut Visits::default();
    let visits = if behaviour.counts_attempts() {
        remember(&mut state.recipients, key(address, ""), Visits::default()).unwrap_or(stranger)
    } else {
        stranger
    };
    visits.attempts = visits.attempts.saturating_add(1);
    let chance = Chance {
        seed,
        address,
        attempt: visits.attempts,
    };
    if let Some(reject) = rejected(behaviour, Stage::Rcpt, chance) {
        let reply = reject.reply.reply();
        let counted = counted_as(&reply);
        return Decision::no(reply, counted);
    }
    let mut decision = Decision::yes();
    if let Some(mishap) = befallen(behaviour, Stage::Rcpt, chance) {
        decision.treatment = mishap.treatment();
        if !decision.treatment.act.lets_pass() {
            decision.counted = Some(Count::Dropped);
            return decision;
        }
    }
    if !defer_or_drop(behaviour, visits, chance, &mut decision) {
        return Decision::no(reply::DEFERRED, Count::Deferred);
    }
    for stage in [Stage::Data, Stage::Body, Stage::Dot] {
        let mishap = befallen(behaviour, stage, chance).map(|it| mishap_at(stage, it));
        decision.later.extend(mishap);
        let reject = rejected(behaviour, stage, chance);
        (decision.later).extend(reject.map(|it| Later::refuse(stage, it.reply.reply())));
    }
    decision
}

/// Deferral and drop as their own keys say; whether the recipient is let in at RCPT.
fn defer_or_drop(
    behaviour: &Behaviour,
    visits: &mut Visits,
    chance: Chance<'_>,
    decision: &mut Decision,
) -> bool {
    let Chance {
        seed,
        address,
        attempt,
    } = chance;
    let times_left = |done: u32, max: Option<u32>| max.is_none_or(|max| done < max);
    if (behaviour.defer_share).holds(draw(seed, "defer", address, 0))
        && times_left(visits.deferred, behaviour.defer_times_max)
    {
        visits.deferred += 1;
        match behaviour.defer_at {
            DeferAt::Rcpt => return false,
            DeferAt::Dot => {
                let later = Later::refuse(Stage::Dot, reply::DEFERRED);
                decision.later.push(later);
            }
        }
    }
    if (behaviour.drop_share).holds(draw(seed, "drop", address, attempt))
        && times_left(visits.dropped, behaviour.drop_times_max)
    {
        visits.dropped += 1;
        let (stage, accepts) = match behaviour.drop_at {
            DropAt::Data => (Stage::Data, false),
            DropAt::Body => (Stage::Body, false),
            DropAt::BeforeAccept => (Stage::Dot, false),
            DropAt::AfterAccept => (Stage::Dot, true),
        };
        // A drop comes before a deferral at the same stage.
        let later = Later::cut(stage, accepts, Treatment::now(Act::Close));
        decision.later.insert(0, later);
    }
    true
}

/// One question of chance: the same answer for the same seed, address and attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance<'a> {
    pub(crate) seed: u64,
    pub(crate) address: &'a str,
    pub(crate) attempt: u32,
}

impl Chance<'_> {
    /// Whether something of this share happens now, and has not happened `times_max` times before.
    fn holds(self, salt: &str, index: usize, share: Share, times_max: Option<u32>) -> bool {
        let seed = question(self.seed, index);
        let is_drawn = |attempt: &u32| share.holds(draw(seed, salt, self.address, *attempt));
        if !is_drawn(&self.attempt) {
            return false;
        }
        times_max.is_none_or(|max| {
            let first = self.attempt.saturating_sub(ATTEMPTS_LOOKED_BACK_MAX).max(1);
            let before = (first..self.attempt).filter(is_drawn);
            before.take(max as usize).count() < max as usize
        })
    }
}

/// The first rejection that applies at a stage.
pub(crate) fn rejected<'a>(
    behaviour: &'a Behaviour,
    stage: Stage,
    chance: Chance<'_>,
) -> Option<&'a Reject> {
    let mut listed = behaviour.reject.iter().enumerate();
    let holds = |(index, reject): &(usize, &Reject)| {
        let attempt = if reject.is_by_attempt() {
            chance.attempt
        } else {
            0
        };
        let chance = Chance { attempt, ..chance };
        reject.stage == stage && chance.holds("reject", *index, reject.share, reject.times_max)
    };
    listed.find(holds).map(|(_, reject)| reject)
}

/// The first mishap that happens at a stage.
pub(crate) fn befallen<'a>(
    behaviour: &'a Behaviour,
    stage: Stage,
    chance: Chance<'_>,
) -> Option<&'a Mishap> {
    let mut listed = behaviour.mishap.iter().enumerate();
    let holds = |(index, mishap): &(usize, &Mishap)| {
        mishap.stage == stage && chance.holds("mishap", *index, mishap.share, mishap.times_max)
    };
    listed.find(holds).map(|(_, mishap)| mishap)
}

fn mishap_at(stage: Stage, mishap: &Mishap) -> Later {
    let treatment = mishap.treatment();
    if mishap.how == How::Late || treatment.act.lets_pass() {
        return Later::pass(stage, treatment);
    }
    Later::cut(stage, stage == Stage::Dot && mishap.accepts, treatment)
}

fn is_refused(behaviour: &Behaviour, visit: &Visit<'_>, seed: u64) -> bool {
    let (local_part, address) = (visit.recipient.local_part(), &visit.recipient.text);
    let has_prefix = |prefix: &String| local_part.starts_with(prefix.as_str());
    let share = behaviour.refuse_share;
    behaviour
        .refuse_local_prefix
        .as_ref()
        .is_some_and(has_prefix)
        || (!share.is_none() && share.holds(draw(seed, "refuse", address, 0)))
}

fn is_greylisted(
    behaviour: &Behaviour,
    state: &mut DomainState,
    visit: &Visit<'_>,
    now_us: i64,
) -> bool {
    let Some(after) = behaviour.greylist_after else {
        return false;
    };
    let until = behaviour.greylist_until;
    state.is_grey(
        visit,
        micros(after.duration()),
        until.map(|it| micros(it.duration())),
        now_us,
    )
}

impl DomainState {
    /// Whether the pair's first try is less than `after_us` ago; one that is `until_us` ago is
    /// forgotten, and this one is the first.
    pub(super) fn is_grey(
        &mut self,
        visit: &Visit<'_>,
        after_us: i64,
        until_us: Option<i64>,
        now_us: i64,
    ) -> bool {
        let pair = key(visit.sender, &visit.recipient.text);
        let Some(first_at_us) = remember(&mut self.first_tries, pair, now_us) else {
            return false;
        };
        if until_us.is_some_and(|until_us| now_us.saturating_sub(*first_at_us) >= until_us) {
            *first_at_us = now_us;
        }
        now_us.saturating_sub(*first_at_us) < after_us
    }
}

#[cfg(test)]
mod tests;
