//! What all connections share: the profile, and what its domains remember.
//!
//! One lock for all domains: it is held for a decision (well under a microsecond), and not taken
//! at all for a domain whose behaviour remembers nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::behaviour::{DomainState, Verdict, Visit, at_recipient};
use crate::bounds::DOMAINS_MAX;
use crate::profile::Profile;

/// The profile with its memory.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) profile: Profile,
    domains: Mutex<HashMap<String, DomainState>>,
}

impl World {
    pub(crate) fn new(profile: Profile) -> Arc<Self> {
        Arc::new(Self {
            profile,
            domains: Mutex::default(),
        })
    }

    /// Decides about a recipient; one that is accepted may come with a place in its domain.
    pub(crate) fn visit(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        now_us: i64,
    ) -> (Verdict, Option<Place>) {
        let domain = visit.recipient.domain();
        let behaviour = self.profile.behaviour(domain);
        if !behaviour.remembers() {
            return (
                at_recipient(behaviour, &mut DomainState::default(), visit, now_us),
                None,
            );
        }
        let mut domains = locked(&self.domains);
        let name = remembered_name(&domains, domain);
        let state = domains.entry(name.to_owned()).or_default();
        let verdict = at_recipient(behaviour, state, visit, now_us);
        let is_needed = behaviour.connections_max.is_some() && !visit.has_place;
        if !is_needed || !matches!(verdict, Verdict::Accept(_)) {
            return (verdict, None);
        }
        state.places_taken += 1;
        (
            verdict,
            Some(Place {
                world: Arc::clone(self),
                domain: name.to_owned(),
            }),
        )
    }
}

/// One connection's place under a domain's `connections_max`; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    world: Arc<World>,
    domain: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(state) = locked(&self.world.domains).get_mut(&self.domain) {
            state.places_taken = state.places_taken.saturating_sub(1);
        }
    }
}

/// Locks, also after a panic elsewhere: a count that is off by one is better than a mock that hangs.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The domain itself, or, beyond the bound, the empty name that all further ones share.
pub(crate) fn remembered_name<'a, T>(known: &HashMap<String, T>, domain: &'a str) -> &'a str {
    if known.len() < DOMAINS_MAX || known.contains_key(domain) {
        domain
    } else {
        ""
    }
}
