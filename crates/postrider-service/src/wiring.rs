//! From the configuration to what each part is told.

mod dkim;
mod error;
mod file;
mod problems;
mod routes;

use std::collections::HashMap;
use std::sync::Arc;

use postrider_pipeline::Settings;
use postrider_pipeline::settings::{
    CacheSettings, DomainLimit, IntakeSettings, LeaseSettings, LimitSettings, MessageSettings,
};
use postrider_store::Share;

pub use dkim::DkimError;
pub(crate) use dkim::identities;
pub use error::SettingsError;
pub use file::FileError;
pub use problems::problems;

use crate::bounds::DEDUP_BYTES_MAX;
use crate::config::{self, Config};

/// What the pipeline is told. Reads the files that the configuration names, so it belongs where the
/// program starts.
///
/// # Errors
/// [`SettingsError`], with the key that is to be changed.
pub fn settings(config: &Config) -> Result<Settings, SettingsError> {
    let tables = &config.tables;
    let providers = Arc::new(routes::providers(tables.providers_file.as_deref())?);
    let classifier = routes::classifier(tables.classification_file.as_deref())?;
    Ok(Settings {
        routes: routes::routes(config, &providers)?,
        providers,
        classifier,
        limits: limits(&config.limits),
        backoff: config.retry,
        lease: LeaseSettings {
            time: config.lease.time,
            slice: config.lease.slice,
            chunks_max: count(config.lease.chunks_max),
            share: Share::WHOLE,
        },
        cache: CacheSettings {
            bytes_max: config.cache.bytes_max,
            load_bytes_max: size(config.cache.load_bytes_max),
            in_use_bytes_max: config.cache.in_use_bytes_max,
        },
        intake: IntakeSettings {
            errors_max: count(config.intake.errors_max),
            dedup_bytes_max: DEDUP_BYTES_MAX,
        },
        message: MessageSettings {
            return_path: config.message.return_path.clone(),
            identities: identities(&config.dkim)?,
        },
        email_bytes_max: size(config.email.size_max),
        is_sending: true,
        in_hand: None,
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
        spent_at: None,
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
    use postrider_pipeline::settings::NextHop;

    use super::*;

    #[test]
    fn the_defaults_can_be_started_with() {
        let config = Config::default();
        let settings = settings(&config).unwrap();
        assert!(matches!(
            settings.routes.default.next_hop,
            NextHop::Relays(_)
        ));
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
}
