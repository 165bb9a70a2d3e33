//! The half that asks: names in, targets out.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::net::NetError;
use postrider_types::{Domain, Timestamp};
use rand::rngs::StdRng;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answers::{self, Addresses, DeadEnd, Exchanges};
use super::kept::{Kept, Known};
use super::lookup::Dns;
use super::{NoRoute, RESOLUTIONS_AT_ONCE_MAX, Reach};
use crate::deadline::Deadline;
use crate::providers::Providers;
use crate::site::{Host, HostSet, SiteName, Target, TlsPolicy};

/// Finds the hosts of domains. A clone is another handle of the same one, with what it has learnt.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    dns: Dns,
    settings: ResolverSettings,
    providers: Arc<Providers>,
    rng: Mutex<StdRng>,
    at_once: Semaphore,
    kept: Kept,
}

/// How hosts are looked for, and what their targets are to be.
#[derive(Debug, Clone)]
pub struct ResolverSettings {
    /// Who is asked.
    pub nameservers: Nameservers,
    /// The longest that finding the hosts of one domain may take, over all questions.
    pub time_max: Duration,
    /// The port that hosts are dialled at: 25, but in tests.
    pub port: u16,
    /// Which addresses may be dialled.
    pub reach: Reach,
    /// How sessions are encrypted; raised for providers that take nothing without TLS.
    pub tls: TlsPolicy,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nameservers {
    /// Those of `/etc/resolv.conf`; `/etc/hosts` may say where a host is.
    System,
    /// These; UDP, and TCP where an answer is too long.
    Given(Vec<SocketAddr>),
}

/// The way to a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Where its mail goes.
    pub target: Arc<Target>,
    /// Until when this holds without asking again.
    pub valid_until: Timestamp,
}

/// Why names cannot be resolved at all.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// The system names no server.
    #[error(
        "no name server is known from /etc/resolv.conf; direct delivery needs one, there or in the \
         configuration"
    )]
    System(#[source] NetError),
    /// No server was given.
    #[error("direct delivery needs at least one name server, such as 127.0.0.1:53")]
    NoServer,
    /// The given servers cannot be asked.
    #[error("these name servers cannot be used")]
    Given(#[source] NetError),
}

impl Resolver {
    /// A resolver that has not asked anything yet.
    ///
    /// # Errors
    /// When no name server is known.
    pub fn new(
        settings: ResolverSettings,
        providers: Arc<Providers>,
        rng: StdRng,
    ) -> Result<Self, ResolverError> {
        let dns = match &settings.nameservers {
            Nameservers::System => Dns::of_system().map_err(ResolverError::System)?,
            Nameservers::Given(servers) if servers.is_empty() => {
                return Err(ResolverError::NoServer);
            }
            Nameservers::Given(servers) => {
                Dns::of_servers(servers).map_err(ResolverError::Given)?
            }
        };
        Ok(Self(Arc::new(Inner {
            dns,
            settings,
            providers,
            rng: Mutex::new(rng),
            at_once: Semaphore::new(RESOLUTIONS_AT_ONCE_MAX),
            kept: Kept::default(),
        })))
    }

    /// The way to `domain`. What is known is told at once; what is not is asked, once for all who
    /// wait for it. A future that is dropped leaves nothing behind.
    ///
    /// # Errors
    /// When there is no host to dial, for good or for the moment.
    pub async fn resolve(&self, domain: &Domain, now: Timestamp) -> Result<Resolution, NoRoute> {
        let inner = &self.0;
        let ask = async || inner.ask(domain, now).await;
        inner.kept.get(domain, ask, now).await
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resolver").field(&self.0.settings).finish()
    }
}

impl Inner {
    async fn ask(&self, domain: &Domain, now: Timestamp) -> Known {
        let started = Instant::now();
        let _turn = self.at_once.acquire().await;
        let found = self.find(domain).await;
        let after = |ttl: Duration| now.plus(started.elapsed()).plus(ttl);
        match found {
            Ok((target, ttl)) => Ok(Resolution {
                target: Arc::new(target),
                valid_until: after(ttl),
            }),
            Err((reason, ttl)) => {
                let valid_until = after(ttl);
                Err(NoRoute {
                    domain: domain.clone(),
                    reason,
                    valid_until,
                })
            }
        }
    }

    async fn find(&self, domain: &Domain) -> Result<(Target, Duration), DeadEnd> {
        let deadline = Deadline::after(self.settings.time_max);
        let answer = self.dns.mx(domain.as_str(), deadline).await;
        let exchanges = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            answers::exchanges(domain, answer, &mut *rng)?
        };
        let site = self.site(domain, &exchanges);
        let host_set = HostSet::new(exchanges.names.iter().map(String::as_str));
        let addresses = self.addresses(&exchanges.names, deadline).await;
        let ResolverSettings { port, reach, .. } = self.settings;
        let (hosts, ttl) = answers::hosts(exchanges, addresses, port, reach)?;
        Ok((self.target(site, host_set, hosts), ttl))
    }

    /// The provider's, or that of the best host.
    fn site(&self, domain: &Domain, exchanges: &Exchanges) -> SiteName {
        let best = exchanges.best.iter().map(String::as_str);
        match self.providers.of(domain.as_str(), best) {
            Some(provider) if provider.is_one_site => SiteName::of_provider(&provider.name),
            _ => SiteName::of_host(&exchanges.best[0]),
        }
    }

    fn target(&self, site: SiteName, host_set: HostSet, hosts: Vec<Host>) -> Target {
        let tls = self.settings.tls;
        let is_tls_required = self.providers.limits(&site).is_tls_required;
        Target {
            site,
            host_set,
            hosts,
            tls: if is_tls_required {
                tls.with_tls_required()
            } else {
                tls
            },
        }
    }

    /// All hosts at once.
    async fn addresses(&self, names: &[String], deadline: Deadline) -> Vec<Addresses> {
        let mut questions = JoinSet::new();
        for (n, name) in names.iter().cloned().enumerate() {
            let dns = self.dns.clone();
            questions.spawn(async move { (n, dns.addresses(&name, deadline).await) });
        }
        let mut said = questions.join_all().await;
        said.sort_unstable_by_key(|(n, _)| *n);
        said.into_iter().map(|(_, addresses)| addresses).collect()
    }
}
