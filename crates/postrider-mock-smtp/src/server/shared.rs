//! What every connection of a server has in hand.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::bounds::IN_FLIGHT_MAX;
use crate::clock::Clock;
use crate::connection::tls::Authority;
use crate::dialogue::reply::Reply;
use crate::error::MockError;
use crate::log::{self, Log, Served};
use crate::profile::{Keyword, Profile};
use crate::server::Doors;
use crate::tally::{Ledger, Record};
use crate::world::plan::Plan;
use crate::world::{World, locked};

/// What every connection of a server has in hand.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: Arc<World>,
    pub(crate) clock: Clock,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) log: Option<Log>,
    /// Whether the times of MAIL commands are kept, and logged.
    pub(crate) is_recording_mails: bool,
    pub(crate) authority: Authority,
    /// The round-trip time of every path.
    pub(crate) rtt: Duration,
    /// How often clients waited for a reply, over all connections.
    pub(crate) turns: AtomicU64,
    pub(crate) doors: Doors,
}

impl Shared {
    /// Returns when the records are in the log and in the ledger.
    pub(crate) async fn commit(&self, records: &mut Vec<Record>) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(log) = &self.log {
            let lines = log::text(records, self.is_recording_mails);
            if !lines.is_empty() {
                let closed = |_| io::Error::other("the accept log is closed");
                log.append(lines).await.map_err(closed)?;
            }
        }
        let mut ledger = locked(&self.ledger);
        records
            .drain(..)
            .for_each(|record| ledger.count(&record, self.is_recording_mails));
        Ok(())
    }

    /// Serves by this profile from now on; the judge knows it before any client does.
    pub(crate) async fn serve_by(&self, profile: Profile) -> io::Result<()> {
        let at_us = self.clock.now_us();
        let toml = profile.to_toml();
        let mut records = vec![Record::Profile(Served { at_us, toml })];
        self.commit(&mut records).await?;
        self.world.change(profile);
        Ok(())
    }

    /// The line of a reply that is said by no dialogue.
    pub(crate) fn line(&self, reply: &Reply) -> Vec<u8> {
        let mut out = Vec::new();
        let with_enhanced = self
            .world
            .plan()
            .profile
            .offers(Keyword::EnhancedStatusCodes);
        reply.write(&mut out, with_enhanced);
        out
    }

    /// Serves by this profile from now on, also at the doors of providers that are new.
    pub(crate) async fn change(&self, profile: Profile) -> Result<(), MockError> {
        let profile = profile.checked()?;
        self.doors.open_all(&Plan::new(profile.clone()).doors())?;
        let served = self.serve_by(profile).await;
        served.map_err(MockError::LogClosed)
    }

    /// How long what a client has sent may be under way.
    pub(crate) fn in_flight(&self) -> Duration {
        self.rtt + IN_FLIGHT_MAX
    }
}
