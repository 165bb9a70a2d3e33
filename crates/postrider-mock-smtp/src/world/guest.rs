//! What a connection takes with it from RCPT: what waits for the recipient, and a place in the domain.

use std::sync::Arc;

use crate::tally::Count;
use crate::world::behaviour::{Decision, Later};
use crate::world::treatment::Treatment;
use crate::world::{World, locked};

/// What comes with a recipient's treatment.
#[derive(Debug, Default)]
pub(crate) struct Guest {
    pub(crate) place: Option<Place>,
    /// What the visit counts as, if it was no plain yes.
    pub(crate) counted: Option<Count>,
    /// What waits for one that was let in.
    pub(crate) later: Vec<Later>,
}

impl Guest {
    pub(super) fn of(decision: Decision, place: Option<Place>) -> (Treatment, Self) {
        let Decision {
            treatment,
            counted,
            later,
        } = decision;
        let guest = Self {
            place,
            counted,
            later,
        };
        (treatment, guest)
    }
}

/// One connection's place under a domain's `connections_max`; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) world: Arc<World>,
    pub(super) domain: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(state) = locked(&self.world.memory).domains.get_mut(&self.domain) {
            state.places_taken = state.places_taken.saturating_sub(1);
        }
    }
}
