//! What kills the process that works on it, what a dead worker has left about it on disk, and how
//! a suspect is tried alone.
//!
//! A worker notes whose message it renders, and which body it prepares, before it does so; the note
//! outlives the process, and not the machine. Whoever looks after workers reads the notes of a dead
//! one, tries each suspect in a process of its own, and tells the reaper what came of it.

use std::time::Duration;

use postrider_store::quarantine::{Held, Suspect, Suspects, Verdict};
use postrider_store::upkeep::Upkeep;
use postrider_store::{Request, Tables};
use postrider_types::{ChunkRecipient, EmailId, Timestamp, WorkerId};

use super::host::STEP_AGAIN;
use super::oracle::Violation;
use super::people::EMAILS;
use super::worker::Place;
use super::world::{Happening, World};

/// Where messages kill workers, it is one of so many recipients whose does.
const POISON_EVERY: u32 = 40;

/// How long a worker waits at most until it is started again.
const START_MAX: Duration = Duration::from_secs(20);

/// How long it mostly waits.
const START_SOON: Duration = Duration::from_millis(300);

/// A worker that has been silent for so many lease times is killed.
const SILENT_LEASES: u32 = 2;

/// How a message, or a body, kills who works on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Whoever works on it, and so whoever tries it.
    Deadly,
    /// A worker, also when it works on nothing else; but not the process that tries it.
    Sly,
    /// A worker that works on others as well.
    Crowded,
    /// Nobody; but whoever works on it never comes back, and is killed for that.
    Endless,
}

/// What a dead worker's notes say.
#[derive(Debug, Clone)]
pub(super) enum Notes {
    /// These were in its hands.
    Held(Vec<Held>),
    /// They cannot be read.
    Unreadable,
}

impl Notes {
    /// There are none: the worker ended in order, or the machine was started again.
    pub(super) const NONE: Self = Self::Held(Vec::new());
}

/// A dead worker that nobody has looked after yet.
#[derive(Debug, Clone)]
pub(super) struct Grave {
    pub(super) number: usize,
    pub(super) worker: WorkerId,
    pub(super) notes: Notes,
    /// What killed it, if that was its work.
    pub(super) cause: Option<Held>,
}

impl Grave {
    /// What was noted is not believed: the machine was started since.
    pub(super) fn forget(&mut self) {
        self.notes = Notes::NONE;
        self.cause = None;
    }
}

impl World {
    /// How this kills who works on it, if it does.
    pub(super) fn nature_of(&self, what: Held) -> Option<Nature> {
        const NATURES: [Nature; 4] = [
            Nature::Deadly,
            Nature::Sly,
            Nature::Crowded,
            Nature::Endless,
        ];
        match what {
            Held::Delivery(delivery) => {
                let (round, place) = (
                    delivery.recipient.0 / POISON_EVERY,
                    delivery.recipient.0 % POISON_EVERY,
                );
                let is_poison = self.plan.is_poisoned && place == POISON_EVERY - 1;
                let which = (u64::from(delivery.campaign.0) + u64::from(round)) % 4;
                is_poison.then(|| NATURES[usize::try_from(which).unwrap_or(0)])
            }
            Held::Email(_, email) => {
                let is_poison = email == EmailId::of(EMAILS[1]);
                self.plan.poison_body.filter(|_| is_poison)
            }
        }
    }

    /// Whether the worker that comes to this dies of it. It dies a moment later, or when it has
    /// been silent for too long, and its notes name what it came to.
    pub(super) fn is_deadly(&mut self, place: Place, what: Held, is_alone: bool) -> bool {
        let after = match self.nature_of(what) {
            Some(Nature::Crowded) if is_alone => return false,
            Some(Nature::Deadly | Nature::Sly | Nature::Crowded) => Duration::ZERO,
            Some(Nature::Endless) => self.plan.settings.lease.time * SILENT_LEASES,
            None => return false,
        };
        self.disturb(place);
        let worker = &mut self.workers[place.worker];
        worker.is_paused = true;
        worker.stuck_in.get_or_insert(what);
        self.later(after, Happening::Die(place));
        true
    }

    /// What a worker that dies now has left on disk: what killed it, and now and then something
    /// else that it worked on at that instant.
    pub(super) fn notes_of(&mut self, place: Place) -> Notes {
        if self.chance.is_unlucky(12) {
            return Notes::Unreadable;
        }
        let worker = &self.workers[place.worker];
        let messages = worker.in_hand.iter().map(|(_, one)| Held::Delivery(*one));
        let bodies = worker.loading.iter().map(|(of, id)| Held::Email(*of, *id));
        let others: Vec<_> = messages.chain(bodies).collect();
        let mut held = Vec::from_iter(worker.stuck_in);
        if !others.is_empty() && self.chance.is_unlucky(3) {
            held.push(others[self.chance.index(others.len())]);
        }
        Notes::Held(held)
    }

