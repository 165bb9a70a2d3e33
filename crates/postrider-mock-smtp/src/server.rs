//! The server: opens its doors, takes connections, bounds them, and ends.

pub(crate) mod shared;

mod accept;
mod doors;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bounds::RTT_MAX;
use crate::clock::Clock;
use crate::connection::tls::Authority;
use crate::control::wire::{Expectation, Receipt, Verdict};
use crate::error::MockError;
use crate::judge::lateness::LatenessWatch;
use crate::log::{self, Log, Served};
use crate::profile::Profile;
use crate::server::shared::Shared;
use crate::tally::{Duplicate, Ledger, Record, Tally};
use crate::world::plan::Door;
use crate::world::{World, locked};

pub(crate) use doors::Doors;
use doors::Gate;

/// What a server keeps of what it saw, and how far away it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where every accept is appended before its 250 leaves; without it nothing is written.
    pub log: Option<PathBuf>,
    /// Whether the arrival of each MAIL command is kept in memory, and written to the log.
    pub is_recording_mails: bool,
    /// The round-trip time of the path to every client, beyond that of loopback. Default: none;
    /// at most ten seconds. It delays, and does not limit what can be under way.
    pub rtt: Duration,
    /// A door that speaks TLS from the first byte. Default: none. Port 0 is a free one.
    pub tls_listen: Option<SocketAddr>,
    /// Where the certificate of the mock's own authority is written at the start, as PEM.
    pub authority_file: Option<PathBuf>,
}

impl Settings {
    /// No file; MAIL times are kept.
    pub fn in_memory() -> Self {
        Self {
            log: None,
            is_recording_mails: true,
            rtt: Duration::ZERO,
            tls_listen: None,
            authority_file: None,
        }
    }

    /// A file, with accepts and MAIL times.
    pub fn logged(path: impl Into<PathBuf>) -> Self {
        Self {
            log: Some(path.into()),
            ..Self::in_memory()
        }
    }
}

/// A running server. Dropping it cuts all connections; [`stop`](Self::stop) ends it in order.
#[derive(Debug)]
pub struct MockServer {
    local_addr: SocketAddr,
    tls_addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    log: Option<PathBuf>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl MockServer {
    /// Serves the listener from now on, and each provider that has an address at that address
    /// with the same port. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`MockError`] when the profile is out of bounds, the log cannot be opened, the listener
    /// has no address, or another address cannot be listened at.
    pub fn start(
        listener: TcpListener,
        profile: Profile,
        settings: Settings,
    ) -> Result<Self, MockError> {
        let local_addr = listener.local_addr().map_err(MockError::Listener)?;
        let world = World::new(profile.checked()?);
        let authority = authority(&world, local_addr.ip())?;
        if let Some(path) = &settings.authority_file {
            std::fs::write(path, authority.pem()).map_err(|source| MockError::AuthorityFile {
                path: path.clone(),
                source,
            })?;
        }
        let common = Gate::new(listener, Door::Common, false);
        let (doors, mut gates) = Doors::new(common, local_addr.port());
        let tls_addr = (settings.tls_listen)
            .map(|address| gates.open(address, Door::Common, true))
            .transpose()?;
        doors.open_all(&world.plan().doors())?;
        let clock = Clock::start();
        let (at_us, toml) = (clock.now_us(), world.plan().profile.to_toml());
        let beginning = [Record::Profile(Served { at_us, toml })];
        let mut ledger = Ledger::default();
        ledger.count(&beginning[0], settings.is_recording_mails);
        let open = |path| Log::open(path, &log::text(&beginning, settings.is_recording_mails));
        let shared = Arc::new(Shared {
            world,
            clock,
            ledger: Mutex::new(ledger),
            log: settings.log.as_deref().map(open).transpose()?,
            is_recording_mails: settings.is_recording_mails,
            authority,
            rtt: settings.rtt.min(RTT_MAX),
            turns: AtomicU64::new(0),
            doors,
        });
        let (stop, is_stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept::accept(gates, Arc::clone(&shared), is_stopped));
        Ok(Self {
            local_addr,
            tls_addr,
            shared,
            log: settings.log,
            stop,
            accepting,
        })
    }

    /// Where its log is, if it keeps one.
    pub fn log_path(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// What is to be said of the client now.
    pub fn verdict(&self) -> Verdict {
        locked(&self.shared.ledger).verdict()
    }

    /// A delivery is to arrive.
    ///
    /// # Errors
    /// [`MockError`] when its content hash is none, or there is no room for more.
    pub fn expect(&self, expectation: &Expectation) -> Result<(), MockError> {
        locked(&self.shared.ledger).expect(expectation)
    }

    /// The client says how a delivery stands.
    ///
    /// # Errors
    /// [`MockError`] when there is no room for more.
    pub fn hold(&self, receipt: &Receipt) -> Result<(), MockError> {
        locked(&self.shared.ledger).hold(receipt)
    }

    /// Measures how late the mock is with its own reading, for as long as the answer lives.
    pub fn watch_lateness(&self) -> LatenessWatch {
        LatenessWatch::start(Arc::clone(&self.shared))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where it listens for all domains.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where it speaks TLS from the first byte, if it does.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addr
    }

    /// Where each provider with an address of its own listens, by its name.
    pub fn provider_addrs(&self) -> BTreeMap<String, SocketAddr> {
        self.shared.doors.open_ones()
    }

    /// The certificate of the mock's own authority, as PEM, for clients that are to trust it.
    pub fn authority_pem(&self) -> &str {
        self.shared.authority.pem()
    }

    /// Serves by this profile from the next transaction of every connection on, and opens the
    /// doors of providers that are new. What clients did is remembered.
    ///
    /// # Errors
    /// [`MockError`] when the profile is out of bounds, the address of a new provider cannot be
    /// listened at, or the log cannot be written; then nothing has changed but doors that were
    /// opened.
    pub async fn change(&self, profile: Profile) -> Result<(), MockError> {
        self.shared.change(profile).await
    }

    /// The numbers now. Whoever has read a 250 finds its accept counted.
    pub fn tally(&self) -> Tally {
        locked(&self.shared.ledger).tally()
    }

    /// How often a recipient was accepted.
    pub fn accepted_of(&self, recipient: &str) -> u32 {
        locked(&self.shared.ledger).accepted_of(recipient)
    }

    /// When MAIL commands for a domain arrived, in microseconds since the epoch, in the order of
    /// their RCPT; none unless [`Settings::is_recording_mails`].
    pub fn mail_times_of(&self, domain: &str) -> Vec<i64> {
        locked(&self.shared.ledger).mail_times_of(domain).to_vec()
    }

    /// The first thousand accepts that came again, by Message-ID or by campaign.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        locked(&self.shared.ledger).duplicates().to_vec()
    }

    /// Takes no more connections, tells clients 421, waits at most five seconds for them, and
    /// answers with the last numbers.
    pub async fn stop(mut self) -> Tally {
        self.stop.send_replace(true);
        // An accept loop that panicked has stopped too.
        drop((&mut self.accepting).await);
        self.tally()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Certificates for all names and addresses that are served at the start.
fn authority(world: &World, common: IpAddr) -> Result<Authority, MockError> {
    let plan = world.plan();
    let doors = plan.doors();
    let mut names = vec![plan.profile.hostname.clone()];
    let mut addresses = vec![common, IpAddr::V4(Ipv4Addr::LOCALHOST)];
    for (name, address) in doors {
        names.push(plan.door(&Door::Provider(name)).offer.hostname.clone());
        addresses.push(address);
    }
    Authority::new(&names, &addresses)
}
