//! Workers as processes: the service owns the store and the API, and its children send.
//!
//! Each child is `postrider worker`, the same program, with one share of the lanes. It speaks the
//! store's own requests over a socket (`postrider_store::remote`); what receivers allow all of
//! them together is kept here (`reservations`). A child that dies takes nothing along: its leases
//! are ended at once, because its process is known to be gone, and it is started again, after a
//! delay that grows while its lives come to nothing. Whom it had in hand is tried before
//! (`remains`). One that lives and stands still is killed (`stillness`).
//!
//! **Invariants.**
//! A share belongs to one living process at a time: the next is started only when the last is
//! gone, its requests are answered, whoever may have killed it is tried, and its leases are over.
//! A child whose service is gone hears of no begin any more, so it writes no dot; and it exits.

mod child;
mod desk;
mod note;
mod presence;
mod remains;
mod reservations;
mod socket;
mod supervisor;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postrider_pipeline::{Clock as _, Postrider, Status, SystemClock};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use child::{WorkerEnd, WorkerError, run};

use crate::bounds::PLACES_ASKED_EVERY;
use crate::trial::Trials;
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

/// Whom workers work for.
pub(crate) struct Employer {
    /// The program, which takes `worker --socket PATH --number N`.
    pub(crate) program: PathBuf,
    /// Tries what a dead worker had in hand.
    pub(crate) trials: Trials,
    /// Owned by this process.
    pub(crate) data_dir: PathBuf,
    /// How long a lease lasts.
    pub(crate) lease_time: Duration,
    /// Does not send itself.
    pub(crate) postrider: Postrider,
    pub(crate) clock: SystemClock,
}

/// What supervisors share.
struct Shared {
    socket: Socket,
    program: PathBuf,
    trials: Trials,
    data_dir: PathBuf,
    lease_time: Duration,
    setup: Setup,
    postrider: Postrider,
    presences: Presences,
    desk: Desk,
    clock: SystemClock,
}

impl Workers {
    /// Starts them.
    pub(crate) fn start(options: WorkerOptions, employer: Employer) -> Result<Self, WorkersError> {
        let Employer {
            program,
            trials,
            data_dir,
            lease_time,
            postrider,
            clock,
        } = employer;
        let shared = Arc::new(Shared {
            socket: Socket::listen(&data_dir)?,
            program,
            trials,
            data_dir: data_dir.clone(),
            lease_time,
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
        let postrider = &shared.postrider;
        let (draining, is_draining) = watch::channel(None);
        let mut supervisors = JoinSet::new();
        for number in 0..options.count {
            let supervisor = Supervisor::new(number, Arc::clone(&shared), is_draining.clone());
            supervisors.spawn(postrider.guard("the supervisor of a worker", supervisor.run()));
        }
        let mut errands = JoinSet::new();
        let accepting = Arc::clone(&shared);
        let accepting = async move { accepting.socket.accept().await };
        errands.spawn(postrider.guard("the task that lets workers in", accepting));
        let asking = ask_for_places(Arc::clone(&shared));
        errands.spawn(postrider.guard("the task that asks for places", asking));
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
        let mut supervisors = {
            let mut supervisors = self
                .supervisors
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *supervisors)
        };
        // One that has panicked has told so.
        while supervisors.join_next().await.is_some() {}
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
