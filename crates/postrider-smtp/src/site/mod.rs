//! Where mail goes: a [`Target`] is the site that counts and the hosts that are dialled.
//!
//! Receivers limit what they take by their own machines, not by the domains in addresses (Google
//! tells senders to count "based on the MX record domain"). So connections are counted by
//! [`SiteName`], which all domains of one provider share. What may *travel* over one connection is
//! narrower: only mail for domains with the same [`HostSet`], because a host need not take mail for
//! a domain that does not name it.
//!
//! Two things make targets: a relay, which is written in the configuration, and [`mx`](crate::mx),
//! which asks DNS. **The addresses of a [`Host`] are the ones that are dialled**: nothing looks a
//! name up again, so what was checked of them holds.

mod tls_policy;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use tls_policy::TlsPolicy;

/// What counts as one destination within a route: its connections, its back-off, its limits.
///
/// A provider's name such as `google` (of the table of `config/providers.toml`), the name
/// of the best MX host such as `mx.example.test`, or a relay as `host:port`. Only a provider's name
/// has neither a dot nor a colon, so no host can pass for a provider.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SiteName(Arc<str>);

impl SiteName {
    /// The site of a provider. `name` is one of the table's, which are lower-case and without a
    /// dot or a colon.
    pub fn of_provider(name: &str) -> Self {
        debug_assert!(!name.contains(['.', ':']), "{name:?} is no provider's name");
        Self(name.into())
    }

    /// The site of a set of MX hosts, called by the best of them. A name without a dot gets one at
    /// its end, as DNS writes the root.
    pub fn of_host(name: &str) -> Self {
        if name.contains('.') {
            Self(name.into())
        } else {
            Self(format!("{name}.").into())
        }
    }

    /// The site of a relay: its host, as a name or an address, and its port.
    pub fn of_relay(host: &str, port: u16) -> Self {
        if host.contains(':') {
            Self(format!("[{host}]:{port}").into())
        } else {
            Self(format!("{host}:{port}").into())
        }
    }

    /// The name as it stands in logs, metrics and commands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::borrow::Borrow<str> for SiteName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Which hosts take mail for a domain, whatever their order: the key under which an open
/// connection may be used for another domain. It holds the names that were announced, also of hosts
/// that have no address for the moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostSet(Arc<str>);

impl HostSet {
    /// The set of these names; order and repetition do not count.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self(names.join(" ").into())
    }
}

/// One machine, or several behind one name, that takes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name that its certificate is held against, and that logs show: lower-case, without a
    /// final dot. A relay that is given by its address has that address as its name.
    pub name: String,
    /// Where it is dialled, in order; at least one, at most
    /// [`ADDRESSES_MAX`](crate::mx::ADDRESSES_MAX).
    pub addresses: Vec<SocketAddr>,
}

/// Where mail for a domain goes, ready to be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whose connections and limits these are.
    pub site: SiteName,
    /// Whose mail may share a connection.
    pub host_set: HostSet,
    /// The hosts, best first; at least one, at most [`HOSTS_MAX`](crate::mx::HOSTS_MAX).
    pub hosts: Vec<Host>,
    /// How the session is encrypted.
    pub tls: TlsPolicy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_host_can_pass_for_a_provider() {
        assert_eq!(SiteName::of_provider("google").as_str(), "google");
        assert_eq!(SiteName::of_host("google").as_str(), "google.");
        assert_eq!(SiteName::of_host("mx.google").as_str(), "mx.google");
    }

    #[test]
    fn a_relay_is_its_host_and_port() {
        assert_eq!(
            SiteName::of_relay("relay.example.test", 587).as_str(),
            "relay.example.test:587"
        );
        assert_eq!(SiteName::of_relay("::1", 25).as_str(), "[::1]:25");
    }

    #[test]
    fn a_host_set_knows_neither_order_nor_repetition() {
        let one = HostSet::new(["b.test", "a.test", "b.test"]);
        assert_eq!(one, HostSet::new(["a.test", "b.test"]));
        assert_ne!(one, HostSet::new(["a.test"]));
    }
}
