//! What a core wants done, and who does it; bodies are loaded here.

use postrider_store::StoreError;
use postrider_store::quarantine::Held;
use postrider_types::{EmailId, TenantId};

use super::oracle::Violation;
use super::worker::Place;
use super::world::{Happening, World};
use crate::core::{BodyTrouble, Effect, Event};

impl World {
    /// Does what a core wants done.
    pub(super) fn carry_out(&mut self, place: Place, effect: Effect) -> Result<(), Violation> {
        match effect {
            Effect::Ask(id, request) => self.send(place, vec![(id, request)]),
            Effect::Hold(tenant, email) => {
                if self.is_deadly(place, Held::Email(tenant, email), false) {
                    return Ok(());
                }
                self.workers[place.worker].loading.push((tenant, email));
                let held = self.load(tenant, email);
                let delay = self.chance.network();
                self.later(
                    delay,
                    Happening::Hear(place, Event::Held(tenant, email, held)),
                );
            }
            Effect::Connect {
                connection,
                allowed,
                ..
            } => self.connect(place, connection, allowed.pipelining),
            Effect::Transmit(connection, job) => {
                self.transmit(place, connection, &job, self.now)?;
            }
            Effect::Dot {
                connection,
                until,
                next,
            } => self.come_to_dot(place, connection, until, next)?,
            Effect::Abandon(connection) => self.abandon(place, connection),
            Effect::Quit(connection) => self.quit(place, connection),
            Effect::Drained => self.workers[place.worker].is_drained = true,
            // The simulated mail goes to relays, which need no DNS.
            Effect::LetGo(..) | Effect::Resolve(..) => {}
        }
        Ok(())
    }

    /// What comes of loading a body.
    fn load(&mut self, tenant: TenantId, email: EmailId) -> Result<(), BodyTrouble> {
        if self.chance.is_unlucky(50) {
            return Err(BodyTrouble::Store(StoreError::Closed));
        }
        if self.chance.is_unlucky(30) {
            self.oracle.counts.no_room += 1;
            return Err(BodyTrouble::NoRoom);
        }
        if self.chance.is_unlucky(150) {
            self.oracle.find_unusable(tenant, email);
            return Err(BodyTrouble::Unusable("it cannot be read".to_owned()));
        }
        Ok(())
    }
}
