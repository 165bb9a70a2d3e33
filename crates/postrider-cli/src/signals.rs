//! The signals that end a command: Ctrl-C, SIGTERM, and SIGHUP when its terminal is closed.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Listens for the signals from the moment it is made: whoever is stopped as soon as it says
/// that it runs is stopped in order.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// `None` under `nohup`, which is there so that this signal ends nothing.
    hangup: Option<Signal>,
}

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: match ignores_hangup() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
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
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether the process was started with SIGHUP ignored, by the mask that Linux shows of it
/// (proc_pid_status(5)); SIGHUP is its first bit.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
