//! A load before anything happens: who gets what, and how fast; decided by options, profile and
//! seed alone.

pub mod audience;
pub mod doors;
pub mod email;
pub mod limits;
pub mod options;
pub mod spread;

use std::collections::HashMap;

use postrider_mock_smtp::{DoubtPolicy, Profile};
use postrider_types::InDoubtPolicy;

use crate::bounds::SPREAD_DEFAULT;
use crate::plan::audience::Audience;
use crate::plan::doors::Door;
use crate::plan::email::LoadEmail;
use crate::plan::limits::Limits;
use crate::plan::options::{Options, OptionsError};
use crate::plan::spread::Spread;
use crate::run::RunOptions;

/// A load that can be carried out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What was asked for.
    pub options: Options,
    /// How the mock behaves.
    pub profile: Profile,
    /// How recipients are spread over domains.
    pub spread: Spread,
    /// The recipients of each campaign.
    pub audience: Audience,
    /// How much each domain may have.
    pub limits: Limits,
    /// Providers that take mail at an address of their own.
    pub doors: Vec<Door>,
    /// Deliveries of all campaigns by domain.
    pub planned: HashMap<String, u64>,
}

impl Plan {
    /// Makes a plan; the profile is the one that the options name.
    ///
    /// # Errors
    /// [`OptionsError`] that names the option.
    pub fn new(options: Options, profile: Profile) -> Result<Self, OptionsError> {
        let options = options.checked()?;
        let profile = Profile {
            in_doubt: match options.in_doubt {
                InDoubtPolicy::Hold => DoubtPolicy::Hold,
                InDoubtPolicy::Retry => DoubtPolicy::Retry,
                InDoubtPolicy::AssumeDelivered => DoubtPolicy::AssumeDelivered,
            },
            ..profile
        };
        let spread = match &options.spread {
            Some(spread) => spread.clone(),
            None => Spread::of_profile(&profile)?.unwrap_or(Spread::Zipf(SPREAD_DEFAULT)),
        };
        let audience = Audience::new(&spread, options.recipients, options.seed);
        let mut planned = audience.by_domain();
        for count in planned.values_mut() {
            *count *= u64::from(options.campaigns);
        }
        let limits = match &options.limit {
            Some(rate) => Limits::same(rate)?,
            None => Limits::of_profile(&profile, &planned)?,
        };
        let doors = doors::of_profile(&profile, &planned);
        Ok(Self {
            options,
            profile,
            spread,
            audience,
            limits,
            doors,
            planned,
        })
    }

    /// The emails, one for each campaign.
    pub fn emails(&self) -> Vec<LoadEmail> {
        let Options {
            body_bytes,
            attachment_bytes,
            ..
        } = self.options;
        let numbers = 1..=self.options.campaigns;
        let emails = numbers.map(|number| LoadEmail::new(number, body_bytes, attachment_bytes));
        emails.collect()
    }

    /// Deliveries in all.
    pub fn planned_sum(&self) -> u64 {
        self.options.recipients * u64::from(self.options.campaigns)
    }

    /// Most connections at once that it can have.
    pub(crate) fn connections_max(&self) -> u32 {
        doors::connections_max(&self.doors, &self.planned, self.options.connections)
    }

