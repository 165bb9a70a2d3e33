//! Workers with a share of the lanes each: what every domain may get is counted in one process, also
//! when that process is another one by now.

use std::collections::VecDeque;
use std::time::Duration;

use postrider_store::Share;
use postrider_types::{LaneName, Timestamp};

use super::mutation::Mutation;
use super::oracle::{Violation, hold};
use super::plan::PACED;
use super::worker::Place;
use super::world::World;
use crate::core::Job;

/// Intervals between messages to a paced domain that are looked at together.
const PACED_INTERVALS: u32 = 6;

/// The messages that these lie between.
const PACED_MESSAGES: usize = PACED_INTERVALS as usize + 1;

/// How late a slot of the limits may be.
const LATE_MAX: Duration = Duration::from_millis(50);

/// When the newest MAILs to each paced domain were written.
#[derive(Debug, Default)]
pub(super) struct Mails([VecDeque<Timestamp>; PACED.len()]);

impl Mails {
    /// One more, and the time that the newest took; `None` while there are too few.
    fn push(&mut self, domain: usize, now: Timestamp) -> Option<Duration> {
        let mails = &mut self.0[domain];
        mails.push_back(now);
        if mails.len() > PACED_MESSAGES {
            mails.pop_front();
        }
        let is_enough = mails.len() == PACED_MESSAGES;
        is_enough.then(|| now.since(mails[0]))
    }
}

impl World {
    /// The lanes of a worker.
    pub(super) fn share_of(&self, number: usize) -> Share {
        let of = u8::try_from(self.workers.len()).unwrap_or(1);
        let number = u8::try_from(number).unwrap_or(0);
        Share::new(number, of).unwrap_or(Share::WHOLE)
    }

    /// When the one before a worker may have used up its quotas; the first of a service had none.
    pub(super) fn spent_at(&self, number: usize) -> Option<Timestamp> {
        let spent_at = self.host.spent_at.get(&number).copied();
        spent_at.filter(|_| self.host.rules.mutation != Some(Mutation::FullQuotas))
    }

    /// A MAIL is written: by the worker whose share that is, and no sooner than the limits say.
    pub(super) fn check_mail(&mut self, place: Place, job: &Job) -> Result<(), Violation> {
        let domain = job.recipient().address.to_domain();
        if self.plan.has_shares {
            let is_own = self.share_of(place.worker).has(&LaneName::own(&domain));
            hold!(is_own, "{place} writes to {domain}, which is another's");
        }
        let paced = PACED.iter().position(|(name, _)| *name == domain.as_str());
        let Some(number) = paced else {
            return Ok(());
        };
        let mails = match self.plan.has_shares {
            true => &mut self.mails,
            false => &mut self.workers[place.worker].mails,
        };
        let least = PACED[number].1 * PACED_INTERVALS;
        let took = mails.push(number, self.now);
        hold!(
            took.is_none_or(|took| took + LATE_MAX >= least),
            "{place} wrote the last of {PACED_MESSAGES} MAILs to {domain} in {took:?}"
        );
        Ok(())
    }
}
