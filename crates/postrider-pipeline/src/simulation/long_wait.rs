//! Deliveries that wait for days while workers come and go.
//!
//! Queues that hold a waiting message under a lease hand it out again whenever the lease runs out:
//! one per lease time, for as long as it waits. Here half of the audience is put off by its
//! receivers at the first try and the other half belongs to a campaign that starts by itself;
//! both wait far longer than a lease, workers are started again and again meanwhile, and wall
//! clocks are set. Everybody gets exactly one copy, and nobody early.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Request, Tables};
use postrider_types::{
    Backoff, CampaignId, DeliveryState, EmailId, InDoubtPolicy, LaneName, TenantId, Variables,
};

use super::faults::{DRAIN_MAX, JUMP_MAX};
use super::oracle::{Violation, hold};
use super::people::EMAILS;
use super::plan::Plan;
use super::receiver::DOT_DEADLINE;
use super::world::{BEGIN, Happening, World};
use super::{Schedule, Simulator};
use crate::chance::Chance;

/// Recipients of one chunk, each of another domain in turn.
const SLICE: u64 = 250;

/// Domains, each with a lane of its own.
const DOMAINS: u64 = 40;

/// What waits, and how long.
#[derive(Debug, Clone, Copy)]
pub struct LongWait {
    /// Recipients, of both campaigns together.
    pub recipients: u64,
    /// How long each of them waits.
    pub wait: Duration,
    /// How long a lease is.
    pub lease: Duration,
    /// How often every worker is started again; the service itself and the wall clock take turns
    /// with that.
    pub restart_every: Duration,
    /// Workers are killed; otherwise they are told to stop, and end in order.
    pub is_killed: bool,
}

impl LongWait {
    /// What a queue of others was seen to do: 10,000 deliveries due in 96 hours, leases of one hour,
    /// and a restart every half an hour.
    pub const NINETY_SIX_HOURS: Self = Self {
        recipients: 10_000,
        wait: Duration::from_secs(96 * 3_600),
        lease: Duration::from_secs(3_600),
        restart_every: Duration::from_secs(1_800),
        is_killed: false,
    };
}

/// Requests between two looks at all rows: there are thousands of them.
const EXAMINE_EVERY: u64 = 100;

/// Of the wait before a further try, so much is chance, either way.
const JITTER: f64 = 0.1;

/// Who is due at about the same time waits together: a tenth longer at most.
const BUCKET: f64 = 1.1;

/// Every so many restarts of the workers, the service starts again too, and finds another time.
const SERVICE_EVERY: u32 = 4;

/// After the longest wait all have had their message within this time.
const SENDING_MAX: Duration = Duration::from_secs(4 * 3_600);

impl Simulator {
    /// Runs one long wait to its end.
    pub fn wait_long(&self, wait: LongWait, seed: u64) -> Schedule {
        let mut chance = Chance::new(seed);
        chance.is_faulty = false;
        let plan = self.plan_wait(wait);
        let mut world = World::of(plan, chance, self.options);
        let lived = catch_unwind(AssertUnwindSafe(|| world.live_long(wait)));
        Schedule::of(seed, world, lived)
    }

    fn plan_wait(&self, wait: LongWait) -> Plan {
        let mut settings = self.settings.clone();
        settings.lease.time = wait.lease;
        settings.backoff = Backoff {
            delay_min: wait.wait,
            delay_max: wait.wait,
            factor: 1.0,
            jitter: JITTER,
            give_up_after: wait.wait * 10,
        };
        Plan {
            retry_after: DOT_DEADLINE + wait.lease + Duration::from_secs(60),
            workers: 2,
            campaigns: 2,
            is_poisoned: false,
            poison_body: None,
            has_shares: true,
            is_in_order: true,
            is_pipelining: true,
            long_wait: Some(wait),
            examine_every: EXAMINE_EVERY,
            settings,
        }
    }
}

