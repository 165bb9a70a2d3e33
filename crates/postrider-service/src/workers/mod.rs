//! Workers as processes: the service owns the store and the API, and its children send.
//!
//! Each child is `postrider worker`, the same program, with one share of the lanes. It speaks the
//! store's own requests over a socket (`postrider_store::remote`); what receivers allow all of
//! them together is kept here (`reservations`). A child that dies takes nothing along: its leases
//! are ended at once, because its process is known to be gone, and it is started again, after a
//! delay that grows while its lives come to nothing.
//!
//! **Invariants.**
//! A share belongs to one living process at a time: the next is started only when the last is
//! gone, its requests are answered and its leases are over.
//! A child whose service is gone hears of no begin any more, so it writes no dot; and it exits.

mod child;
mod desk;
mod note;
mod presence;
mod reservations;
mod socket;
mod supervisor;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postrider_pipeline::{Clock as _, Postrider, Status, SystemClock};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use child::{WorkerEnd, WorkerError, run};

use crate::bounds::PLACES_ASKED_EVERY;
use desk::Desk;
use note::Setup;
pub(crate) use presence::Presence;
use presence::Presences;
use socket::Socket;
use supervisor::Supervisor;

/// How workers are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerOptions {
    /// How many: 1 to 16.
    pub count: u8,
    /// The program, which takes `worker --socket PATH --number N`.
    pub program: PathBuf,
    /// The text of the configuration file; empty when there is none. Each worker reads this and
    /// its environment, as the service did.
    pub config_text: String,
    /// What that text is called in problems.
    pub config_name: String,
}

/// Why there can be no workers.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// The data directory is too deep for a socket.
    #[error(
        "workers need a socket at {}, which is a path of {bytes} bytes, and a socket can have 107; \
         choose a data directory with a shorter path",
        path.display()
    )]
    TooLong {
        /// Where the socket would be.
        path: PathBuf,
        /// How long that is.
        bytes: usize,
    },
    /// The socket cannot be made.
    #[error("workers need a socket at {}, and it cannot be made", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// All workers of a service. When this is dropped, they are killed.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    /// How long the workers have to end, once they are to.
    draining: watch::Sender<Option<Duration>>,
    supervisors: std::sync::Mutex<JoinSet<()>>,
    /// The socket, and whoever asks for places; they end with this.
    _errands: JoinSet<()>,
}

/// What supervisors share.
struct Shared {
    socket: Socket,
    program: PathBuf,
    setup: Setup,
    postrider: Postrider,
    presences: Presences,
    desk: Desk,
    clock: SystemClock,
}

impl Workers {
    /// Starts them. The data directory must be owned by this process, and `postrider` must not
    /// send itself.
    pub(crate) fn start(
        options: WorkerOptions,
        data_dir: PathBuf,
        postrider: Postrider,
        clock: SystemClock,
    ) -> Result<Self, WorkersError> {
        let socket = Socket::listen(&data_dir)?;
        let shared = Arc::new(Shared {
            socket,
            program: options.program,
            setup: Setup {
                config_text: options.config_text,
                config_name: options.config_name,
                data_dir,
                of: options.count,
                spent_at: None,
            },
            postrider,
            presences: Presences::new(options.count),
            desk: Desk::default(),
            clock,
        });
        let (draining, is_draining) = watch::channel(None);
        let mut supervisors = JoinSet::new();
        for number in 0..options.count {
            let supervisor = Supervisor::new(number, Arc::clone(&shared), is_draining.clone());
            supervisors.spawn(supervisor.run());
        }
        let mut errands = JoinSet::new();
        let accepting = Arc::clone(&shared);
        errands.spawn(async move { accepting.socket.accept().await });
        errands.spawn(ask_for_places(Arc::clone(&shared)));
        Ok(Self {
            shared,
            draining,
            supervisors: std::sync::Mutex::new(supervisors),
            _errands: errands,
        })
    }

    /// What they do together, and have counted since the service was started.
    pub(crate) fn status(&self) -> Status {
        Status {
            is_draining: self.draining.borrow().is_some(),
            ..self.shared.presences.status()
        }
    }

    /// Each of them, by number.
    pub(crate) fn presences(&self) -> Vec<Presence> {
        self.shared.presences.all()
    }

    /// How long it is since an instant.
    pub(crate) fn age(&self, of: postrider_types::Timestamp) -> Duration {
        self.shared.clock.now().since(of)
    }

    /// Lets each finish what is between MAIL and its reply; those that have not ended after
    /// `within` are killed, which is safe.
    pub(crate) async fn drain(&self, within: Duration) {
        self.draining.send_replace(Some(within));
        let supervisors = {
            let mut supervisors = self
                .supervisors
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *supervisors)
        };
        supervisors.join_all().await;
    }
}

/// Asks for places to be given up, as long as somebody waits for one.
async fn ask_for_places(shared: Arc<Shared>) {
    loop {
        shared.desk.is_waited_for().await;
        while shared.desk.ask_for_places(shared.clock.now()) {
            tokio::time::sleep(PLACES_ASKED_EVERY).await;
        }
    }
}
