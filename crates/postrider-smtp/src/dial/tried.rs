//! What was tried before there was no session, and the trouble that tells it.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use postrider_types::Phase;

use crate::site::Host;
use crate::trouble::{Cause, Trouble};

/// Every connection that was tried, with what came of it; at most
/// [`TRIES_MAX`](super::TRIES_MAX) and the one in the clear after the last of them.
#[derive(Debug, Clone)]
pub struct HostsTried {
    tried: Arc<[Tried]>,
    /// What came furthest will hardly mend by itself.
    is_lasting: bool,
}

#[derive(Debug)]
struct Tried {
    host: String,
    address: SocketAddr,
    /// Why it gave no session, with all its causes.
    reason: String,
}

/// The connections tried so far.
#[derive(Default)]
pub(super) struct Tries {
    tried: Vec<Tried>,
    /// The trouble that came furthest, which says most about the site. Of several, the one of
    /// the better host.
    telling: Option<Trouble>,
}

impl Tries {
    pub(super) fn count(&self) -> usize {
        self.tried.len()
    }

    pub(super) fn add(&mut self, host: &Host, address: SocketAddr, trouble: Trouble) {
        tracing::debug!(host = host.name, %address, reason = %Chain(&trouble), "no session");
        self.tried.push(Tried {
            host: host.name.clone(),
            address,
            reason: Chain(&trouble).to_string(),
        });
        let telling = self.telling.take();
        self.telling = match telling {
            Some(telling) if telling.phase() >= trouble.phase() => Some(telling),
            _ => Some(trouble),
        };
    }

    /// What is said when there is no session.
    pub(super) fn into_trouble(self, source: Option<IpAddr>) -> Trouble {
        let Some(telling) = self.telling else {
            return Trouble::lost(Phase::Connect, nothing_to_try(source).into());
        };
        let tried = HostsTried {
            tried: self.tried.into(),
            is_lasting: telling.is_lasting(),
        };
        telling.because(Cause::Hosts(tried))
    }
}

fn nothing_to_try(source: Option<IpAddr>) -> io::Error {
    let text = match source {
        Some(source) if source.is_ipv4() => {
            format!("no host has an IPv4 address, as the source address {source} needs")
        }
        Some(source) => {
            format!("no host has an IPv6 address, as the source address {source} needs")
        }
        None => "no host has an address".to_owned(),
    };
    io::Error::new(io::ErrorKind::AddrNotAvailable, text)
}

impl HostsTried {
    pub(crate) const fn is_lasting(&self) -> bool {
        self.is_lasting
    }
}

impl fmt::Display for HostsTried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tried) in self.tried.iter().enumerate() {
            let before = if place == 0 { "tried" } else { "; then" };
            let Tried {
                host,
                address,
                reason,
            } = tried;
            if *host == address.ip().to_string() {
                write!(f, "{before} {address} ({reason})")?;
            } else {
                write!(f, "{before} {host} at {address} ({reason})")?;
            }
        }
        Ok(())
    }
}

impl Error for HostsTried {}

/// An error and all its causes in one line.
struct Chain<'a>(&'a Trouble);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
