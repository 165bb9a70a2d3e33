//! What all connections share: the plan, and what domains and providers remember.
//!
//! One lock for all memory: it is held for a decision (well under a microsecond), and not taken at
//! all for a domain whose behaviour remembers nothing. The profile can be changed while connections
//! are open: each looks at EHLO and at MAIL whether there is a newer one, so no transaction is judged
//! by two.

pub(crate) mod behaviour;
pub(crate) mod limits;
pub(crate) mod magic;
pub(crate) mod plan;
pub(crate) mod refusals;
pub(crate) mod treatment;

mod entry;
mod guest;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::bounds::DOMAINS_MAX;
use crate::control::samples::Samples;
use crate::profile::Profile;
use crate::world::behaviour::{DomainState, ProviderState};
use crate::world::plan::{Door, Plan};
use crate::world::treatment::Treatment;

pub(crate) use entry::Entry;
pub(crate) use guest::{Guest, Place};

/// The plan with its memory.
#[derive(Debug)]
pub(crate) struct World {
    plan: RwLock<Arc<Plan>>,
    /// How often the plan was changed; read without a lock.
    version: AtomicU64,
    /// When the first connection came since the start or the last reset; 0 before it.
    started_at_us: AtomicI64,
    memory: Mutex<Memory>,
    samples: Arc<Samples>,
}

/// What is remembered of clients; nothing of the profile.
#[derive(Debug, Default)]
struct Memory {
    domains: HashMap<String, DomainState>,
    providers: HashMap<Arc<str>, ProviderState>,
}

impl World {
    pub(crate) fn new(profile: Profile) -> Arc<Self> {
        Arc::new(Self {
            plan: RwLock::new(Arc::new(Plan::new(profile))),
            version: AtomicU64::new(0),
            started_at_us: AtomicI64::new(0),
            memory: Mutex::default(),
            samples: Arc::default(),
        })
    }

    /// The plan of now.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first message of each campaign.
    pub(crate) fn samples(&self) -> &Arc<Samples> {
        &self.samples
    }

    /// A connection comes in: its place, and how it is greeted.
    pub(crate) fn enter(
        self: &Arc<Self>,
        door: Door,
        connection: u64,
        now_us: i64,
    ) -> (Entry, Treatment) {
        let start = &self.started_at_us;
        // Only the first one finds 0; a later failure is what is wanted.
        let _ = start.compare_exchange(0, now_us, Ordering::Relaxed, Ordering::Relaxed);
        let mut entry = Entry::new(Arc::clone(self), door, connection);
        let greeting = entry.knock(now_us);
        (entry, greeting)
    }

    /// Serves by this profile from the next EHLO or MAIL of every connection on. Memory stays.
    pub(crate) fn change(&self, profile: Profile) {
        let plan = Arc::new(Plan::new(profile));
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Forgets what clients did, and when the first one came; open connections keep their places.
    pub(crate) fn reset(&self) {
        self.started_at_us.store(0, Ordering::Relaxed);
        let mut memory = locked(&self.memory);
        memory.domains.retain(|_, state| state.places_taken > 0);
        memory.domains.values_mut().for_each(DomainState::forget);
        memory
            .providers
            .values_mut()
            .for_each(ProviderState::forget);
    }

    /// How long after the first connection this is.
    fn since_start_us(&self, now_us: i64) -> i64 {
        match self.started_at_us.load(Ordering::Relaxed) {
            0 => 0,
            started_at_us => now_us.saturating_sub(started_at_us),
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

#[cfg(test)]
mod tests;
