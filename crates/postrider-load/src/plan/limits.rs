//! How much each domain may have: what the service is told, and what the run is measured by.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use postrider_mock_smtp::{Behaviour, Profile};
use postrider_types::Rate;

use crate::plan::options::OptionsError;

/// The limit of one domain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// As the service's configuration has it.
    pub rate: Rate,
    /// Messages a second.
    pub per_second: f64,
    /// Messages that the receiver takes at once.
    pub burst: u32,
}

/// The limits of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// What holds for a domain that is not named.
    default: Option<Limit>,
    /// What holds for those that are.
    named: BTreeMap<String, Option<Limit>>,
    /// Most sessions at once for a domain, where the receiver has a cap of its own.
    connections: BTreeMap<String, u32>,
}

impl Limits {
    /// One rate for each domain.
    ///
    /// # Errors
    /// [`OptionsError::Limit`] when the rate cannot be read.
    pub fn same(rate: &str) -> Result<Self, OptionsError> {
        Ok(Self {
            default: Some(limit(rate.parse()?, None)),
            ..Self::default()
        })
    }

    /// The rates and caps of a profile for the domains that something is planned for.
    ///
    /// # Errors
    /// [`OptionsError::Limit`] when the service cannot be told such a rate.
    pub fn of_profile(
        profile: &Profile,
        planned: &HashMap<String, u64>,
    ) -> Result<Self, OptionsError> {
        let mut limits = Self {
            default: own_limit(profile, &profile.default)?,
            ..Self::default()
        };
        let shares = shares(profile, planned);
        for (domain, count) in planned {
            let behaviour = profile.behaviour(domain);
            let mut own = own_limit(profile, behaviour)?;
            let provider = profile.provider_of(domain);
            let of_all =
                provider.and_then(|name| Some((profile.provider.get(name)?, shares.get(name)?)));
            if let Some((provider, sum)) = of_all
                && let Some(rate) = provider.rate
            {
                let burst = provider.burst.unwrap_or_else(|| rate.tenth_of_a_second());
                let whole = limit(rate.to_string().parse()?, Some(burst));
                let part = part_of(whole, as_f64(*count) / as_f64(*sum))?;
                own = Some(own.map_or(part, |own| slower(own, part)));
            }
            if own != limits.default {
                limits.named.insert(domain.clone(), own);
            }
            if let Some(most) = behaviour.connections_max {
                limits.connections.insert(domain.clone(), most);
            }
        }
        Ok(limits)
    }

    /// The limit of a domain, if it has one.
    pub fn of(&self, domain: &str) -> Option<Limit> {
        self.named.get(domain).copied().unwrap_or(self.default)
    }

    /// Whether any domain has a limit.
    pub fn is_any(&self) -> bool {
        self.default.is_some() || self.named.values().any(Option::is_some)
    }

    /// The table `[limits]` of the service's configuration.
    pub(crate) fn table(&self, connections: u32) -> toml::Table {
        let rate = |limit: Option<Limit>| {
            toml::Value::from(limit.map_or_else(|| "none".to_owned(), |own| own.rate.to_string()))
        };
        let entry = |limit: Option<Limit>, most: u32| {
            let connections = toml::Value::from(i64::from(most.min(connections).max(1)));
            let entries = [("rate", rate(limit)), ("connections", connections)];
            let entries = entries.map(|(name, value)| (name.to_owned(), value));
            toml::Value::from(toml::Table::from_iter(entries))
        };
        let cap = |domain: &str| self.connections.get(domain).copied().unwrap_or(u32::MAX);
        let names = self.named.keys().chain(self.connections.keys());
        let domains = names.map(|name| (name.clone(), entry(self.of(name), cap(name))));
        let mut table = toml::Table::new();
        table.insert("default".to_owned(), entry(self.default, u32::MAX));
        table.insert("domain".to_owned(), toml::Table::from_iter(domains).into());
        table
    }

    /// Deliveries a second that the limits allow on the whole: all of them, by the shortest time
    /// in which every limit has let its own through. None without limits.
    pub(crate) fn rate_allowed(&self, planned: &HashMap<String, u64>) -> Option<f64> {
        let mut sum = 0.0;
        let mut shortest = 0.0_f64;
        for (domain, count) in planned {
            let count = as_f64(*count);
            sum += count;
            if let Some(limit) = self.of(domain) {
                let waiting = (count - f64::from(limit.burst)).max(0.0);
                shortest = shortest.max(waiting / limit.per_second);
            }
        }
        (shortest > 0.0).then(|| sum / shortest)
    }
}

/// The rate that a domain's own table says, or its provider for each of its domains.
fn own_limit(profile: &Profile, behaviour: &Behaviour) -> Result<Option<Limit>, OptionsError> {
    let provider = behaviour.provider.as_ref();
    let provider = provider.and_then(|name| profile.provider.get(name));
    let said = [
        Some(behaviour),
        provider.map(|provider| &provider.behaviour),
    ];
    let mut said = said.into_iter().flatten();
    let Some(behaviour) = said.find(|behaviour| behaviour.rate.is_some()) else {
        return Ok(None);
    };
    let Some(rate) = behaviour.rate else {
        return Ok(None);
    };
    let burst = behaviour.burst.unwrap_or_else(|| rate.tenth_of_a_second());
    Ok(Some(limit(rate.to_string().parse()?, Some(burst))))
}