    /// A worker is dead, and its notes were read: its suspects are tried, and its leases ended.
    /// Only then does the next one start in its place.
    pub(super) fn bury(&mut self, grave: Grave) -> Result<(), Violation> {
        if self.is_down() {
            self.later(STEP_AGAIN, Happening::Bury(grave));
            return Ok(());
        }
        self.suspect_held(&grave.notes, Some(grave.worker), grave.cause)?;
        let suspects = self.try_all(&grave.notes);
        self.reap_all(&Request::Reap {
            before: Timestamp::EPOCH,
            worker: Some(grave.worker),
            suspects,
        })?;
        let number = grave.number;
        let shows = self.host.clock.shows(self.now);
        self.host.spent_at.insert(number, shows);
        let most = match self.chance.one_in(3) {
            true => START_MAX,
            false => START_SOON,
        };
        let delay = self.chance.within(most);
        self.later(delay, Happening::Start(self.workers[number].place));
        Ok(())
    }

    /// The service starts, and its workers are dead: the leases of each are over, with what its
    /// notes say, and then all others. Where notes cannot be read, nobody knows whose they are.
    pub(super) fn bury_all(&mut self, graves: Vec<Grave>) -> Result<(), Violation> {
        let mut others = Suspects::Nobody;
        for grave in graves {
            if matches!(grave.notes, Notes::Unreadable) {
                others = Suspects::Unknown;
                continue;
            }
            self.suspect_held(&grave.notes, Some(grave.worker), grave.cause)?;
            let suspects = self.try_all(&grave.notes);
            self.reap_all(&Request::Reap {
                before: Timestamp::EPOCH,
                worker: Some(grave.worker),
                suspects,
            })?;
        }
        if others == Suspects::Unknown {
            self.suspect_held(&Notes::Unreadable, None, None)?;
        }
        self.reap_all(&Request::Reap {
            before: Timestamp::NEVER,
            worker: None,
            suspects: others,
        })
    }

    /// Tells the oracle who may be suspected of a death, and who was guilty of it.
    fn suspect_held(
        &mut self,
        notes: &Notes,
        worker: Option<WorkerId>,
        causes: impl IntoIterator<Item = Held>,
    ) -> Result<(), Violation> {
        match notes {
            Notes::Held(held) => {
                self.oracle.suspect(held.clone());
                causes
                    .into_iter()
                    .try_for_each(|cause| self.oracle.name(cause))
            }
            Notes::Unreadable => {
                let held = self.leased_by(worker)?;
                self.oracle.suspect(held);
                Ok(())
            }
        }
    }

    /// Whoever is in a chunk that a worker holds, or any worker.
    fn leased_by(&mut self, worker: Option<WorkerId>) -> Result<Vec<Held>, Violation> {
        let leases = match worker {
            Some(worker) => self.host.rows.leases_of_worker(worker, usize::MAX)?,
            None => self.host.rows.leases_before(Timestamp::NEVER, usize::MAX)?,
        };
        let mut held = Vec::new();
        for lease in leases {
            if let Some(chunk) = self.host.rows.chunk(lease.chunk)? {
                let of = |r: &ChunkRecipient| Held::Delivery(chunk.delivery(r.recipient));
                held.extend(chunk.recipients.iter().map(of));
            }
        }
        Ok(held)
    }

    /// Every suspect in a process of its own.
    fn try_all(&mut self, notes: &Notes) -> Suspects {
        let Notes::Held(held) = notes else {
            return Suspects::Unknown;
        };
        let tried = held.iter().map(|what| Suspect {
            what: *what,
            verdict: self.try_alone(*what),
        });
        Suspects::These(tried.collect())
    }

    /// A trial: it dies, survives, or cannot be made.
    fn try_alone(&mut self, what: Held) -> Verdict {
        let is_made = !self.chance.is_unlucky(10);
        match self.nature_of(what).filter(|_| is_made) {
            Some(Nature::Deadly) => Verdict::Deadly("rendering it alone was killed".to_owned()),
            Some(Nature::Endless) => Verdict::Deadly("rendering it alone took too long".to_owned()),
            Some(Nature::Sly | Nature::Crowded) | None => Verdict::Open,
        }
    }
}
