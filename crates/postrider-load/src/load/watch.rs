//! Looks at a run while it sends: whether the states of deliveries add up to the audience.
//!
//! The audience is complete before anything is sent, so at every look, at a campaign or at the
//! metrics, all states together are all deliveries. A service that is down is not looked at.

use std::collections::BTreeMap;

use postrider_types::DeliveryState;

use crate::bounds::DEATHS_MAX;
use crate::load::metrics;
use crate::outcome::Balance;

/// What the looks have shown.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Deliveries of each campaign.
    recipients: u64,
    /// Deliveries of all.
    planned: u64,
    balance: Balance,
    /// The first look that did not add up, as a sentence.
    broken: Option<String>,
    deaths: Option<Deaths>,
}

/// Deaths of workers as the service counts them; each of its lives begins with none.
#[derive(Debug, Clone, Default)]
struct Deaths {
    sum: u64,
    last: u64,
    /// When each was heard of, microseconds since the epoch.
    heard_us: Vec<i64>,
}

impl Watch {
    /// Watches so many campaigns with so many recipients each.
    pub(crate) fn new(recipients: u64, campaigns: u64) -> Self {
        Self {
            recipients,
            planned: recipients * campaigns,
            balance: Balance::default(),
            broken: None,
            deaths: None,
        }
    }

    /// A campaign as the service shows it.
    pub(crate) fn campaign(&mut self, key: &str, tally: &BTreeMap<DeliveryState, u64>) {
        let sum = tally.values().sum();
        self.look(sum, self.recipients, || format!("campaign {key}"));
    }

    /// The metrics as the service shows them at a time, in microseconds since the epoch.
    pub(crate) fn metrics(&mut self, text: &str, at_us: i64) {
        if let Some(sum) = metrics::deliveries(text) {
            self.look(sum, self.planned, || "/metrics".to_owned());
        }
        if let Some(now) = metrics::worker_deaths(text) {
            let deaths = self.deaths.get_or_insert_default();
            // Fewer than before are those of another life of the service.
            let new = now.checked_sub(deaths.last).unwrap_or(now);
            deaths.sum += new;
            deaths.last = now;
            let heard_us = (0..new).map(|_| at_us);
            let room = DEATHS_MAX.saturating_sub(deaths.heard_us.len());
            deaths.heard_us.extend(heard_us.take(room));
        }
    }

    fn look(&mut self, sum: u64, expected: u64, what: impl FnOnce() -> String) {
        self.balance.looks += 1;
        if sum != expected {
            self.balance.broken += 1;
            let say = || format!("{} showed {sum} deliveries of {expected}", what());
            self.broken.get_or_insert_with(say);
        }
    }

    /// How many looks there were.
    pub(crate) const fn balance(&self) -> Balance {
        self.balance
    }

    /// Why it fails the run, if it does.
    pub(crate) fn reason(&self) -> Option<String> {
        let Balance { looks, broken } = self.balance;
        let first = self.broken.as_ref()?;
        Some(format!(
            "at {broken} of {looks} looks the states of the deliveries did not add up: first \
             {first}"
        ))
    }

    /// How often workers died, as far as was seen; none without workers.
    pub(crate) fn worker_deaths(&self) -> Option<u64> {
        self.deaths.as_ref().map(|deaths| deaths.sum)
    }

    /// When deaths were heard of that no kill before explains; times are microseconds since the
    /// epoch.
    pub(crate) fn deaths_beside(&self, kills_us: &[i64]) -> Vec<i64> {
        let heard_us = self.deaths.iter().flat_map(|deaths| &deaths.heard_us);
        let mut explained = 0;
        let is_beside = |heard_us: &&i64| {
            let killed = kills_us.iter().filter(|kill_us| kill_us < heard_us).count();
            let is_explained = explained < killed;
            explained += usize::from(is_explained);
            !is_explained
        };
        heard_us.filter(is_beside).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_whose_states_add_up_at_every_look_has_no_reason_to_fail() {
        let mut watch = Watch::new(10, 2);
        let states = |pending, delivered| {
            [
                (DeliveryState::Pending, pending),
                (DeliveryState::Delivered, delivered),
            ]
            .into()
        };
        watch.campaign("cmp_1", &states(7, 3));
        watch.metrics("postrider_deliveries{state=\"pending\"} 20\n", 0);
        assert_eq!(watch.reason(), None);
        watch.campaign("cmp_2", &states(7, 2));
        watch.campaign("cmp_2", &states(0, 0));
        let reason = watch.reason().unwrap();
        assert!(
            reason.ends_with("first campaign cmp_2 showed 9 deliveries of 10"),
            "{reason}"
        );
        let Balance { looks, broken } = watch.balance();
        assert_eq!((looks, broken), (4, 2));
    }

    #[test]
    fn metrics_that_lost_a_delivery_fail_the_run() {
        let mut watch = Watch::new(10, 2);
        watch.metrics("postrider_deliveries{state=\"pending\"} 19\n", 0);
        assert!(watch.reason().unwrap().contains("/metrics showed 19"));
    }

    #[test]
    fn deaths_of_workers_are_summed_over_the_lives_of_the_service() {
        let mut watch = Watch::new(1, 1);
        assert_eq!(watch.worker_deaths(), None);
        let deaths = |first, second| {
            let name = "postrider_worker_restarts_total";
            format!("{name}{{worker=\"0\"}} {first}\n{name}{{worker=\"1\"}} {second}\n")
        };
        let looks = [(0, 0, 0), (1, 2, 3), (1, 2, 3), (0, 1, 4), (2, 1, 6)];
        for (at_us, (first, second, sum)) in (1..).zip(looks) {
            watch.metrics(&deaths(first, second), at_us);
            assert_eq!(watch.worker_deaths(), Some(sum));
        }
        assert_eq!(watch.deaths_beside(&[]), [2, 2, 2, 4, 5, 5]);
        assert_eq!(watch.deaths_beside(&[1, 1, 3, 9]), [2, 5, 5]);
    }
}
