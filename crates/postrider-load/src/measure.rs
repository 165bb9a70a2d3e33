//! From the receiver's records to the figures of a run; nothing here does I/O.
//!
//! Utilisation and lateness look only at domains with a limit. A domain counts from the run's
//! first MAIL to its own last one: that is the time in which its limit was needed.

pub mod lateness;
pub mod times;

pub(crate) mod bottleneck;
pub(crate) mod doors;
pub(crate) mod exceeded;
pub(crate) mod finish;
pub(crate) mod machine;
pub(crate) mod records;

use std::collections::HashMap;

use crate::bounds::{DOMAINS_MAX, SERIES_DOMAINS_MAX};
use crate::load::clock::seconds;
use crate::measure::lateness::Pace;
use crate::measure::records::{Records, Seen};
use crate::measure::times::Times;
use crate::plan::audience::OTHERS;
use crate::plan::limits::{Limits, as_f64};
use crate::run::{Domain, DomainSeries};

/// What the records say of domains.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Busiest first, not more than are listed.
    pub(crate) domains: Vec<Domain>,
    /// How many more there are.
    pub(crate) domains_left_out: u64,
    /// Over all domains with a limit.
    pub(crate) utilisation: Option<f64>,
    /// Of all MAIL commands under a limit.
    pub(crate) lateness: Option<Times>,
    /// Accepts over time, busiest first and the others together.
    pub(crate) series: Vec<DomainSeries>,
}

/// Measures every domain that was planned or seen.
pub(crate) fn measure(
    records: &Records,
    planned: &HashMap<String, u64>,
    limits: &Limits,
) -> Measured {
    let start_us = records.first_mail_us.unwrap_or(0);
    let nothing = Seen::default();
    let mut names: Vec<&String> = planned.keys().chain(records.domains.keys()).collect();
    let count = |name: &String| planned.get(name).copied().unwrap_or(0);
    names.sort_by(|a, b| count(b).cmp(&count(a)).then_with(|| a.cmp(b)));
    names.dedup();
    let mut lateness = Times::new();
    let (mut mails, mut allowed) = (0.0, 0.0);
    let mut domains = Vec::with_capacity(names.len().min(DOMAINS_MAX));
    for name in &names {
        let seen = records.domains.get(*name).unwrap_or(&nothing);
        let domain = domain(name, count(name), seen, limits, start_us);
        if let (Some(limit), Some(last_at)) = (limits.of(name), domain.last_at) {
            mails += as_f64(domain.mails);
            allowed += limit.per_second * last_at + f64::from(limit.burst);
            let pace = Pace::new(start_us, limit.per_second, limit.burst);
            let mut times_us = seen.mails_us.clone();
            times_us.sort_unstable();
            for (nth, at_us) in (0_u64..).zip(times_us) {
                lateness.record(pace.lateness_us(nth, at_us));
            }
        }
        if domains.len() < DOMAINS_MAX {
            domains.push(domain);
        }
    }
    Measured {
        domains_left_out: (names.len() - domains.len()) as u64,
        domains,
        utilisation: (allowed > 0.0).then(|| mails / allowed),
        lateness: (!lateness.is_empty()).then_some(lateness),
        series: series(records, &names, limits, start_us),
    }
}

fn domain(name: &str, planned: u64, seen: &Seen, limits: &Limits, start_us: i64) -> Domain {
    let at = |moment: Option<&i64>| moment.map(|moment| seconds(start_us, *moment));
    let (first_at, last_at) = (
        at(seen.mails_us.iter().min()),
        at(seen.mails_us.iter().max()),
    );
    let limit = limits.of(name);
    let mails = seen.mails_us.len() as u64;
    let span = last_at.unwrap_or(0.0) - first_at.unwrap_or(0.0);
    let allowed = limit
        .zip(last_at)
        .map(|(limit, last_at)| limit.per_second * last_at + f64::from(limit.burst));
    Domain {
        name: name.to_owned(),
        planned,
        accepted: seen.accepted,
        mails,
        refused: seen.refused,
        deferred: seen.deferred,
        rate: if span > 0.0 {
            as_f64(seen.accepted) / span
        } else {
            0.0
        },
        rate_limit: limit.map(|limit| limit.per_second),
        utilisation: allowed.map(|allowed| as_f64(mails) / allowed),
        first_at,
        last_at,
    }
}

