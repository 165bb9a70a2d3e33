//! Who may get something now: the quotas of the domain, of its site, and of the recipient.
//!
//! All are asked in one step, and nothing is taken unless all agree. The number of recipients
//! whose last message is remembered is bounded; at the bound nobody new is admitted, and his
//! domain waits, until one of them may be forgotten: a bound can make us late but never makes us
//! exceed a limit.

use std::collections::HashMap;

use postrider_limiter::{Cell, Decision, decide, give_back};
use postrider_types::{Address, Rate, Timestamp};

use super::lines::SiteCell;
use crate::bounds::{RECIPIENT_CELLS_MAX, RECIPIENT_CELLS_PRUNE};
use crate::settings::LimitSettings;

/// What the limits say of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send now; this is what was taken.
    Admit(Taken),
    /// Nothing for this domain before then; [`Timestamp::NEVER`] when it is closed.
    DomainWaits(Timestamp),
    /// Nothing for this recipient before then.
    RecipientWaits(Timestamp),
}

/// The cells that one message took, so that they can be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    domain: Cell,
    site: Option<Cell>,
    recipient: Option<(u128, Cell)>,
}

/// All cells of this process.
#[derive(Debug)]
pub(super) struct Limits {
    settings: LimitSettings,
    recipients: HashMap<u128, Cell>,
    /// How many are remembered at most.
    recipients_max: usize,
    /// As many are remembered, and none of them may be forgotten before then.
    full_until: Timestamp,
}

impl Limits {
    pub(super) fn new(settings: LimitSettings) -> Self {
        Self {
            settings,
            recipients: HashMap::new(),
            recipients_max: RECIPIENT_CELLS_MAX,
            full_until: Timestamp::EPOCH,
        }
    }

    pub(super) const fn settings(&self) -> &LimitSettings {
        &self.settings
    }

    /// Takes a slot for one message to `address`, whose domain has `cell` and whose site may have a
    /// rate of its own, or none.
    pub(super) fn admit(
        &mut self,
        address: &Address,
        cell: &mut Cell,
        mut site: Option<SiteCell<'_>>,
        now: Timestamp,
    ) -> Verdict {
        let rate = self.settings.of(address.domain()).rate;
        if let Some(spent_at) = self.settings.spent_at {
            let site = site.as_mut().map(|(rate, cell)| (*rate, &mut **cell));
            let quotas = rate.map(|rate| (rate, &mut *cell)).into_iter().chain(site);
            quotas.for_each(|(rate, cell)| spend(rate, cell, spent_at));
        }
        let Some(recipient_rate) = self.settings.recipient_rate else {
            let mut quotas: Vec<_> = rate.map(|rate| (rate, &mut *cell)).into_iter().collect();
            quotas.extend(site.as_mut().map(|(rate, cell)| (*rate, &mut **cell)));
            return match waits_until(decide(&mut quotas, now)) {
                Some(until) => Verdict::DomainWaits(until),
                None => Verdict::Admit(Taken {
                    domain: *cell,
                    site: site.map(|(_, cell)| *cell),
                    recipient: None,
                }),
            };
        };
        let key = address.key().hash();
        if !self.has_room_for(key, recipient_rate, now) {
            return Verdict::DomainWaits(self.full_until);
        }
        let mut scratch = self.recipients.get(&key).copied().unwrap_or_default();
        let mut alone = scratch;
        if let Some(until) = waits_until(decide(&mut [(recipient_rate, &mut alone)], now)) {
            return Verdict::RecipientWaits(until);
        }
        let mut quotas = vec![(recipient_rate, &mut scratch)];
        quotas.extend(rate.map(|rate| (rate, &mut *cell)));
        quotas.extend(site.as_mut().map(|(rate, cell)| (*rate, &mut **cell)));
        match waits_until(decide(&mut quotas, now)) {
            Some(until) => Verdict::DomainWaits(until),
            None => {
                self.recipients.insert(key, scratch);
                Verdict::Admit(Taken {
                    domain: *cell,
                    site: site.map(|(_, cell)| *cell),
                    recipient: Some((key, scratch)),
                })
            }
        }
    }

