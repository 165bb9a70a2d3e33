//! A worker that stands still between the core's word and the dot.
//!
//! The core looks at the lease when the begin is durable, and the dot is written by another task a
//! moment later. A process that is stopped in between must look once more.

use postrider_types::Timestamp;

use super::mutation::Mutation;
use super::oracle::Violation;
use super::shares::Mails;
use super::worker::Place;
use super::world::World;
use crate::core::{ConnectionId, Job};

/// A dot that may be written, and is not yet.
#[derive(Debug)]
pub(super) struct LateDot {
    connection: ConnectionId,
    /// By the worker's clock, the first instant that is too late.
    until: Timestamp,
    /// Whose envelope goes behind it.
    next: Option<Job>,
}

impl World {
    /// The core wants a dot written. Most of the time it is, at once.
    pub(super) fn come_to_dot(
        &mut self,
        place: Place,
        connection: ConnectionId,
        until: Timestamp,
        next: Option<Job>,
    ) -> Result<(), Violation> {
        if self.chance.is_unlucky(100) {
            self.pause(place);
        }
        let worker = &mut self.workers[place.worker];
        if !worker.is_paused {
            return self.dot(place, connection, next.as_ref());
        }
        worker.late_dots.push(LateDot {
            connection,
            until,
            next,
        });
        Ok(())
    }

    /// The worker goes on where it stood still.
    pub(super) fn go_on_to_dots(&mut self, place: Place) -> Result<(), Violation> {
        let worker = &mut self.workers[place.worker];
        let shows = worker.clock.shows(self.now);
        let is_blind = self.host.rules.mutation == Some(Mutation::DotAfterLease);
        for late in std::mem::take(&mut worker.late_dots) {
            if late.until > shows || is_blind {
                // What goes along is late as well, and no limit of ours knows: it lies in no row of
                // MAILs whose pace is looked at.
                self.forget_mails(place);
                self.dot(place, late.connection, late.next.as_ref())?;
                self.forget_mails(place);
                continue;
            }
            self.oracle.counts.late_dots += 1;
            self.abandon(place, late.connection);
            if late.next.is_some() {
                self.end_unsent(place, late.connection, self.now);
            }
        }
        Ok(())
    }

    fn forget_mails(&mut self, place: Place) {
        self.mails = Mails::default();
        self.workers[place.worker].mails = Mails::default();
    }
}