/// Deliveries planned for all domains of each provider.
fn shares<'a>(profile: &'a Profile, planned: &HashMap<String, u64>) -> HashMap<&'a str, u64> {
    let mut shares = HashMap::new();
    for (domain, count) in planned {
        if let Some(provider) = profile.provider_of(domain) {
            *shares.entry(provider).or_default() += count;
        }
    }
    shares
}

/// What one domain may have of a limit that several have together: the service limits domains,
/// so that each gets its share beforehand.
fn part_of(whole: Limit, share: f64) -> Result<Limit, OptionsError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is at most a million a second, which is 3.6e9 an hour"
    )]
    let (an_hour, burst) = (
        (whole.per_second * share * 3_600.0) as u32,
        (f64::from(whole.burst) * share) as u32,
    );
    let an_hour = NonZeroU32::new(an_hour).unwrap_or(NonZeroU32::MIN);
    let rate = Rate::paced(an_hour, Duration::from_secs(3_600))?;
    Ok(limit(rate, Some(burst.max(1))))
}

fn slower(one: Limit, other: Limit) -> Limit {
    if other.per_second < one.per_second {
        other
    } else {
        one
    }
}

/// A limit under which the receiver takes `burst` at once; without it, the service's own holds.
///
/// The service is told half of the receiver's burst: it can then catch up after standing still
/// for a moment, and the other half is left for what the way makes uneven.
fn limit(rate: Rate, burst: Option<u32>) -> Limit {
    let Rate::Paced {
        count,
        per,
        burst: own,
    } = rate
    else {
        return Limit {
            rate,
            per_second: 0.0,
            burst: 0,
        };
    };
    let own = own.get();
    let told = burst.map_or(own, |receivers| receivers / 2);
    let told = NonZeroU32::new(told).unwrap_or(NonZeroU32::MIN);
    Limit {
        rate: Rate::Paced {
            count,
            per,
            burst: told,
        },
        per_second: f64::from(count.get()) / per.as_secs_f64(),
        burst: burst.unwrap_or(own),
    }
}

/// A count as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below 2^53"
)]
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use postrider_mock_smtp::Provider;

    use super::*;

    fn planned(busy: u64, calm: u64) -> HashMap<String, u64> {
        let domains = [("busy.test", busy), ("calm.test", calm)];
        domains.map(|(name, count)| (name.to_owned(), count)).into()
    }

    fn profile() -> Profile {
        let busy = Behaviour {
            rate: Some("50/s".parse().unwrap()),
            burst: Some(10),
            connections_max: Some(4),
            ..Behaviour::accept()
        };
        Profile::sink().with_domain("busy.test", busy)
    }

    #[test]
    fn the_rates_of_a_profile_are_told_to_the_service() {
        let limits = Limits::of_profile(&profile(), &planned(3, 1)).unwrap();
        let busy = limits.of("busy.test").unwrap();
        let told = busy.rate.to_string();
        assert_eq!((told.as_str(), busy.burst), ("50/s burst 5", 10));
        assert!((busy.per_second - 50.0).abs() < 1e-9);
        assert_eq!(limits.of("calm.test"), None);
        let text = toml::to_string(&limits.table(20)).unwrap();
        let expected = "[default]\nconnections = 20\nrate = \"none\"\n\n\
                        [domain.\"busy.test\"]\nconnections = 4\nrate = \"50/s burst 5\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_domains_of_a_provider_share_its_rate() {
        let of_big = Behaviour {
            provider: Some("big".to_owned()),
            ..Behaviour::accept()
        };
        let mut profile = Profile::sink()
            .with_domain("busy.test", of_big.clone())
            .with_domain("calm.test", of_big);
        let rate = Some("100/s".parse().unwrap());
        let big = Provider {
            rate,
            ..Provider::default()
        };
        profile.provider.insert("big".to_owned(), big);
        let limits = Limits::of_profile(&profile, &planned(3, 1)).unwrap();
        let of = |domain| limits.of(domain).unwrap().per_second;
        assert!((of("busy.test") - 75.0).abs() < 1e-9);
        assert!((of("calm.test") - 25.0).abs() < 1e-9);
    }

    #[test]
    fn one_limit_holds_for_every_domain() {
        let limits = Limits::same("20/s burst 2").unwrap();
        assert_eq!(limits.of("any.test").unwrap().burst, 2);
        assert!(limits.is_any());
        assert!(Limits::same("fast").is_err());
        assert!(!Limits::default().is_any());
    }

    #[test]
    fn the_slowest_limit_says_what_is_allowed() {
        let limits = Limits::of_profile(&profile(), &planned(3, 1)).unwrap();
        let planned = planned(1_010, 990);
        // 1,010 with a burst of 10 at 50 a second take 20 s.
        assert_eq!(limits.rate_allowed(&planned), Some(100.0));
        assert_eq!(Limits::default().rate_allowed(&planned), None);
    }
}
