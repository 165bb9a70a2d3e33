//! The relays of a route, and the target that they make.

use std::net::IpAddr;

use postrider_types::Phase;

use super::{Relay, RelayError};
use crate::mx::HOSTS_MAX;
use crate::site::{Host, HostSet, SiteName, Target, TlsPolicy};
use crate::trouble::{Cause, Trouble};

/// The relays of one route, in the order in which they are tried, and how they are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relays {
    /// At least one, at most eight, all of one scheme.
    relays: Vec<Relay>,
    /// `None` is the usual rule: TLS, unless every address is loopback.
    tls: Option<TlsPolicy>,
}

impl Relays {
    /// These relays under this policy; `None` is TLS for all that is not on this machine.
    ///
    /// # Errors
    /// [`RelayError::Count`] and [`RelayError::Mixed`].
    pub fn new(relays: Vec<Relay>, tls: Option<TlsPolicy>) -> Result<Self, RelayError> {
        if relays.is_empty() || relays.len() > HOSTS_MAX {
            return Err(RelayError::Count(relays.len()));
        }
        let is_implicit = relays[0].is_implicit;
        let is_same = relays.iter().all(|relay| relay.is_implicit == is_implicit);
        let fits = |tls| matches!(tls, TlsPolicy::Implicit { .. }) == is_implicit;
        if !is_same || !tls.is_none_or(fits) {
            return Err(RelayError::Mixed);
        }
        Ok(Self { relays, tls })
    }

    /// The relays, in order.
    pub fn as_slice(&self) -> &[Relay] {
        &self.relays
    }

    /// Where to dial: each name with its addresses of this moment. A name that does not
    /// resolve is left out, unless it is the last one left.
    ///
    /// # Errors
    /// Transient trouble with the site when no name resolves.
    pub async fn target(&self) -> Result<Target, Trouble> {
        let mut hosts = Vec::with_capacity(self.relays.len());
        let mut missing = None;
        for relay in &self.relays {
            match relay.resolve().await {
                Ok(host) => hosts.push(host),
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        if let (true, Some(error)) = (hosts.is_empty(), missing) {
            return Err(Trouble::lost(Phase::Connect, Cause::Relay(error)));
        }
        Ok(Target {
            site: SiteName::of_relay(&self.relays[0].host(), self.relays[0].port),
            host_set: HostSet::new(hosts.iter().map(|host| host.name.as_str())),
            tls: self.tls.unwrap_or_else(|| self.usual_tls(&hosts)),
            hosts,
        })
    }

    /// What holds when no policy was given.
    fn usual_tls(&self, hosts: &[Host]) -> TlsPolicy {
        let mut addresses = hosts.iter().flat_map(|host| &host.addresses);
        if self.relays[0].is_implicit {
            TlsPolicy::Implicit { is_verified: true }
        } else if addresses.all(|address| is_loopback(address.ip())) {
            TlsPolicy::Off
        } else {
            TlsPolicy::Starttls { is_verified: true }
        }
    }
}

impl From<Relay> for Relays {
    /// One relay under the usual policy.
    fn from(relay: Relay) -> Self {
        Self {
            relays: vec![relay],
            tls: None,
        }
    }
}

/// Whether packets to this address stay on the machine, also when it is IPv4 inside IPv6.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIED: TlsPolicy = TlsPolicy::Starttls { is_verified: true };
    const IMPLICIT: TlsPolicy = TlsPolicy::Implicit { is_verified: true };

    fn relays(urls: &[&str], tls: Option<TlsPolicy>) -> Result<Relays, RelayError> {
        Relays::new(urls.iter().map(|url| url.parse().unwrap()).collect(), tls)
    }

    #[test]
    fn relays_of_a_route_are_few_and_of_one_scheme() {
        let is_mixed = |urls: &[&str], tls| matches!(relays(urls, tls), Err(RelayError::Mixed));
        assert!(is_mixed(&["smtp://a.test", "smtps://b.test"], None));
        assert!(is_mixed(&["smtp://a.test"], Some(IMPLICIT)));
        assert!(is_mixed(&["smtps://a.test"], Some(TlsPolicy::Off)));
        assert!(!is_mixed(
            &["smtps://a.test", "smtps://b.test"],
            Some(IMPLICIT)
        ));
        assert!(matches!(relays(&[], None), Err(RelayError::Count(0))));
        assert!(matches!(
            relays(&["smtp://a.test"; 9], None),
            Err(RelayError::Count(9))
        ));
    }

    async fn check_tls(urls: &[&str], tls: Option<TlsPolicy>, expect: TlsPolicy) {
        let target = relays(urls, tls).unwrap().target().await.unwrap();
        assert_eq!(target.tls, expect, "{urls:?}");
    }

    #[tokio::test]
    async fn mail_leaves_this_machine_in_the_clear_only_when_somebody_wrote_so() {
        let remote = [
            "smtp://192.0.2.1",
            "smtp://0.0.0.0",
            "smtp://[2001:db8::1]",
            "smtp://[::ffff:192.0.2.1]",
        ];
        for url in remote {
            check_tls(&[url], None, VERIFIED).await;
            check_tls(&["smtp://127.0.0.1", url], None, VERIFIED).await;
            check_tls(&[url], Some(TlsPolicy::Off), TlsPolicy::Off).await;
        }
        let local = [
            "smtp://localhost",
            "smtp://[::ffff:127.0.0.1]",
            "smtp://[::1]",
        ];
        check_tls(&local, None, TlsPolicy::Off).await;
        check_tls(&["smtps://127.0.0.1"], None, IMPLICIT).await;
    }

    #[tokio::test]
    async fn a_target_has_every_relay_in_order_with_its_addresses() {
        let relays = relays(&["smtp://localhost:2525", "smtp://127.0.0.2:26"], None).unwrap();
        let target = relays.target().await.unwrap();
        assert_eq!(target.site.as_str(), "localhost:2525");
        let names: Vec<&str> = target.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["localhost", "127.0.0.2"]);
        assert!(target.hosts[0].addresses.iter().all(|a| a.port() == 2525));
        assert_eq!(target.hosts[1].addresses, ["127.0.0.2:26".parse().unwrap()]);
    }
}
