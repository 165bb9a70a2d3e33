//! Relays: the hosts that take everything, one for use and others for when it fails.
//!
//! How they are encrypted is part of it. **Mail leaves this machine without TLS only when somebody
//! wrote so**: where no policy is given, `smtps://` is TLS from the first octet, `smtp://` is
//! STARTTLS with a verified certificate, and only a list whose every address is loopback goes in the
//! clear. That is looked at each time names are resolved, for what they mean may change.
//!
//! User and secret never stand in the URL, which is shown in logs and status pages.

mod list;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use postrider_types::Domain;
use tokio::time::timeout;

use crate::mx::{ADDRESSES_MAX, HOSTS_MAX};
use crate::site::Host;

pub use list::Relays;

/// The port of SMTP (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;

/// The port of SMTP under TLS from the first octet (RFC 8314 §3.3).
const SMTPS_PORT: u16 = 465;

/// How long the resolver of this machine may take for one name.
const RESOLVE_TIME_MAX: Duration = Duration::from_secs(10);

/// One relay, read from `smtp://host:port` or `smtps://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relay {
    /// TLS begins with the first octet.
    is_implicit: bool,
    place: Place,
    /// Never 0.
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Address(IpAddr),
    Name(String),
}

/// Why a text is not a relay, or a relay may not be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RelayError {
    /// It begins with neither `smtp://` nor `smtps://`.
    #[error("a relay is written smtp://host:port, or smtps://host:port for TLS from the start")]
    Scheme,
    /// There is a user or a password before the host.
    #[error("user and password do not belong into the URL of a relay: use the keys for them")]
    Credentials,
    /// Something follows the port.
    #[error("a relay ends after the port: smtp://host:port, without path or query")]
    Path,
    /// The host is neither a name nor an address.
    #[error("the host of the relay is neither a name nor an IP address")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port of the relay is not a number from 1 to 65535")]
    Port,
    /// There is none, or more than are tried.
    #[error("a route has from 1 to {HOSTS_MAX} relays, and not {0}")]
    Count(usize),
    /// What the URLs say and what the policy says cannot both be.
    #[error(
        "the relays of a route are all smtp:// (TLS off, opportunistic or required), or all \
         smtps:// (TLS from the start)"
    )]
    Mixed,
    /// The host has no address.
    #[error("the address of {host} was not found")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: Arc<io::Error>,
    },
}

impl Relay {
    /// The host, as a name or an address without brackets.
    pub fn host(&self) -> String {
        match &self.place {
            Place::Address(address) => address.to_string(),
            Place::Name(name) => name.clone(),
        }
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS begins with the first octet.
    pub const fn is_implicit(&self) -> bool {
        self.is_implicit
    }

    /// The host with its addresses, in the resolver's order.
    async fn resolve(&self) -> Result<Host, RelayError> {
        let name = self.host();
        if let Place::Address(address) = self.place {
            let addresses = vec![(address, self.port).into()];
            return Ok(Host { name, addresses });
        }
        let lookup = tokio::net::lookup_host((name.as_str(), self.port));
        let found = match timeout(RESOLVE_TIME_MAX, lookup).await {
            Ok(Ok(found)) => Ok(found.take(ADDRESSES_MAX).collect::<Vec<_>>()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        match found {
            Ok(addresses) if !addresses.is_empty() => Ok(Host { name, addresses }),
            found => Err(RelayError::Unresolved {
                host: name,
                source: Arc::new(
                    found
                        .err()
                        .unwrap_or_else(|| io::ErrorKind::NotFound.into()),
                ),
            }),
        }
    }
}

impl FromStr for Relay {
    type Err = RelayError;

    fn from_str(text: &str) -> Result<Self, RelayError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(RelayError::Scheme)?;
        let is_implicit = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(RelayError::Scheme),
        };
        if rest.contains('@') {
            return Err(RelayError::Credentials);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(RelayError::Path);
        }
        let (place, port) = split_port(rest)?;
        let port = match port {
            None if is_implicit => SMTPS_PORT,
            None => SMTP_PORT,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| RelayError::Port)?
            }
            Some(_) => return Err(RelayError::Port),
        };
        if port == 0 {
            return Err(RelayError::Port);
        }
        Ok(Self {
            is_implicit,
            place,
            port,
        })
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(text: &str) -> Result<(Place, Option<&str>), RelayError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(RelayError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| RelayError::Host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err(RelayError::Port),
        };
        return Ok((Place::Address(address.into()), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if let Ok(address) = host.parse() {
        return Ok((Place::Address(IpAddr::V4(address)), port));
    }
    let name: Domain = host.parse().map_err(|_| RelayError::Host)?;
    Ok((Place::Name(name.as_str().to_owned()), port))
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_implicit { "smtps" } else { "smtp" };
        let port = self.port;
        match &self.place {
            Place::Address(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]:{port}"),
            Place::Address(address) => write!(f, "{scheme}://{address}:{port}"),
            Place::Name(name) => write!(f, "{scheme}://{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let read = text.parse::<Relay>();
        let shown = read.map(|relay| relay.to_string());
        let shown = shown.map_err(|error| format!("{error:?}"));
        let expect = expect.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(shown, expect, "{text:?}");
    }

    #[test]
    fn a_relay_is_host_and_port_and_the_port_follows_the_scheme_when_not_given() {
        check("smtp://localhost:2525", Ok("smtp://localhost:2525"));
        check("smtp://127.0.0.1", Ok("smtp://127.0.0.1:25"));
        check("SMTP://[::1]:2525", Ok("smtp://[::1]:2525"));
        check("smtp://[::1]", Ok("smtp://[::1]:25"));
        check("smtps://192.0.2.1", Ok("smtps://192.0.2.1:465"));
        check("smtps://localhost:4650", Ok("smtps://localhost:4650"));
        check(
            "smtp://Relay.Example.test:587",
            Ok("smtp://relay.example.test:587"),
        );
    }

    #[test]
    fn what_is_not_a_plain_host_and_port_is_refused_with_its_reason() {
        check("localhost:25", Err("Scheme"));
        check("http://localhost", Err("Scheme"));
        check("smtp://user:secret@localhost", Err("Credentials"));
        check("smtp://localhost/", Err("Path"));
        check("smtp://localhost?tls=off", Err("Path"));
        check("smtp://", Err("Host"));
        check("smtp://::1:25", Err("Host"));
        check("smtp://[::1", Err("Host"));
        check("smtp://localhost:0", Err("Port"));
        check("smtp://127.0.0.1:0", Err("Port"));
        check("smtp://localhost:65536", Err("Port"));
        check("smtp://localhost:+25", Err("Port"));
        check("smtp://localhost:", Err("Port"));
    }
}
