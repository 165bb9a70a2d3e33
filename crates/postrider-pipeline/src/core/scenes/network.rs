//! The network between the core and its receivers: names, hosts, and which of them answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::mx::{NoRoute, Reason, Resolution};
use postrider_smtp::site::{Host, HostSet, SiteName, Target, TlsPolicy};

use super::world::World;
use crate::chance::Chance;
use crate::core::{ConnectionId, Event};
use crate::settings::RouteId;

/// How long an answer of DNS holds.
pub(super) const TTL: Duration = Duration::from_secs(600);

/// What DNS says, and where connections lead.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// The provider of a domain and its own host there; others have a host of their own.
    providers: HashMap<String, (&'static str, &'static str)>,
    /// What is wrong with a domain.
    faults: HashMap<String, Reason>,
    /// Sites of which no host answers.
    pub(super) dead: HashSet<String>,
    /// Each question of DNS.
    pub(super) asked: Vec<String>,
    leads: HashMap<ConnectionId, (RouteId, Option<Arc<Target>>)>,
    /// Each connection that was dialled, by its site; a relay by its route.
    pub(super) dialled: Vec<String>,
}

impl Network {
    /// Mail for these domains goes to this host of this provider.
    pub(super) fn serve(&mut self, provider: &'static str, host: &'static str, domains: &[&str]) {
        for domain in domains {
            self.providers
                .insert((*domain).to_owned(), (provider, host));
        }
    }

    /// There is no way to this domain.
    pub(super) fn fault(&mut self, domain: &str, reason: Reason) {
        self.faults.insert(domain.to_owned(), reason);
    }

    /// DNS is well again.
    pub(super) fn mend(&mut self) {
        self.faults.clear();
    }

    pub(super) fn lead(
        &mut self,
        connection: ConnectionId,
        route: RouteId,
        target: Option<&Arc<Target>>,
    ) {
        let lead = (route, target.cloned());
        self.dialled.push(site(&lead));
        self.leads.insert(connection, lead);
    }

    pub(super) fn is_dead(&self, connection: ConnectionId) -> bool {
        self.leads
            .get(&connection)
            .is_some_and(|lead| self.dead.contains(&site(lead)))
    }

    /// A connection carries nothing for a domain that does not name its hosts.
    pub(super) fn check(&self, connection: ConnectionId, domain: &str) {
        if let Some((_, Some(target))) = self.leads.get(&connection) {
            let own = self.target(domain);
            assert_eq!(own.host_set, target.host_set, "{domain} is not taken there");
        }
    }

    fn target(&self, domain: &str) -> Target {
        let own = format!("mx.{domain}");
        let (site, host) = match self.providers.get(domain) {
            Some((provider, host)) => (SiteName::of_provider(provider), *host),
            None => (SiteName::of_host(&own), own.as_str()),
        };
        Target {
            site,
            host_set: HostSet::new([host]),
            hosts: vec![Host {
                name: host.to_owned(),
                addresses: vec![SocketAddr::from(([127, 0, 0, 1], 25))],
            }],
            tls: TlsPolicy::Off,
        }
    }
}

/// What a connection leads to, as scenes call it.
fn site((route, target): &(RouteId, Option<Arc<Target>>)) -> String {
    match target {
        Some(target) => target.site.to_string(),
        None => format!("relay {}", route.0),
    }
}

impl World {
    pub(super) fn resolve(&mut self, route: RouteId, domain: Arc<str>) {
        self.network.asked.push(domain.to_string());
        let valid_until = self.now.plus(TTL);
        let is_unlucky = self.chance.as_mut().is_some_and(Chance::is_amiss);
        let unanswered = is_unlucky.then(|| Reason::Unanswered("by chance".into()));
        let resolved = match self.network.faults.get(&*domain).or(unanswered.as_ref()) {
            Some(reason) => Err(NoRoute {
                domain: domain.parse().unwrap(),
                reason: reason.clone(),
                valid_until,
            }),
            None => Ok(Resolution {
                target: Arc::new(self.network.target(&domain)),
                valid_until,
            }),
        };
        let delay = self.delay();
        self.at(
            self.now.plus(delay),
            Event::Resolved(route, domain, resolved),
        );
    }

    /// How many connections lead to each site.
    pub(super) fn open_by_site(&self) -> BTreeMap<String, usize> {
        let mut open = BTreeMap::new();
        for connection in &self.open {
            let lead = &self.network.leads[connection];
            *open.entry(site(lead)).or_default() += 1;
        }
        open
    }

    /// How many connections lead where this one does, with itself.
    pub(super) fn open_beside(&self, connection: ConnectionId) -> usize {
        let its = site(&self.network.leads[&connection]);
        self.open_by_site().get(&its).copied().unwrap_or(0)
    }

    /// No receiver sees more connections than it may.
    pub(super) fn check_caps(&self) {
        let routes: Vec<_> = self.settings.routes.all().collect();
        for (route, settings) in &routes {
            let is_its = |connection: &&ConnectionId| self.network.leads[connection].0 == *route;
            let open = self.open.iter().filter(is_its).count();
            assert!(
                open <= settings.connections_max,
                "more connections than allowed"
            );
        }
        for (site, open) in self.open_by_site() {
            let provider = self.settings.providers.named(&site);
            if let Some(most) = provider.and_then(|provider| provider.limits.connections_max) {
                assert!(open <= usize::from(most), "{open} connections to {site}");
            }
        }
    }
}
