//! The signals that end a command: Ctrl-C and SIGTERM.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Listens for both signals from the moment it is made: whoever is stopped as soon as it says
/// that it runs is stopped in order.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the first signal. A second one ends the process at once, which is safe: whatever
    /// was not recorded is found again at the next start.
    pub(crate) async fn asked(mut self) {
        self.one().await;
        tokio::spawn(async move {
            self.one().await;
            std::process::exit(Exit::Failed as i32);
        });
    }

    async fn one(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
