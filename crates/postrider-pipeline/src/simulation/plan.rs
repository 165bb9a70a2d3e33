//! What a schedule consists of, drawn from its seed: how many workers, how few connections, which
//! limits, how long a lease is.

use std::time::Duration;

use postrider_types::Rate;

use super::long_wait::LongWait;
use super::mutation::Mutation;
use super::poison::Nature;
use super::receiver::DOT_DEADLINE;
use crate::chance::Chance;
use crate::settings::{DomainLimit, Settings};

/// Things that go wrong, or that people do, before the faults stop.
pub(super) const STRIKES: u32 = 40;

/// The longest between two of them.
pub(super) const STRIKE_EVERY: Duration = Duration::from_secs(6);

/// Domains with a lane of their own.
pub(super) const OWN: [&str; 3] = [PACED[0].0, PACED[1].0, "d10.test"];

/// Domains that share one tail lane.
pub(super) const TAIL: [&str; 3] = ["t0.test", "t18.test", "t90.test"];

/// The domains with a rate and no burst, whose pace is checked, and the least time between two
/// messages.
pub(super) const PACED: [(&str, Duration); 2] = [
    ("d0.test", Duration::from_millis(200)),
    ("d1.test", Duration::from_secs(2)),
];

/// One schedule's shape.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What every core is told.
    pub(super) settings: Settings,
    /// Worker processes.
    pub(super) workers: usize,
    /// Campaigns.
    pub(super) campaigns: u32,
    /// How old a doubt must be before the delivery is sent again.
    pub(super) retry_after: Duration,
    /// Whether there are recipients whose message kills the worker.
    pub(super) is_poisoned: bool,
    /// How the second email kills whoever prepares it, if it does.
    pub(super) poison_body: Option<Nature>,
    /// Whether each worker has its share of the lanes; otherwise all claim from all.
    pub(super) has_shares: bool,
    /// Whether the requests of a worker reach the store in their order.
    pub(super) is_in_order: bool,
    /// Whether receivers pipeline.
    pub(super) is_pipelining: bool,
    /// How long everybody waits, if the schedule is about that.
    pub(super) long_wait: Option<LongWait>,
    /// Requests between two looks at all rows.
    pub(super) examine_every: u64,
}

impl Plan {
    /// The shape of a seed; `settings` is where it starts from, because making them is not cheap.
    pub(super) fn draw(
        settings: &Settings,
        mutation: Option<Mutation>,
        chance: &mut Chance,
    ) -> Self {
        let mut settings = settings.clone();
        settings.routes.default.connections_max = 1 + chance.index(4);
        if chance.one_in(2) {
            let most = 1 + u32::try_from(chance.below(10)).unwrap_or(0);
            settings.routes.default.messages_per_connection = Some(most);
        }
        settings.lease.chunks_max = 1 + chance.index(4);
        settings.lease.time = Duration::from_secs(10 + chance.below(30));
        settings.backoff.delay_min = Duration::from_secs(10);
        settings.backoff.give_up_after = Duration::from_secs(1_200);
        let paced = match mutation {
            Some(Mutation::WholeSeconds) => "5/s burst 5",
            _ => "5/s",
        };
        let mut limit = |domain: &str, rate: &str, connections_max| {
            let rate: Option<Rate> = rate.parse().ok();
            let limit = DomainLimit {
                rate,
                connections_max,
            };
            let domain = domain.parse().expect("it is a domain");
            settings.limits.domains.insert(domain, limit);
        };
        limit(OWN[0], paced, 4);
        limit(OWN[1], "30/m", 2);
        let retry_after = match mutation {
            Some(Mutation::RetryWithoutWait) => Duration::ZERO,
            _ => DOT_DEADLINE + settings.lease.time + Duration::from_secs(60),
        };
        Self {
            retry_after,
            settings,
            workers: 2 + chance.index(3),
            campaigns: 1 + u32::try_from(chance.below(3)).unwrap_or(0),
            is_poisoned: chance.one_in(3),
            poison_body: match chance.below(8) {
                0 => Some(Nature::Deadly),
                1 => Some(Nature::Sly),
                _ => None,
            },
            has_shares: chance.one_in(2),
            is_in_order: chance.one_in(2),
            is_pipelining: chance.one_in(2),
            long_wait: None,
            examine_every: 1,
        }
    }
}