/// Accepts in each second, of the busiest domains and of all others together.
fn series(
    records: &Records,
    names: &[&String],
    limits: &Limits,
    start_us: i64,
) -> Vec<DomainSeries> {
    let nothing = HashMap::new();
    let of = |name: &str| {
        records
            .domains
            .get(name)
            .map_or(&nothing, |seen| &seen.accepted_in)
    };
    let first = start_us.div_euclid(1_000_000);
    let mut series = Vec::new();
    let mut add =
        |name: &str, rate_limit: Option<f64>, counts: &mut dyn Iterator<Item = (i64, u64)>| {
            let mut accepted = Vec::new();
            for (second, count) in counts {
                let place = usize::try_from(second - first).unwrap_or(0);
                if accepted.len() <= place {
                    accepted.resize(place + 1, 0);
                }
                accepted[place] += count;
            }
            if !accepted.is_empty() {
                let name = name.to_owned();
                series.push(DomainSeries {
                    name,
                    rate_limit,
                    accepted,
                });
            }
        };
    let busy = names.len().min(SERIES_DOMAINS_MAX);
    for name in &names[..busy] {
        let limit = limits.of(name).map(|limit| limit.per_second);
        add(
            name,
            limit,
            &mut of(name).iter().map(|(second, count)| (*second, *count)),
        );
    }
    let others = names[busy..].iter().flat_map(|name| of(name));
    add(
        OTHERS,
        None,
        &mut others.map(|(second, count)| (*second, *count)),
    );
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` messages, one every 20 ms from second 100 on.
    fn even(count: u64) -> Seen {
        let mut seen = Seen::default();
        for number in 0..count {
            let at_us = 100_000_000 + 20_000 * i64::try_from(number).unwrap();
            seen.mails_us.push(at_us);
            seen.accepted += 1;
            *seen.accepted_in.entry(at_us / 1_000_000).or_default() += 1;
        }
        seen
    }

    fn records(domains: &[(&str, Seen)]) -> Records {
        let domains = domains.iter().cloned();
        Records {
            domains: domains
                .map(|(name, seen)| (name.to_owned(), seen))
                .collect(),
            first_mail_us: Some(100_000_000),
            ..Records::default()
        }
    }

    fn planned(domains: &[(&str, u64)]) -> HashMap<String, u64> {
        let domains = domains
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        domains.collect()
    }

    #[test]
    fn an_even_pace_at_the_limit_uses_all_of_it_and_is_never_late() {
        let limits = Limits::same("50/s burst 1").unwrap();
        let measured = measure(
            &records(&[("a.test", even(500))]),
            &planned(&[("a.test", 500)]),
            &limits,
        );
        let utilisation = measured.utilisation.unwrap();
        assert!((utilisation - 1.0).abs() < 0.001, "{utilisation}");
        assert_eq!(measured.lateness.unwrap().percentiles().max_us, 0);
        let domain = &measured.domains[0];
        assert_eq!((domain.accepted, domain.mails), (500, 500));
        assert!((domain.rate - 50.0).abs() < 0.2, "{}", domain.rate);
    }

    #[test]
    fn half_the_pace_is_half_of_the_limit_and_later_and_later() {
        let limits = Limits::same("100/s burst 1").unwrap();
        let measured = measure(
            &records(&[("a.test", even(500))]),
            &planned(&[("a.test", 500)]),
            &limits,
        );
        let utilisation = measured.utilisation.unwrap();
        assert!((utilisation - 0.5).abs() < 0.002, "{utilisation}");
        let max_us = measured.lateness.unwrap().percentiles().max_us;
        assert_eq!(max_us, 499 * 10_000);
    }

    #[test]
    fn without_limits_there_is_neither_utilisation_nor_lateness() {
        let limits = Limits::default();
        let measured = measure(
            &records(&[("a.test", even(9))]),
            &planned(&[("a.test", 9)]),
            &limits,
        );
        assert_eq!(measured.utilisation, None);
        assert!(measured.lateness.is_none());
    }

    #[test]
    fn a_domain_that_got_nothing_is_listed_and_does_not_count() {
        let limits = Limits::same("50/s burst 1").unwrap();
        let seen = records(&[("a.test", even(500))]);
        let measured = measure(&seen, &planned(&[("a.test", 500), ("b.test", 7)]), &limits);
        assert_eq!(measured.domains[1].planned, 7);
        assert_eq!(measured.domains[1].utilisation, None);
        assert!(measured.utilisation.unwrap() > 0.99);
    }

    #[test]
    fn the_series_of_the_busiest_and_of_the_others_hold_every_accept() {
        let names: Vec<String> = (0..20).map(|n| format!("d{n}.test")).collect();
        let seen: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), even(120)))
            .collect();
        let counts: Vec<_> = names.iter().map(|name| (name.as_str(), 120)).collect();
        let measured = measure(&records(&seen), &planned(&counts), &Limits::default());
        assert_eq!(measured.series.len(), SERIES_DOMAINS_MAX + 1);
        assert_eq!(measured.series[0].accepted, [50, 50, 20]);
        let sum: u64 = measured
            .series
            .iter()
            .flat_map(|series| &series.accepted)
            .sum();
        assert_eq!(sum, 20 * 120);
        assert_eq!(measured.series.last().unwrap().name, OTHERS);
    }
}
