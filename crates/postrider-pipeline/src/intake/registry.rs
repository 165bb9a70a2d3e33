//! Which desks there are.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use postrider_store::{Refused, Store};
use postrider_types::{CampaignId, Domain, TenantId};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout_at};

use super::ask::{Ask, Halt};
use super::desk::Desk;
use super::error::{IntakeError, IntakeReport};
use super::list::Intake;
use crate::bounds::{AUDIENCES_MAX, DESK_WAIT_MAX, PIECES_WAITING_MAX};
use crate::clock::Clock;
use crate::settings::{IntakeSettings, LimitSettings};

/// The audiences that grow in this process: one value for the whole process, cheap to clone.
///
/// At most [`AUDIENCES_MAX`] are in memory, each with at most `dedup_bytes_max` for
/// de-duplication; one that nobody feeds makes room for another.
#[derive(Clone)]
pub struct Audiences {
    shared: Arc<Shared>,
}

/// What desks and lists have in common. Desks hold it weakly, so that the store closes with the
/// last handle outside.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: IntakeSettings,
    pub(super) own_lanes: HashSet<Domain>,
    pub(super) spill_dir: PathBuf,
    desks: Mutex<HashMap<CampaignId, Place>>,
    /// A desk has gone.
    left: Notify,
}

/// A desk from outside.
struct Place {
    asks: mpsc::Sender<Ask>,
    halt: Arc<OnceLock<Halt>>,
    /// Asks an idle desk to go.
    leave: Arc<Notify>,
    /// Held by each [`Intake`] of this desk too.
    live: Arc<()>,
    opened_at: Instant,
}

impl Place {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.live) == 1
    }
}

impl Audiences {
    /// No audience yet; `spill_dir` must exist, and holds what de-duplication has no memory for.
    pub fn new(
        store: &Store,
        clock: Arc<dyn Clock>,
        settings: IntakeSettings,
        limits: &LimitSettings,
        spill_dir: PathBuf,
    ) -> Self {
        let shared = Shared {
            store: store.clone(),
            clock,
            settings,
            own_lanes: limits.domains.keys().cloned().collect(),
            spill_dir,
            desks: Mutex::default(),
            left: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Opens the audience of a campaign to take lists in.
    ///
    /// # Errors
    /// [`IntakeError`]; a campaign that is missing, sealed or over is refused.
    pub async fn open(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Intake, IntakeError> {
        self.check(tenant, campaign).await?;
        let deadline = Instant::now() + DESK_WAIT_MAX;
        loop {
            match self.at_desk(tenant, campaign) {
                Ok(intake) => return Ok(intake),
                Err(Some(idle)) => idle.notify_one(),
                Err(None) => return Err(IntakeError::Busy(AUDIENCES_MAX)),
            }
            let left = timeout_at(deadline, self.shared.left.notified()).await;
            left.map_err(|_| IntakeError::Busy(AUDIENCES_MAX))?;
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn desks(&self) -> usize {
        self.shared.desks().len()
    }

    /// Says no before anything is read. The store has the last word, chunk by chunk.
    async fn check(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), IntakeError> {
        let report = Box::<IntakeReport>::default;
        let found = self
            .shared
            .store
            .read(move |reader| reader.campaign(campaign))
            .await;
        let found = found.map_err(|source| IntakeError::Store {
            report: report(),
            source,
        })?;
        let refused = match found.filter(|campaign| campaign.tenant == tenant) {
            None => Refused::NoCampaign,
            Some(found) if found.state.is_final() => Refused::Campaign { state: found.state },
            Some(found) if found.is_sealed => Refused::Sealed,
            Some(_) => return Ok(()),
        };
        Err(IntakeError::Refused {
            report: report(),
            source: refused,
        })
    }

    /// A way to the campaign's desk, which is set up if there is none; when there is no room, who
    /// among the idle ones has been there longest.
    fn at_desk(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Intake, Option<Arc<Notify>>> {
        let mut desks = self.shared.desks();
        // What has halted has also been waited for, so that the next can learn from the store.
        desks.retain(|_, place| !place.asks.is_closed());
        if desks.len() >= AUDIENCES_MAX && !desks.contains_key(&campaign) {
            let idle = desks.values().filter(|place| place.is_idle());
            let first = idle.min_by_key(|place| place.opened_at);
            return Err(first.map(|place| Arc::clone(&place.leave)));
        }
        let place = desks
            .entry(campaign)
            .or_insert_with(|| self.set_up(tenant, campaign));
        place.opened_at = Instant::now();
        Ok(Intake {
            asks: place.asks.clone(),
            halt: Arc::clone(&place.halt),
            errors_max: self.shared.settings.errors_max,
            _live: Arc::clone(&place.live),
            _shared: Arc::clone(&self.shared),
        })
    }

    fn set_up(&self, tenant: TenantId, campaign: CampaignId) -> Place {
        let (sender, asks) = mpsc::channel(PIECES_WAITING_MAX);
        let place = Place {
            asks: sender,
            halt: Arc::default(),
            leave: Arc::default(),
            live: Arc::new(()),
            opened_at: Instant::now(),
        };
        let desk = Desk::new(
            &self.shared,
            tenant,
            campaign,
            asks,
            Arc::clone(&place.leave),
        );
        tokio::spawn(desk.run(Arc::clone(&place.halt)));
        place
    }
}

impl Shared {
    /// Takes an idle desk off the list; false when somebody needs it after all.
    pub(super) fn let_go(&self, campaign: CampaignId) -> bool {
        let mut desks = self.desks();
        let may_go = desks.get(&campaign).is_some_and(Place::is_idle);
        if may_go {
            desks.remove(&campaign);
            self.left.notify_one();
        }
        may_go
    }

    fn desks(&self) -> MutexGuard<'_, HashMap<CampaignId, Place>> {
        // Nothing is half done in there when somebody panics.
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
