//! From a target to a session: hosts in order, each at its addresses, TLS, EHLO and AUTH.
//!
//! # Policy
//!
//! - **No TCP connection**: the next address of the host, then the next host.
//! - **A greeting or EHLO with 4xx or 5xx**, silence, TLS that fails: the next host. A 5xx greeting
//!   too, because it is the word of one machine (RFC 5321 §5.1 asks to try the others).
//! - **Credentials that are refused for good**: no other host is asked. They would be refused
//!   there too, and servers lock accounts that are tried again and again.
//! - **A handshake that fails when TLS is only opportunistic**: once more in the clear to the same
//!   address, on a new connection. Never on the failed one, which the server may still
//!   be talking TLS to.
//! - **Credentials** raise the policy: what has TLS has it verified, and without TLS they go to
//!   loopback alone.
//!
//! All of that ends by [`Timeouts::opening`], and after [`TRIES_MAX`] connections. When none
//! of them gave a session, the site is in trouble, and the trouble lists what was tried.

mod tried;

use std::io;
use std::net::{IpAddr, SocketAddr};

use postrider_types::Phase;
use tokio::net::{TcpSocket, TcpStream};

use crate::auth::{AuthError, Credentials};
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::envelope::ClientName;
use crate::opening::{self, Opening, OpeningStep, Plan, StartTls};
use crate::site::{Host, Target, TlsPolicy};
use crate::stream::Stream;
use crate::timeouts::Timeouts;
use crate::tls::{TlsClient, TlsError};
use crate::trouble::{Cause, Trouble};
use crate::wire::Wire;

pub use tried::HostsTried;
use tried::Tries;

/// Most connections that are opened for one session.
pub const TRIES_MAX: usize = 8;

/// How a route opens sessions.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// What we call ourselves in EHLO.
    pub client_name: ClientName,
    /// What to log in with; `None` is not at all.
    pub credentials: Option<Credentials>,
    /// The address that connections come from; hosts that have none of its kind are not reached.
    /// `None` leaves it to the machine.
    pub source: Option<IpAddr>,
    /// Whose certificates are trusted.
    pub tls: TlsClient,
    /// The deadline of each phase, and of all of it.
    pub timeouts: Timeouts,
}

/// One address of one host, and how it is talked to.
#[derive(Clone, Copy)]
struct Way<'a> {
    host: &'a Host,
    address: SocketAddr,
    tls: TlsPolicy,
}

