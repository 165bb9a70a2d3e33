//! Running until somebody says stop.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Service;

/// How a service came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// After one signal: drained.
    Drained,
    /// After a second signal, before the drain was over: as in a crash, which is safe. The
    /// process should exit at once.
    AtOnce,
}

/// Runs until SIGTERM or Ctrl-C, and then drains within a time; a second signal ends the drain.
///
/// # Errors
/// When the system gives no signals; the service was not run then.
pub async fn run_until_signal(service: Service, within: Duration) -> io::Result<Ended> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    either(&mut terminate, &mut interrupt).await;
    tokio::select! {
        () = service.stop(within) => Ok(Ended::Drained),
        () = either(&mut terminate, &mut interrupt) => Ok(Ended::AtOnce),
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