    /// What was asked for, as a run says it.
    pub(crate) fn shown(&self, config_hash: String) -> RunOptions {
        let options = &self.options;
        RunOptions {
            recipients: options.recipients,
            campaigns: options.campaigns,
            domains: self.spread.to_string(),
            body_bytes: options.body_bytes as u64,
            attachment_bytes: options.attachment_bytes as u64,
            profile: options.profile.clone(),
            rtt_ms: options.rtt.as_secs_f64() * 1e3,
            connections: options.connections,
            limit: options.limit.clone(),
            store: options.store.name().to_owned(),
            workers: options.workers,
            kill_every: options.kill_every.map(|every| every.as_secs_f64()),
            pause_every: options.pause_every.map(|every| every.as_secs_f64()),
            in_doubt: options.in_doubt,
            in_doubt_retry_after: options
                .in_doubt_retry_after
                .map(|after| after.as_secs_f64()),
            time_scale: f64::from(options.time_scale),
            config_hash,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::options::StoreKind;

    /// What a small load is asked for.
    pub(crate) fn options() -> Options {
        Options {
            recipients: 1_000,
            campaigns: 2,
            spread: Some(Spread::Zipf(50)),
            body_bytes: 2_000,
            attachment_bytes: 0,
            profile: "sink".to_owned(),
            rtt: Duration::ZERO,
            connections: 20,
            limit: None,
            store: StoreKind::Sqlite,
            workers: 0,
            kill_every: None,
            pause_every: None,
            in_doubt: InDoubtPolicy::Hold,
            in_doubt_retry_after: None,
            seed: 7,
            duration: Duration::from_secs(60),
            time_scale: 1,
            folder: None,
            baseline: None,
            config: None,
        }
    }

    #[test]
    fn every_campaign_reaches_everybody() {
        let plan = Plan::new(options(), Profile::sink()).unwrap();
        assert_eq!(plan.planned_sum(), 2_000);
        assert_eq!(plan.planned.values().sum::<u64>(), 2_000);
        assert_eq!(plan.emails().len(), 2);
    }

    #[test]
    fn the_audience_of_the_profile_is_taken_where_none_is_asked_for() {
        let of = |profile: Profile| {
            let spread = None;
            let plan = Plan::new(
                Options {
                    spread,
                    ..options()
                },
                profile,
            );
            plan.unwrap().spread
        };
        let mut profile = Profile::sink();
        profile.audience = [("a.test".to_owned(), 3)].into();
        assert_eq!(of(profile.clone()), Spread::parse("a.test=3").unwrap());
        profile.audience.clear();
        assert_eq!(of(profile), Spread::Zipf(SPREAD_DEFAULT));
    }

    #[test]
    fn limits_come_from_the_options_before_the_profile() {
        let behaviour = postrider_mock_smtp::Behaviour {
            rate: Some("50/s".parse().unwrap()),
            ..postrider_mock_smtp::Behaviour::accept()
        };
        let profile = Profile::sink().with_domain("d1.test", behaviour);
        let of = |options: Options| {
            let plan = Plan::new(options, profile.clone()).unwrap();
            plan.limits.of("d1.test").unwrap().per_second
        };
        assert!((of(options()) - 50.0).abs() < 1e-9);
        let limit = Some("9/s".to_owned());
        assert!((of(Options { limit, ..options() }) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn the_mock_judges_by_what_campaigns_are_told_to_do() {
        let of = |in_doubt| {
            let plan = Plan::new(
                Options {
                    in_doubt,
                    ..options()
                },
                Profile::sink(),
            );
            plan.unwrap().profile.in_doubt
        };
        assert_eq!(of(InDoubtPolicy::Hold), DoubtPolicy::Hold);
        assert_eq!(of(InDoubtPolicy::Retry), DoubtPolicy::Retry);
        assert_eq!(
            of(InDoubtPolicy::AssumeDelivered),
            DoubtPolicy::AssumeDelivered
        );
    }

    #[test]
    fn what_no_load_can_be_made_of_is_refused() {
        let check = |options: Options| Plan::new(options, Profile::sink()).unwrap_err();
        let recipients = 0;
        let refused = check(Options {
            recipients,
            ..options()
        });
        assert!(refused.to_string().contains("--recipients"), "{refused}");
        let recipients = 20_000_000;
        let refused = check(Options {
            recipients,
            ..options()
        });
        assert!(refused.to_string().contains("× campaigns"), "{refused}");
        let refused = check(Options {
            store: StoreKind::Memory,
            kill_every: Some(Duration::from_secs(1)),
            ..options()
        });
        assert_eq!(refused, OptionsError::KilledMemory);
        let refused = check(Options {
            in_doubt: InDoubtPolicy::Retry,
            kill_every: Some(Duration::from_secs(1)),
            ..options()
        });
        assert_eq!(refused, OptionsError::KilledDoubts(InDoubtPolicy::Retry));
        let limit = Some("fast".to_owned());
        assert!(matches!(
            check(Options { limit, ..options() }),
            OptionsError::Limit(_)
        ));
    }
}
