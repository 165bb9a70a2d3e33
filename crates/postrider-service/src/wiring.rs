//! From the configuration to what each part is told.

use std::collections::HashMap;

use postrider_pipeline::Settings;
use postrider_pipeline::settings::{
    CacheSettings, DomainLimit, IntakeSettings, LeaseSettings, LimitSettings, RouteSettings,
};
use postrider_smtp::relay::RelayError;
use postrider_smtp::{ClientName, Timeouts};

use crate::bounds::{DEDUP_BYTES_MAX, ROUTE_DELAY_MAX, ROUTE_DELAY_MIN};
use crate::config::{self, Config};

/// What the pipeline is told.
///
/// # Errors
/// [`RelayError`] when the relay is not one, or is not on this machine.
pub fn settings(config: &Config) -> Result<Settings, RelayError> {
    Ok(Settings {
        route: route(&config.route, &config.timeouts)?,
        limits: limits(&config.limits),
        backoff: config.retry,
        lease: LeaseSettings {
            time: config.lease.time,
            slice: config.lease.slice,
            chunks_max: count(config.lease.chunks_max),
        },
        cache: CacheSettings {
            bytes_max: config.cache.bytes_max,
            load_bytes_max: size(config.cache.load_bytes_max),
        },
        intake: IntakeSettings {
            errors_max: count(config.intake.errors_max),
            dedup_bytes_max: DEDUP_BYTES_MAX,
        },
        email_bytes_max: size(config.email.size_max),
        is_sending: true,
    })
}

fn route(route: &config::Route, timeouts: &config::Timeouts) -> Result<RouteSettings, RelayError> {
    Ok(RouteSettings {
        relay: route.relay.parse()?,
        client_name: ClientName::from(route.hostname.clone()),
        connections_max: count(route.connections),
        idle_after: route.idle_timeout,
        timeouts: Timeouts {
            connect: timeouts.connect,
            greeting: timeouts.greeting,
            ehlo: timeouts.ehlo,
            rset: timeouts.rset,
            mail: timeouts.mail,
            rcpt: timeouts.rcpt,
            data: timeouts.data,
            body_block: timeouts.body_block,
            body_rate_min: Timeouts::STANDARD.body_rate_min,
            dot: timeouts.dot,
            quit: timeouts.quit,
        },
        delay_min: ROUTE_DELAY_MIN,
        delay_max: ROUTE_DELAY_MAX,
    })
}

fn limits(limits: &config::Limits) -> LimitSettings {
    let named = limits.domain.iter();
    LimitSettings {
        default: limit(&limits.default),
        domains: named
            .map(|(domain, of_domain)| (domain.clone(), limit(of_domain)))
            .collect::<HashMap<_, _>>(),
        recipient_rate: limits.recipient_rate,
    }
}

fn limit(limit: &config::Limit) -> DomainLimit {
    DomainLimit {
        rate: limit.rate,
        connections_max: count(limit.connections),
    }
}

/// A number that fits; a larger one than memory can count is as good as the largest.
fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_started_with() {
        let config = Config::default();
        let settings = settings(&config).unwrap();
        assert_eq!(settings.route.relay.to_string(), config.route.relay);
        assert_eq!(settings.email_bytes_max, 10_000_000);
    }

    #[test]
    fn a_named_domain_keeps_its_own_limit() {
        let mut config = Config::default();
        let slow = config::Limit {
            rate: Some("5/s".parse().unwrap()),
            connections: 2,
        };
        let domain = "slow.test".parse().unwrap();
        config.limits.domain.insert(domain, slow);
        let settings = settings(&config).unwrap();
        assert_eq!(settings.limits.of("slow.test").connections_max, 2);
        assert_eq!(settings.limits.of("other.test").connections_max, 10);
    }

    #[test]
    fn a_relay_that_is_not_on_this_machine_is_refused() {
        let mut config = Config::default();
        config.route.relay = "smtp://192.0.2.1:25".to_owned();
        assert!(settings(&config).is_err());
    }
}