    /// Gives back what a message took that never reached MAIL.
    pub(super) fn give_back(
        &mut self,
        address: &Address,
        cell: &mut Cell,
        site: Option<SiteCell<'_>>,
        taken: Taken,
        now: Timestamp,
    ) {
        if let (Some((rate, cell)), Some(taken)) = (site, taken.site) {
            give_back(rate, cell, taken, now);
        }
        if let Some(rate) = self.settings.of(address.domain()).rate {
            give_back(rate, cell, taken.domain, now);
        }
        if let (Some(rate), Some((key, taken))) = (self.settings.recipient_rate, taken.recipient)
            && let Some(cell) = self.recipients.get_mut(&key)
        {
            give_back(rate, cell, taken, now);
        }
    }

    /// Whether this recipient is remembered or can be; forgets those who may get mail anyway. All
    /// are looked at, so that is not done again before one of them can be forgotten.
    fn has_room_for(&mut self, key: u128, rate: Rate, now: Timestamp) -> bool {
        if self.recipients.len() < self.recipients_max || self.recipients.contains_key(&key) {
            return true;
        }
        if self.full_until > now {
            return false;
        }
        let mut first = Timestamp::NEVER;
        self.recipients.retain(|_, cell| {
            let mut scratch = *cell;
            let until = waits_until(decide(&mut [(rate, &mut scratch)], now));
            first = first.min(until.unwrap_or(first));
            until.is_some()
        });
        self.full_until = first.max(now.plus(RECIPIENT_CELLS_PRUNE));
        self.recipients.len() < self.recipients_max
    }
}

/// A quota of which nothing is remembered was used up at `spent_at`, as far as anybody knows.
fn spend(rate: Rate, cell: &mut Cell, spent_at: Timestamp) {
    if cell.as_nanos().is_none() {
        // The furthest ahead that the rate can have put it.
        *cell = Cell::from_nanos(Some(u64::MAX));
        decide(&mut [(rate, cell)], spent_at);
    }
}

fn waits_until(decision: Decision) -> Option<Timestamp> {
    match decision {
        Decision::Admit => None,
        Decision::NotUntil(until) => Some(until),
        Decision::Closed => Some(Timestamp::NEVER),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_worker_after_another_begins_with_quotas_that_are_used_up_and_fill_again() {
        let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap().limits;
        settings.default.rate = Some("10/s burst 5".parse().unwrap());
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        settings.spent_at = Some(start);
        let limits = || Limits::new(settings.clone());
        let address = "a@example.test".parse().unwrap();
        let at = |millis| start.plus(Duration::from_millis(millis));
        let mut cell = Cell::default();
        let verdict = limits().admit(&address, &mut cell, None, at(0));
        assert_eq!(verdict, Verdict::DomainWaits(at(100)));
        let (mut limits, mut cell) = (limits(), Cell::default());
        let admitted = (0..10).filter(|_| {
            let verdict = limits.admit(&address, &mut cell, None, at(300));
            matches!(verdict, Verdict::Admit(_))
        });
        assert_eq!(admitted.count(), 3);
    }

    #[test]
    fn at_the_bound_nobody_new_is_admitted_before_somebody_may_be_forgotten() {
        let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap().limits;
        settings.recipient_rate = Some("1/h".parse().unwrap());
        let mut limits = Limits::new(settings);
        limits.recipients_max = 2;
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let mut admit = |who: &str, minutes: u64| {
            let now = start.plus(Duration::from_secs(60 * minutes));
            limits.admit(&who.parse().unwrap(), &mut Cell::default(), None, now)
        };
        assert!(matches!(admit("a@example.test", 0), Verdict::Admit(_)));
        assert!(matches!(admit("b@example.test", 30), Verdict::Admit(_)));
        let hour = start.plus(Duration::from_secs(3_600));
        for minutes in [31, 32, 59] {
            assert_eq!(admit("c@example.test", minutes), Verdict::DomainWaits(hour));
        }
        assert!(matches!(admit("c@example.test", 60), Verdict::Admit(_)));
    }
}
