//! A relay: the one nexthop that takes everything.
//!
//! Without TLS, mail goes to loopback and nowhere else. A literal address is checked when the relay
//! is read, a name each time it is resolved, and **every** address behind it must be loopback.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use postrider_types::Domain;

/// The port of SMTP (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Host and port of a relay, read from `smtp://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relay {
    host: Host,
    /// Never 0.
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Address(IpAddr),
    Name(String),
}

/// Why a text is not a relay, or a relay may not be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RelayError {
    /// It does not begin with `smtp://`.
    #[error("a relay is written smtp://host:port")]
    Scheme,
    /// It begins with `smtps://`.
    #[error("smtps:// needs TLS, which comes later; for now a relay is smtp:// on loopback")]
    Tls,
    /// There is a user or a password before the host.
    #[error("a relay has no user or password yet; authentication comes with TLS")]
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
    /// The host is not on this machine.
    #[error(
        "{host} is not on this machine: mail without TLS goes only to loopback, such as \
         smtp://localhost:25, and TLS comes later"
    )]
    NotLoopback {
        /// The host, with the address that is not loopback where a name led there.
        host: String,
    },
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
        match &self.host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Every address of the relay, in the resolver's order, at most eight.
    ///
    /// # Errors
    /// When the name does not resolve, or any of its addresses is not loopback.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, RelayError> {
        let name = match &self.host {
            Host::Address(address) => return Ok(vec![(*address, self.port).into()]),
            Host::Name(name) => name,
        };
        let unresolved = |error: io::Error| RelayError::Unresolved {
            host: name.clone(),
            source: Arc::new(error),
        };
        let found = tokio::net::lookup_host((name.as_str(), self.port))
            .await
            .map_err(unresolved)?;
        let mut addresses: Vec<SocketAddr> = found.collect();
        if let Some(foreign) = addresses.iter().find(|address| !is_loopback(address.ip())) {
            return Err(RelayError::NotLoopback {
                host: format!("{name} ({})", foreign.ip()),
            });
        }
        addresses.truncate(ADDRESSES_MAX);
        if addresses.is_empty() {
            return Err(unresolved(io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }
}

/// Whether packets to this address stay on the machine, also when it is IPv4 inside IPv6.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl TryFrom<SocketAddr> for Relay {
    type Error = RelayError;

    fn try_from(address: SocketAddr) -> Result<Self, RelayError> {
        if address.port() == 0 {
            return Err(RelayError::Port);
        }
        if !is_loopback(address.ip()) {
            return Err(RelayError::NotLoopback {
                host: address.ip().to_string(),
            });
        }
        Ok(Self {
            host: Host::Address(address.ip()),
            port: address.port(),
        })
    }
}

impl FromStr for Relay {
    type Err = RelayError;

    fn from_str(text: &str) -> Result<Self, RelayError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(RelayError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "smtp" => {}
            "smtps" => return Err(RelayError::Tls),
            _ => return Err(RelayError::Scheme),
        }
        if rest.contains('@') {
            return Err(RelayError::Credentials);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(RelayError::Path);
        }
        let (host, port) = split_port(rest)?;
        let port = match port {
            None => SMTP_PORT,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| RelayError::Port)?
            }
            Some(_) => return Err(RelayError::Port),
        };
        match host {
            Host::Address(address) => Self::try_from(SocketAddr::new(address, port)),
            Host::Name(_) if port == 0 => Err(RelayError::Port),
            Host::Name(_) => Ok(Self { host, port }),
        }
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(text: &str) -> Result<(Host, Option<&str>), RelayError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(RelayError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| RelayError::Host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err(RelayError::Port),
        };
        return Ok((Host::Address(address.into()), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if let Ok(address) = host.parse() {
        return Ok((Host::Address(IpAddr::V4(address)), port));
    }
    let name: Domain = host.parse().map_err(|_| RelayError::Host)?;
    Ok((Host::Name(name.as_str().to_owned()), port))
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "smtp://[{address}]:{}", self.port),
            Host::Address(address) => write!(f, "smtp://{address}:{}", self.port),
            Host::Name(name) => write!(f, "smtp://{name}:{}", self.port),
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
    fn a_relay_is_host_and_port_and_the_port_is_25_when_not_given() {
        check("smtp://localhost:2525", Ok("smtp://localhost:2525"));
        check("smtp://127.0.0.1", Ok("smtp://127.0.0.1:25"));
        check("SMTP://[::1]:2525", Ok("smtp://[::1]:2525"));
        check("smtp://[::1]", Ok("smtp://[::1]:25"));
        check(
            "smtp://Relay.Example.test",
            Ok("smtp://relay.example.test:25"),
        );
    }

    #[test]
    fn what_is_not_a_plain_host_and_port_is_refused_with_its_reason() {
        check("localhost:25", Err("Scheme"));
        check("http://localhost", Err("Scheme"));
        check("smtps://localhost", Err("Tls"));
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

    #[test]
    fn an_address_that_is_not_loopback_is_refused_with_a_sentence() {
        check(
            "smtp://[::ffff:127.0.0.1]:25",
            Ok("smtp://[::ffff:127.0.0.1]:25"),
        );
        for host in [
            "192.0.2.1",
            "0.0.0.0",
            "[2001:db8::1]",
            "[::ffff:192.0.2.1]",
        ] {
            let error = format!("smtp://{host}:25").parse::<Relay>().unwrap_err();
            let sentence = error.to_string();
            assert!(
                sentence.contains("mail without TLS goes only to loopback"),
                "{sentence}"
            );
            assert!(sentence.contains("TLS comes later"), "{sentence}");
        }
    }

    #[tokio::test]
    async fn localhost_resolves_to_loopback_only() {
        let relay: Relay = "smtp://localhost:2525".parse().unwrap();
        let addresses = relay.addresses().await.unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(addresses.iter().all(|address| address.port() == 2525));
    }
}