impl World {
    fn live_long(&mut self, wait: LongWait) -> Result<(), Violation> {
        for number in 0..2 {
            self.create_waiting(number, wait)?;
        }
        self.later(wait.restart_every, Happening::Renew(1));
        self.go_on(Self::is_wait_over)?;
        for (campaign, filed) in self.oracle.filed.clone() {
            let row = self.host.rows.campaign(campaign)?;
            let tally = row.map(|row| row.tally).unwrap_or_default();
            let in_doubt = if wait.is_killed {
                tally[DeliveryState::InDoubt]
            } else {
                0
            };
            let ended = tally[DeliveryState::Delivered] + in_doubt;
            hold!(ended == filed, "of {filed}, {tally:?}");
        }
        let most = self.oracle.copies.values().max();
        hold!(most == Some(&1), "somebody got {most:?} copies");
        Ok(())
    }

    /// A campaign with its audience; the first runs at once, and the other when its time comes.
    fn create_waiting(&mut self, number: u64, wait: LongWait) -> Result<(), Violation> {
        let tenant = TenantId::DEFAULT;
        let content = bytes::Bytes::from_static(EMAILS[0]);
        let email = EmailId::of(&content);
        self.apply(Request::PutEmail {
            tenant,
            email,
            content,
        })?;
        self.apply(Request::Create {
            tenant,
            name: format!("campaign {number}"),
            email,
            in_doubt: InDoubtPolicy::Hold,
            in_doubt_retry_after: self.plan.retry_after,
            send_at: (number > 0).then(|| self.now.plus(wait.wait)),
        })?;
        let campaign = CampaignId(1 + u32::try_from(number).unwrap_or(0));
        let mut filed = 0;
        self.oracle.filed.insert(campaign, 0);
        while filed < wait.recipients / 2 {
            let domain = filed / SLICE % DOMAINS;
            let count = SLICE.min(wait.recipients / 2 - filed);
            let recipients = (filed..filed + count).map(|one| {
                let address = format!("{one}@w{domain}.test");
                let address = address.parse().expect("it is an address");
                (address, Variables::default())
            });
            let request = Request::File {
                tenant,
                campaign,
                lane: LaneName::from_stored(&format!("w{domain}.test")),
                recipients: recipients.collect(),
            };
            filed += count;
            self.oracle.filed.insert(campaign, filed);
            self.apply(request)?;
        }
        self.change(campaign, CampaignChange::Seal)?;
        match number {
            0 => self.change(campaign, CampaignChange::Start),
            _ => Ok(()),
        }
    }

    /// Every worker ends and is started again, and now and then the service is.
    pub(super) fn renew(&mut self, number: u32) -> Result<(), Violation> {
        let Some(wait) = self.plan.long_wait else {
            return Ok(());
        };
        self.later(wait.restart_every, Happening::Renew(number + 1));
        for worker in 0..self.workers.len() {
            let place = self.workers[worker].place;
            match wait.is_killed {
                true => self.kill(place, "dies")?,
                false => self.stop(place)?,
            }
        }
        if number.is_multiple_of(SERVICE_EVERY) {
            self.jump();
            // Just after those that were told to stop have ended.
            let delay = DRAIN_MAX + Duration::from_millis(1);
            self.later(delay, Happening::Restart);
        }
        Ok(())
    }

    /// Nobody who waits gets his message early, but for what the wall clock was set forward.
    pub(super) fn check_wait(&self) -> Result<(), Violation> {
        let Some(wait) = self.plan.long_wait else {
            return Ok(());
        };
        let waited = self.now.since(BEGIN);
        let least = wait.wait.mul_f64(1.0 - JITTER).saturating_sub(JUMP_MAX);
        hold!(waited >= least, "a message came after {waited:?}");
        Ok(())
    }

    /// Whether everybody has had his message.
    fn is_wait_over(&mut self) -> Result<bool, Violation> {
        let Some(wait) = self.plan.long_wait else {
            return Ok(true);
        };
        let most = wait.wait.mul_f64((1.0 + JITTER) * BUCKET) + JUMP_MAX + SENDING_MAX;
        if self.now.since(BEGIN) >= most {
            // Says what is left.
            self.oracle.examine_end(&mut self.host.rows)?;
        }
        for campaign in self.oracle.filed.keys() {
            let row = self.host.rows.campaign(*campaign)?;
            if row.is_none_or(|row| !row.state.is_final()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
