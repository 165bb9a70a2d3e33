//! The addresses at which a server listens: one for all domains, one for each provider that has
//! an address of its own, and perhaps one that speaks TLS from the first byte.
//!
//! Doors can be added while the server runs; none is ever closed before its end.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::bounds::{ACCEPT_BACKLOG, DOORS_MAX};
use crate::error::MockError;
use crate::world::locked;
use crate::world::plan::Door;

/// A listener, and what lies behind it.
#[derive(Debug)]
pub(super) struct Gate {
    listener: TcpListener,
    pub(super) door: Door,
    /// Whether TLS begins with the first byte.
    pub(super) is_secure: bool,
}

/// All listeners, in the hand of the accept loop.
#[derive(Debug)]
pub(super) struct Gates {
    open: Vec<Gate>,
    new: mpsc::Receiver<Gate>,
    /// The one that is asked first, so that none is passed over for ever.
    first: usize,
}

/// Where the providers' doors are; opens more of them.
#[derive(Debug)]
pub(crate) struct Doors {
    port: u16,
    providers: Mutex<BTreeMap<String, SocketAddr>>,
    new: mpsc::Sender<Gate>,
}

impl Doors {
    /// With the common door, whose port all of them share.
    pub(super) fn new(common: Gate, port: u16) -> (Self, Gates) {
        let (sender, new) = mpsc::channel(DOORS_MAX);
        let doors = Self {
            port,
            providers: Mutex::default(),
            new: sender,
        };
        let gates = Gates {
            open: vec![common],
            new,
            first: 0,
        };
        (doors, gates)
    }

    /// No door at all, and none can be opened.
    #[cfg(test)]
    pub(crate) fn closed() -> Self {
        Self {
            port: 0,
            providers: Mutex::default(),
            new: mpsc::channel(1).0,
        }
    }

    /// Opens those that are not open yet.
    pub(crate) fn open_all(&self, wanted: &[(Arc<str>, IpAddr)]) -> Result<(), MockError> {
        for (name, address) in wanted {
            let address = SocketAddr::new(*address, self.port);
            let known = locked(&self.providers).get(&**name).copied();
            if known == Some(address) {
                continue;
            }
            let full = || MockError::Listen {
                address,
                source: io::Error::other("there are too many doors already"),
            };
            let gate = Gate::bind(address, Door::Provider(Arc::clone(name)), false)?;
            self.new.try_send(gate).map_err(|_| full())?;
            locked(&self.providers).insert(name.to_string(), address);
        }
        Ok(())
    }

    /// The providers' doors by name.
    pub(crate) fn open_ones(&self) -> BTreeMap<String, SocketAddr> {
        locked(&self.providers).clone()
    }
}

impl Gate {
    pub(super) fn new(listener: TcpListener, door: Door, is_secure: bool) -> Self {
        Self {
            listener,
            door,
            is_secure,
        }
    }

    fn bind(address: SocketAddr, door: Door, is_secure: bool) -> Result<Self, MockError> {
        let listener = bind(address).map_err(|source| MockError::Listen { address, source })?;
        Ok(Self::new(listener, door, is_secure))
    }
}

impl Gates {
    /// One more; answers where it is.
    pub(super) fn open(
        &mut self,
        address: SocketAddr,
        door: Door,
        is_secure: bool,
    ) -> Result<SocketAddr, MockError> {
        let gate = Gate::bind(address, door, is_secure)?;
        let bound = gate.listener.local_addr().map_err(MockError::Listener)?;
        self.open.push(gate);
        Ok(bound)
    }

    /// The next connection, and where it came in.
    pub(super) async fn accept(&mut self) -> (io::Result<TcpStream>, Door, bool) {
        std::future::poll_fn(|context| {
            while let Poll::Ready(Some(gate)) = self.new.poll_recv(context) {
                self.open.push(gate);
            }
            let gates = self.open.len();
            for step in 0..gates {
                let at = (self.first + step) % gates;
                let gate = &self.open[at];
                if let Poll::Ready(accepted) = gate.listener.poll_accept(context) {
                    self.first = at + 1;
                    let stream = accepted.map(|(stream, _)| stream);
                    return Poll::Ready((stream, gate.door.clone(), gate.is_secure));
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    TcpListener::from_std(socket.into())
}
