//! Where the shell passes a fail point: by what comes to the core, and by what the core wants.
//!
//! All are in the shell, because the core does no I/O. In a build without fail points nothing of
//! this is left.

use postrider_failpoint::FailPoint;
use postrider_store::{Reply, Request};

use crate::core::{Effect, Event};

/// Passes the fail points before the core hears of an event.
pub(crate) fn pass_event(event: &Event) {
    FailPoint::Turn.reached();
    match event {
        Event::Answered(_, Ok(Reply::Claimed(_))) => FailPoint::AfterClaim.reached(),
        Event::Held(_, _, Ok(())) => FailPoint::AfterHydrate.reached(),
        _ => {}
    }
}

/// Passes the fail points before an effect is carried out.
pub(crate) fn pass_effect(effect: &Effect) {
    match effect {
        Effect::Ask(_, Request::Begin { .. }) => FailPoint::BeforeBegin.reached(),
        Effect::Ask(_, Request::Record { .. }) => FailPoint::BeforeOutcome.reached(),
        Effect::Ask(_, Request::End { .. }) => FailPoint::BeforeEnd.reached(),
        Effect::Dot { .. } => FailPoint::BeforeDot.reached(),
        _ => {}
    }
}
