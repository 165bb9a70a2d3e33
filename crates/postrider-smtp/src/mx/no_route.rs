//! Why there is no way to a domain.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use postrider_types::{Domain, EnhancedCode, Phase, Reply, Timestamp};

use crate::trouble::{Cause, Trouble};

/// There is no host to dial for a domain: for good where DNS said so, else for the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoute {
    /// The domain that was asked for.
    pub domain: Domain,
    /// What DNS said of it.
    pub reason: Reason,
    /// Until when this holds without asking again.
    pub valid_until: Timestamp,
}

/// What DNS said of a domain that mail cannot go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It announces that it takes no mail (RFC 7505 §3).
    NullMx,
    /// It does not exist (NXDOMAIN).
    NoDomain,
    /// It exists and has neither an MX nor an address (RFC 5321 §5.1).
    NoMailHost,
    /// It has mail hosts, and none of them can be dialled.
    NoUsableHost(Vec<(String, HostFault)>),
    /// DNS did not say: its own words, or ours for silence.
    Unanswered(Arc<str>),
}

/// Why one host of a domain is not dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostFault {
    /// The MX gives an address, or what is no host name, in place of a name (RFC 5321 §5.1).
    NotAName,
    /// The name has no address.
    NoAddress,
    /// Its address, one of them here, is none that [`Reach`](super::Reach) permits.
    Forbidden(IpAddr),
    /// DNS did not say.
    Unanswered(Arc<str>),
}

impl NoRoute {
    /// Whether asking again is useless: DNS was clear, and what it said ends every delivery to the
    /// domain. An address that is not permitted may be a lie of the name server here (split
    /// horizon, a captive portal), so it ends nothing.
    pub fn is_permanent(&self) -> bool {
        match &self.reason {
            Reason::NullMx | Reason::NoDomain | Reason::NoMailHost => true,
            Reason::NoUsableHost(hosts) => !hosts.iter().any(|(_, fault)| {
                matches!(fault, HostFault::Unanswered(_) | HostFault::Forbidden(_))
            }),
            Reason::Unanswered(_) => false,
        }
    }

    /// It as a reply, for receipts: 556 5.1.10, 550 5.1.2 or 550 5.4.4 for good, 451 4.4.3 for now.
    pub fn reply(&self) -> Reply {
        let (code, class, subject, detail) = match self.reason {
            Reason::NullMx => (556, 5, 1, 10),
            Reason::NoDomain | Reason::NoMailHost => (550, 5, 1, 2),
            Reason::NoUsableHost(_) if self.is_permanent() => (550, 5, 4, 4),
            Reason::NoUsableHost(_) | Reason::Unanswered(_) => (451, 4, 4, 3),
        };
        let enhanced = EnhancedCode {
            class,
            subject,
            detail,
        };
        Reply::new(code, Some(enhanced), &self.to_string())
    }
}

/// For good, it ends this delivery and says nothing of the message; for the moment, the site waits.
impl From<NoRoute> for Trouble {
    fn from(no_route: NoRoute) -> Self {
        if no_route.is_permanent() {
            Self::nobody(no_route.reply(), no_route)
        } else {
            Self::lost(Phase::Connect, Cause::NoRoute(Arc::new(no_route)))
        }
    }
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = &self.domain;
        match &self.reason {
            Reason::NullMx => write!(f, "{domain} takes no mail: it has a null MX (RFC 7505)"),
            Reason::NoDomain => write!(f, "the domain {domain} does not exist (NXDOMAIN)"),
            Reason::NoMailHost => write!(
                f,
                "{domain} has neither an MX nor an address record (RFC 5321 5.1)"
            ),
            Reason::NoUsableHost(hosts) => {
                write!(f, "no mail host of {domain} can be dialled (RFC 5321 5.1)")?;
                hosts.iter().enumerate().try_for_each(|(n, (host, fault))| {
                    let separator = if n == 0 { ": " } else { "; " };
                    write!(f, "{separator}{host} {fault}")
                })
            }
            Reason::Unanswered(words) => {
                write!(f, "the mail hosts of {domain} are not known: {words}")
            }
        }
    }
}

impl std::error::Error for NoRoute {}

impl fmt::Display for HostFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAName => f.write_str("is not a host name"),
            Self::NoAddress => f.write_str("has no address"),
            Self::Forbidden(address) => {
                write!(f, "has the address {address}, where mail must not go")
            }
            Self::Unanswered(words) => write!(f, "has no known address: {words}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_types::Scope;

    use super::*;

    fn no_route(reason: Reason) -> NoRoute {
        NoRoute {
            domain: "example.test".parse().unwrap(),
            reason,
            valid_until: Timestamp::EPOCH,
        }
    }

    fn check(reason: Reason, reply: &str, is_permanent: bool, scope: Scope) {
        let no_route = no_route(reason);
        assert_eq!(no_route.reply().to_string(), reply);
        let trouble = Trouble::from(no_route);
        assert_eq!(trouble.is_permanent(), is_permanent, "{reply}");
        assert_eq!(trouble.scope(), scope, "{reply}");
        assert_eq!(trouble.phase(), Phase::Connect);
        assert!(!trouble.is_local() && !trouble.is_in_doubt() && !trouble.is_neutral());
    }

    #[test]
    fn what_dns_said_ends_the_delivery_with_the_code_of_the_rfc() {
        let check = |reason, reply| check(reason, reply, true, Scope::Recipient);
        check(
            Reason::NullMx,
            "556 5.1.10 example.test takes no mail: it has a null MX (RFC 7505)",
        );
        check(
            Reason::NoDomain,
            "550 5.1.2 the domain example.test does not exist (NXDOMAIN)",
        );
        check(
            Reason::NoMailHost,
            "550 5.1.2 example.test has neither an MX nor an address record (RFC 5321 5.1)",
        );
        check(
            Reason::NoUsableHost(vec![
                ("a.test".to_owned(), HostFault::NoAddress),
                ("10.0.0.1".to_owned(), HostFault::NotAName),
            ]),
            "550 5.4.4 no mail host of example.test can be dialled (RFC 5321 5.1): a.test has no \
             address; 10.0.0.1 is not a host name",
        );
    }

    #[test]
    fn what_dns_did_not_say_makes_the_site_wait() {
        let check = |reason, reply| check(reason, reply, false, Scope::Site);
        check(
            Reason::Unanswered("no answer in time".into()),
            "451 4.4.3 the mail hosts of example.test are not known: no answer in time",
        );
        check(
            Reason::NoUsableHost(vec![
                ("a.test".to_owned(), HostFault::NoAddress),
                (
                    "b.test".to_owned(),
                    HostFault::Unanswered("SERVFAIL".into()),
                ),
            ]),
            "451 4.4.3 no mail host of example.test can be dialled (RFC 5321 5.1): a.test has no \
             address; b.test has no known address: SERVFAIL",
        );
        check(
            Reason::NoUsableHost(vec![(
                "a.test".to_owned(),
                HostFault::Forbidden([10, 0, 0, 1].into()),
            )]),
            "451 4.4.3 no mail host of example.test can be dialled (RFC 5321 5.1): a.test has the \
             address 10.0.0.1, where mail must not go",
        );
    }
}
