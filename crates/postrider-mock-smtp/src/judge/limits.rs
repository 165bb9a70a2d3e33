//! Rates: was there ever a window with more MAIL commands than it may hold?
//!
//! A rate is watched from the first MAIL under it. When the profile changes it, what was seen under
//! the old one is told by itself, and the new one is watched anew.

use std::collections::HashMap;

use crate::bounds::{DOMAINS_MAX, LIMITS_LISTED_MAX};
use crate::judge::verdict::{LimitVerdict, WindowVerdict};
use crate::log::Mail;
use crate::units::Rate;
use crate::windows::{Sliding, WIDTHS};
use crate::world::plan::Plan;

/// All rates of a profile.
#[derive(Debug, Default)]
pub(super) struct Limits {
    plan: Option<Plan>,
    domains: HashMap<String, Watch>,
    providers: HashMap<String, Watch>,
    /// Rates that no longer hold, as they were left; the worst are kept.
    past: Vec<Watch>,
    /// MAIL commands that were not counted.
    pub(super) untracked: u64,
}

/// One rate, and what was seen under it.
#[derive(Debug)]
struct Watch {
    name: String,
    quota: Option<Quota>,
    sliding: Sliding,
}

/// What may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    rate: Rate,
    burst: u32,
}

impl Limits {
    /// From now on these rates hold.
    pub(super) fn serve(&mut self, plan: Plan) {
        for (domain, watch) in &mut self.domains {
            self.past.extend(watch.change(of_domain(&plan, domain)));
        }
        for (provider, watch) in &mut self.providers {
            self.past.extend(watch.change(of_provider(&plan, provider)));
        }
        self.domains.retain(|_, watch| watch.quota.is_some());
        self.providers.retain(|_, watch| watch.quota.is_some());
        self.past.sort_by_key(|watch| !watch.verdict(0).is_exceeded);
        self.past.truncate(LIMITS_LISTED_MAX);
        self.plan = Some(plan);
    }

    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    pub(super) fn see(&mut self, mail: &Mail) {
        let Some(plan) = &self.plan else { return };
        let quota = |name: &str| of_domain(plan, name);
        let is_counted = watch(&mut self.domains, &mail.domain, &mail.domain, quota, mail)
            && (mail.provider.is_empty() || {
                let title = || format!("provider {}", mail.provider);
                let quota = |name: &str| of_provider(plan, name);
                watch(&mut self.providers, &mail.provider, &title(), quota, mail)
            });
        self.untracked += u64::from(!is_counted);
    }

    /// Forgets what came; the rates stay.
    pub(super) fn reset(&mut self) {
        self.domains.clear();
        self.providers.clear();
        self.past.clear();
        self.untracked = 0;
    }

    /// Every rate that was used: exceeded ones first, then the fullest.
    pub(super) fn verdicts(&self, jitter_us: u64) -> Vec<LimitVerdict> {
        let watches = self.domains.values().chain(self.providers.values());
        let used = watches.chain(&self.past).filter(|it| it.quota.is_some());
        let mut verdicts: Vec<_> = used.map(|watch| watch.verdict(jitter_us)).collect();
        verdicts.sort_by(|a, b| {
            let order = b.is_exceeded.cmp(&a.is_exceeded);
            let fullest = b.fullness().total_cmp(&a.fullness());
            order.then(fullest).then_with(|| a.name.cmp(&b.name))
        });
        verdicts
    }
}

/// Counts a MAIL under its rate, if it has one; false when there is no room.
fn watch(
    watches: &mut HashMap<String, Watch>,
    name: &str,
    title: &str,
    quota: impl Fn(&str) -> Option<Quota>,
    mail: &Mail,
) -> bool {
    if let Some(watch) = watches.get_mut(name) {
        return watch.sliding.add(mail.at_us);
    }
    let Some(quota) = quota(name) else {
        return true;
    };
    if watches.len() >= DOMAINS_MAX {
        return false;
    }
    let mut watch = Watch {
        name: title.to_owned(),
        quota: Some(quota),
        sliding: Sliding::default(),
    };
    watch.sliding.add(mail.at_us);
    watches.insert(name.to_owned(), watch);
    true
}

fn of_domain(plan: &Plan, domain: &str) -> Option<Quota> {
    let behaviour = plan.behaviour(domain);
    let rate = behaviour.rate?;
    let burst = behaviour.burst_of(rate);
    Some(Quota { rate, burst })
}

fn of_provider(plan: &Plan, provider: &str) -> Option<Quota> {
    let provider = plan.provider(provider)?;
    let rate = provider.rate?;
    let burst = provider.burst_of(rate);
    Some(Quota { rate, burst })
}

impl Watch {
    /// Holds another quota from now on; answers what was seen under the old one, if it differs.
    fn change(&mut self, quota: Option<Quota>) -> Option<Self> {
        if quota == self.quota {
            return None;
        }
        let name = self.name.clone();
        let sliding = Sliding::default();
        Some(std::mem::replace(
            self,
            Self {
                name,
                quota,
                sliding,
            },
        ))
    }

    fn verdict(&self, jitter_us: u64) -> LimitVerdict {
        let Some(quota) = self.quota else {
            return LimitVerdict::default();
        };
        let window = |(width, most): (&u64, usize)| WindowVerdict {
            seconds: *width,
            most: most as u64,
            bound: quota.bound(*width, jitter_us),
        };
        let windows: Vec<_> = WIDTHS.iter().zip(self.sliding.most()).map(window).collect();
        LimitVerdict {
            name: self.name.clone(),
            rate: quota.rate.to_string(),
            burst: quota.burst,
            jitter_us,
            is_exceeded: windows.iter().any(|it| it.most > it.bound),
            windows,
        }
    }
}

impl Quota {
    /// What a window may hold: rate × (width + jitter) + burst.
    fn bound(self, seconds: u64, jitter_us: u64) -> u64 {
        let width_ns = seconds * 1_000_000_000 + jitter_us * 1000;
        width_ns / self.rate.interval_ns() + u64::from(self.burst)
    }
}

impl LimitVerdict {
    /// How full the fullest window was: 1.0 is all that it may hold.
    fn fullness(&self) -> f64 {
        let windows = self.windows.iter();
        let shares = windows.map(|it| it.most as f64 / it.bound.max(1) as f64);
        shares.fold(0.0, f64::max)
    }
}
