//! A profile made ready to be asked: every span in the time of this run, what a provider says filled
//! into its domains, and what each door offers.
//!
//! Made once per profile; a connection holds one and asks it without a lock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::profile::{Auth, Behaviour, Keyword, Limits, Profile, Provider, Synchronisation, Tls};
use crate::units::Span;

/// Where a client came in: what a provider counts per connection, it counts at its own door.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) enum Door {
    /// The address that all domains share.
    #[default]
    Common,
    /// The address of the provider of that name.
    Provider(Arc<str>),
}

impl Door {
    /// The provider's name; empty at the common door.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Common => "",
            Self::Provider(name) => name,
        }
    }
}

/// What EHLO offers at a door, and what of it is a lie.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    pub(crate) hostname: String,
    /// What is offered, in this order.
    pub(crate) keywords: Vec<Keyword>,
    /// What of it is refused when it is used.
    pub(crate) refuses: Vec<Keyword>,
    /// What SIZE says; what holds is `message_bytes_max`.
    pub(crate) size: u64,
    pub(crate) message_bytes_max: u64,
    /// Further lines of the reply to EHLO that mean nothing.
    pub(crate) filler_lines: u32,
    pub(crate) tls: Tls,
    pub(crate) auth: Option<Auth>,
    pub(crate) limits: Limits,
    pub(crate) synchronisation: Synchronisation,
}

impl Offer {
    pub(crate) fn offers(&self, keyword: Keyword) -> bool {
        self.keywords.contains(&keyword)
    }

    /// Whether it is offered and works.
    pub(crate) fn honours(&self, keyword: Keyword) -> bool {
        self.offers(keyword) && !self.refuses.contains(&keyword)
    }

    fn common(profile: &Profile) -> Self {
        Self {
            hostname: profile.hostname.clone(),
            keywords: profile.keywords.clone(),
            refuses: profile.refuses.clone(),
            size: profile.size_offered.unwrap_or(profile.message_bytes_max),
            message_bytes_max: profile.message_bytes_max,
            filler_lines: profile.filler_lines,
            tls: profile.tls,
            auth: profile.auth.clone(),
            limits: profile.limits,
            synchronisation: profile.synchronisation,
        }
    }

    fn of(provider: &Provider, profile: &Profile) -> Self {
        let common = Self::common(profile);
        let message_bytes_max = provider
            .message_bytes_max
            .unwrap_or(common.message_bytes_max);
        Self {
            hostname: provider.hostname.clone().unwrap_or(common.hostname),
            keywords: provider.keywords.clone().unwrap_or(common.keywords),
            refuses: provider.refuses.clone(),
            size: provider.size_offered.unwrap_or(message_bytes_max),
            message_bytes_max,
            filler_lines: provider.filler_lines,
            tls: provider.tls.unwrap_or(common.tls),
            auth: provider.auth.clone().or(common.auth),
            limits: provider.limits.unwrap_or(common.limits),
            synchronisation: common.synchronisation,
        }
    }
}

/// One door of a plan.
#[derive(Debug)]
pub(crate) struct DoorPlan {
    pub(crate) offer: Offer,
    /// How it behaves before a domain is known.
    pub(crate) behaviour: Behaviour,
    /// The provider's caps; nothing at the common door.
    pub(crate) provider: Option<Provider>,
}

/// One domain of a plan.
#[derive(Debug)]
pub(crate) struct DomainPlan {
    pub(crate) behaviour: Behaviour,
    /// The provider's name; empty without one.
    pub(crate) provider: Arc<str>,
    /// Whether answers depend on what came before; if not, no lock is needed.
    pub(crate) remembers: bool,
}

/// A profile made ready.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) profile: Profile,
    common: DoorPlan,
    providers: HashMap<Arc<str>, DoorPlan>,
    domains: HashMap<String, DomainPlan>,
    /// For domains without a table.
    default: DomainPlan,
}

impl Plan {
    pub(crate) fn new(profile: Profile) -> Self {
        let scale = profile.time_scale;
        let providers = profile.provider.iter();
        let providers = providers.map(|(name, provider)| {
            let door = DoorPlan {
                offer: Offer::of(provider, &profile),
                behaviour: provider.behaviour.clone().scaled(scale),
                provider: Some(scaled(provider, scale)),
            };
            (Arc::from(name.as_str()), door)
        });
        let providers: HashMap<Arc<str>, DoorPlan> = providers.collect();
        let domains = profile.domain.iter();
        let domains = domains.map(|(name, own)| {
            (
                name.clone(),
                DomainPlan::new(own.clone().scaled(scale), &providers),
            )
        });
        Self {
            common: DoorPlan {
                offer: Offer::common(&profile),
                behaviour: profile.default.clone().scaled(scale),
                provider: None,
            },
            domains: domains.collect(),
            default: DomainPlan::new(profile.default.clone().scaled(scale), &providers),
            providers,
            profile,
        }
    }

    /// Where the providers' own doors are.
    pub(crate) fn doors(&self) -> Vec<(Arc<str>, IpAddr)> {
        let doors = self.providers.iter().filter_map(|(name, door)| {
            let address = door.provider.as_ref()?.address?;
            Some((Arc::clone(name), address))
        });
        let mut doors: Vec<_> = doors.collect();
        doors.sort_unstable();
        doors
    }

    pub(crate) fn door(&self, door: &Door) -> &DoorPlan {
        match door {
            Door::Common => &self.common,
            Door::Provider(name) => self.providers.get(name).unwrap_or(&self.common),
        }
    }

    /// What is planned for a domain, given in lower case.
    pub(crate) fn domain(&self, domain: &str) -> &DomainPlan {
        self.domains.get(domain).unwrap_or(&self.default)
    }

    /// How a domain behaves, what its provider says included.
    pub(crate) fn behaviour(&self, domain: &str) -> &Behaviour {
        &self.domain(domain).behaviour
    }

    /// The name of a domain's provider; empty without one.
    pub(crate) fn provider_of(&self, domain: &str) -> &str {
        &self.domain(domain).provider
    }

    /// The caps of a domain's provider.
    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.get(name)?.provider.as_ref()
    }

    /// A span of the mock's own in the time of this run.
    pub(crate) fn scaled(&self, span: Duration) -> Duration {
        span / self.profile.time_scale.max(1)
    }
}

impl DomainPlan {
    fn new(own: Behaviour, providers: &HashMap<Arc<str>, DoorPlan>) -> Self {
        let provider = own.provider.as_deref();
        let provider = provider.and_then(|name| providers.get_key_value(name));
        let behaviour = match provider {
            Some((_, door)) => own.or(&door.behaviour),
            None => own,
        };
        let caps = provider.and_then(|(_, door)| door.provider.as_ref());
        let has_rate = caps.is_some_and(|it| it.rate.is_some() || !it.penalties.is_empty());
        Self {
            remembers: behaviour.remembers() || has_rate,
            provider: provider
                .map(|(name, _)| Arc::clone(name))
                .unwrap_or_default(),
            behaviour,
        }
    }
}

fn scaled(provider: &Provider, scale: u32) -> Provider {
    let mut provider = provider.clone();
    let faster = |span: &mut Span| *span = span.scaled(scale);
    provider.penalties.iter_mut().for_each(faster);
    provider
}

#[cfg(test)]
mod tests;
