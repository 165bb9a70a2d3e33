//! The signals that end a command: Ctrl-C and SIGTERM.

use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

/// Waits for the first signal. A second one ends the process at once, which is safe: whatever
/// was not recorded is found again at the next start.
pub(crate) async fn stop_asked() {
    one_signal().await;
    tokio::spawn(async {
        one_signal().await;
        std::process::exit(Exit::Failed as i32);
    });
}

async fn one_signal() {
    // Without a handler the system's own rule holds: the process ends.
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        ctrl_c().await.ok();
        return;
    };
    tokio::select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