impl Dialer {
    /// Opens a session with the first host that gives one.
    ///
    /// # Errors
    /// Transient trouble with the site, of the phase that came furthest; its cause lists
    /// everything that was tried.
    pub async fn dial(&self, target: &Target) -> Result<Connection<Stream>, Trouble> {
        let deadline = Deadline::after(self.timeouts.opening);
        let mut tries = Tries::default();
        let tls = match &self.credentials {
            Some(_) => target.tls.with_credentials(),
            None => target.tls,
        };
        'hosts: for host in &target.hosts {
            let reachable = |address: &&SocketAddr| self.is_reachable(**address);
            for &address in host.addresses.iter().filter(reachable) {
                if tries.count() >= TRIES_MAX || deadline.is_over() {
                    break 'hosts;
                }
                let way = Way { host, address, tls };
                let trouble = match self.try_way(way, deadline, &mut tries).await {
                    Ok(connection) => return Ok(connection),
                    Err(trouble) => trouble,
                };
                let phase = trouble.phase();
                let is_final = phase == Phase::Auth && is_refused(&trouble);
                tries.add(host, address, trouble);
                if is_final {
                    break 'hosts;
                }
                if phase != Phase::Connect {
                    continue 'hosts;
                }
            }
        }
        Err(tries.into_trouble(self.source))
    }

    /// One address; when the policy allows it, a second time in the clear.
    async fn try_way(
        &self,
        way: Way<'_>,
        deadline: Deadline,
        tries: &mut Tries,
    ) -> Result<Connection<Stream>, Trouble> {
        let result = self.open(way, deadline).await;
        match result {
            Err(trouble) if way.tls == TlsPolicy::Opportunistic && is_handshake(&trouble) => {
                tries.add(way.host, way.address, trouble);
                let tls = TlsPolicy::Off;
                self.open(Way { tls, ..way }, deadline).await
            }
            result => result,
        }
    }

    /// One connection, from TCP to AUTH.
    async fn open(&self, way: Way<'_>, deadline: Deadline) -> Result<Connection<Stream>, Trouble> {
        let mut plan = Plan {
            name: self.client_name.clone(),
            starttls: StartTls::Never,
            credentials: self.credentials.clone(),
            is_protected: way.address.ip().to_canonical().is_loopback(),
        };
        if plan.credentials.is_some() && way.tls == TlsPolicy::Off && !plan.is_protected {
            // Known before anything is said, so nothing is said.
            return Err(Trouble::lost(
                Phase::Auth,
                Cause::Auth(AuthError::Unprotected),
            ));
        }
        let mut stream = Stream::from(self.connect(way.address, deadline).await?);
        let mut is_verified = false;
        match way.tls {
            TlsPolicy::Off => {}
            TlsPolicy::Opportunistic => plan.starttls = StartTls::IfOffered,
            TlsPolicy::Starttls {
                is_verified: wanted,
            } => {
                plan.starttls = StartTls::Required;
                is_verified = wanted;
            }
            TlsPolicy::Implicit {
                is_verified: wanted,
            } => {
                stream = self.encrypt(stream, way.host, wanted, deadline).await?;
                plan.is_protected |= wanted;
            }
        }
        let mut wire = Wire::new(stream);
        let mut opening = Opening::new(plan);
        loop {
            let step = opening::advance(&mut wire, &mut opening, &self.timeouts, deadline);
            match step.await? {
                OpeningStep::Opened(capabilities) => {
                    return Ok(Connection::opened(wire, capabilities, self.timeouts));
                }
                OpeningStep::Handshake => {
                    // The buffer goes with the wire: nothing of the clear session lives on.
                    let stream = wire.into_stream();
                    let stream = self
                        .encrypt(stream, way.host, is_verified, deadline)
                        .await?;
                    wire = Wire::new(stream);
                    opening.secured(is_verified);
                }
                OpeningStep::Command => unreachable!("the shell goes on after a command"),
            }
        }
    }

    /// The TCP connection. Small writes leave at once: a terminator that waits for the
    /// acknowledgement of the body costs 40 ms a message (Nagle against delayed acknowledgement).
    async fn connect(&self, address: SocketAddr, deadline: Deadline) -> Result<TcpStream, Trouble> {
        let connect = async {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            }?;
            if let Some(source) = self.source {
                let bound = socket.bind(SocketAddr::new(source, 0));
                bound.map_err(|error| unusable_source(source, &error))?;
            }
            let stream = socket.connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        self.within(Phase::Connect, deadline, async {
            connect.await.map_err(Cause::Io)
        })
        .await
    }

    async fn encrypt(
        &self,
        stream: Stream,
        host: &Host,
        is_verified: bool,
        deadline: Deadline,
    ) -> Result<Stream, Trouble> {
        let handshake = async {
            let stream = stream.into_plain().expect("encrypted once only");
            let encrypted = self.tls.handshake(stream, &host.name, is_verified).await;
            encrypted.map(Stream::from).map_err(Cause::Tls)
        };
        self.within(Phase::Tls, deadline, handshake).await
    }

    /// Gives one step the allowance of its phase, and not more than is left of all.
    async fn within<T>(
        &self,
        phase: Phase,
        deadline: Deadline,
        step: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, Trouble> {
        let deadline = deadline.min(Deadline::after(self.timeouts.of(phase)));
        let done = deadline.bound(step).await.flatten();
        done.map_err(|cause| Trouble::lost(phase, cause))
    }

    /// Whether a connection from the source can go there at all.
    fn is_reachable(&self, address: SocketAddr) -> bool {
        self.source
            .is_none_or(|source| source.is_ipv4() == address.is_ipv4())
    }
}

fn unusable_source(source: IpAddr, error: &io::Error) -> io::Error {
    let text = format!("the source address {source} is not one of this machine's: {error}");
    io::Error::new(error.kind(), text)
}

/// Whether the server said no for good, or we did.
fn is_refused(trouble: &Trouble) -> bool {
    matches!(trouble.cause(), Some(Cause::Auth(AuthError::Rejected)))
}

/// Whether STARTTLS was agreed on and then came to nothing, so that the connection is of no more
/// use. A plain refusal is not that, and neither is an attack.
fn is_handshake(trouble: &Trouble) -> bool {
    let is_lost = trouble.phase() == Phase::Tls && trouble.reply().is_none();
    is_lost && !matches!(trouble.cause(), Some(Cause::Tls(TlsError::Injected)))
}
