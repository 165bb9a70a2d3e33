//! What is done to a magic local part.

use crate::bounds::MAGIC_GREY;
use crate::chance::key;
use crate::clock::micros;
use crate::dialogue::reply;
use crate::tally::Count;
use crate::world::behaviour::{
    Decision, DomainState, Later, Rules, Visit, Visits, counted_as, remember,
};
use crate::world::magic::Magic;
use crate::world::refusals::of_code;
use crate::world::treatment::{Act, Noise, Stage, Treatment};

pub(super) fn decide(
    magic: Magic,
    rules: &Rules<'_>,
    state: &mut DomainState,
    visit: &Visit<'_>,
    now_us: i64,
) -> Decision {
    let scale = rules.time_scale.max(1);
    let refused = |code| {
        let reply = of_code(code);
        let counted = counted_as(&reply);
        Decision::no(reply, counted)
    };
    let later = |later: Later| Decision {
        later: vec![later],
        ..Decision::yes()
    };
    let cut = |accepts, act| later(Later::cut(Stage::Dot, accepts, Treatment::now(act)));
    match magic {
        Magic::Accept => Decision::yes(),
        Magic::Defer { code, times_max } => {
            if times_max != u32::MAX && attempt(state, visit) > times_max {
                return Decision::yes();
            }
            refused(code)
        }
        Magic::Bounce(code) => refused(code),
        Magic::AtDot(code) => later(Later::refuse(Stage::Dot, of_code(code))),
        Magic::Slow(delay) => Decision::yes().delayed(|stage| match stage {
            Stage::Rcpt | Stage::Data | Stage::Dot => delay / scale,
            _ => std::time::Duration::ZERO,
        }),
        Magic::Late(delay) => {
            let treatment = Treatment::PROCEED.not_before(delay / scale);
            later(Later::pass(Stage::Dot, treatment))
        }
        Magic::DropAfterDot => cut(true, Act::Close),
        Magic::DropUnaccepted => cut(false, Act::Close),
        Magic::Half => cut(true, Act::Half),
        Magic::Grey => {
            let own = rules.behaviour.greylist_after.map(|span| span.duration());
            let after_us = micros(own.unwrap_or(MAGIC_GREY / scale));
            if state.is_grey(visit, after_us, None, now_us) {
                return Decision::no(reply::GREYLISTED, Count::Deferred);
            }
            Decision::yes()
        }
        Magic::Tarpit => Decision::of(Treatment::now(Act::Noise(Noise::SlowLoris)), None),
        Magic::Hold => Decision::of(Treatment::now(Act::Hold), Some(Count::Dropped)),
    }
}

/// The number of this attempt, from 1.
fn attempt(state: &mut DomainState, visit: &Visit<'_>) -> u32 {
    let stranger = &mut Visits::default();
    let recipient = key(&visit.recipient.text, "");
    let visits = remember(&mut state.recipients, recipient, Visits::default()).unwrap_or(stranger);
    visits.attempts = visits.attempts.saturating_add(1);
    visits.attempts
}

#[cfg(test)]
mod tests;
