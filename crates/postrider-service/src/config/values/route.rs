//! How mail leaves, as it is written.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use postrider_smtp::auth::Mechanism;
use postrider_types::Domain;
use secrecy::{ExposeSecret, SecretString};

/// `[route]`, and each `[routes.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// To a relay, or to the mail hosts of each domain.
    pub deliver: Deliver,
    /// The relay that takes everything, such as `smtp://127.0.0.1:2525`, as it was
    /// written.
    pub relay: String,
    /// What is tried, in order, when the relay gives no session, as they were
    /// written.
    pub fallback_relays: Vec<String>,
    /// The domains that go by this route; in `[route]`, which takes all others,
    /// there are none.
    pub domains: BTreeSet<Domain>,
    /// Most sessions at once over all destinations.
    pub connections: u32,
    /// Most sessions at once to one site of direct delivery, where no provider is known.
    pub connections_per_site: u32,
    /// Most messages of one session; `None` is without bound.
    pub messages_per_connection: Option<u32>,
    /// How we call ourselves in EHLO.
    pub hostname: Domain,
    /// How long a session without work is kept open; zero closes it at once.
    pub idle_timeout: Duration,
    /// How sessions are encrypted.
    pub tls: TlsChoice,
    /// Whose certificates are trusted, as a file in PEM form; `None` is whom the machine trusts.
    pub ca_file: Option<PathBuf>,
    /// The user to log in as; empty is no log-in.
    pub user: String,
    /// What proves it.
    pub password: Secret,
    /// A file whose first line proves it.
    pub password_file: Option<PathBuf>,
    /// The only way of telling it; `None` is a password by PLAIN or LOGIN.
    pub auth: Option<Mechanism>,
    /// The address that sessions come from; `None` leaves it to the machine.
    pub source_address: Option<IpAddr>,
    /// Whether commands may go in groups where the server offers it.
    pub pipelining: bool,
    /// Whether messages go by BDAT where the server offers it.
    pub chunking: bool,
}

/// Where mail is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliver {
    /// To one relay, which takes everything.
    Relay,
    /// To the mail hosts that each domain announces.
    Mx,
}

/// How sessions are encrypted, before it is known whether the relay's URL says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsChoice {
    /// Required to a relay that is not on this machine, opportunistic to mail hosts.
    Auto,
    /// Never.
    Off,
    /// Where it is offered, with any certificate.
    Opportunistic,
    /// Always, with a certificate that is held against the host's name.
    Required,
    /// Always, with any certificate.
    Unverified,
}

/// What proves who we are. Nothing that prints it shows it.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// A secret; the empty one is none.
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// For who tells it to a server.
    pub(crate) fn expose(&self) -> SecretString {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "hidden" })
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Default for Route {
    fn default() -> Self {
        Self {
            deliver: Deliver::Relay,
            relay: "smtp://127.0.0.1:2525".to_owned(),
            fallback_relays: Vec::new(),
            domains: BTreeSet::new(),
            connections: 20,
            connections_per_site: 10,
            messages_per_connection: None,
            hostname: "localhost".parse().expect("localhost is a domain"),
            idle_timeout: Duration::from_secs(10),
            tls: TlsChoice::Auto,
            ca_file: None,
            user: String::new(),
            password: Secret::default(),
            password_file: None,
            auth: None,
            source_address: None,
            pipelining: true,
            chunking: false,
        }
    }
}
