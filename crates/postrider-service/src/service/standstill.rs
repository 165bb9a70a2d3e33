//! A service that sends itself, and does not get done with a message.
//!
//! Workers are watched by their supervisors; a service has nobody but itself. So it looks at its
//! own notes, and ends like one that has panicked: the next start tries what was in hand.
//!
//! It looks from a thread and a runtime that are for nothing else: messages that are never done
//! may hold every other thread, and with them timers and signals. A service in that state cannot
//! even end, so its process is ended.

use std::io;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use postrider_pipeline::{Clock as _, Postrider, SystemClock, in_hand};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use crate::bounds::STANDSTILL_ENDS_AFTER_MAX;
use crate::stillness::Stillness;
use crate::trial;

/// A service that is watched by itself.
pub(super) struct Watched {
    /// Where its notes are.
    pub(super) data_dir: PathBuf,
    /// How long a lease lasts.
    pub(super) lease_time: Duration,
}

/// Whoever watches it, until this is dropped; but a service that was seen standing still has only
/// [`STANDSTILL_ENDS_AFTER_MAX`] to end by itself, dropped or not.
pub(super) struct Watch {
    seen: watch::Receiver<Option<String>>,
    begin: Option<oneshot::Sender<Postrider>>,
    enough: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Is ready to watch, from [`Watch::begin`] on; fails where the system gives no thread.
    pub(super) fn watch(self, clock: SystemClock) -> io::Result<Watch> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let (tell, seen) = watch::channel(None);
        let (begin, begins) = oneshot::channel();
        let (enough, is_enough) = oneshot::channel();
        let watching = move || {
            // The pipeline is dropped with this: its store is to be closed, if it can be.
            let seen = runtime.block_on(async {
                tokio::select! {
                    why = self.stands_still(begins, clock) => why,
                    _ = is_enough => None,
                }
            });
            if let Some(why) = seen {
                tell.send_replace(Some(why.clone()));
                std::thread::sleep(STANDSTILL_ENDS_AFTER_MAX);
                tracing::error!(why, "the service cannot even end, so its process is ended");
                std::process::exit(1);
            }
        };
        let thread = std::thread::Builder::new().name("watch".to_owned());
        Ok(Watch {
            seen,
            begin: Some(begin),
            enough: Some(enough),
            thread: Some(thread.spawn(watching)?),
        })
    }

    /// Waits until it stands still, and says why; nothing when it never began.
    async fn stands_still(
        &self,
        begins: oneshot::Receiver<Postrider>,
        clock: SystemClock,
    ) -> Option<String> {
        let postrider = begins.await.ok()?;
        let path = trial::service_file(&self.data_dir);
        let mut answered_at = clock.now();
        let mut stillness = Stillness::new(self.lease_time, answered_at);
        let every = stillness.look_every();
        loop {
            tokio::time::sleep(every).await;
            let answering = postrider.is_answering();
            if tokio::time::timeout(every, answering).await.is_ok() {
                answered_at = clock.now();
            }
            let found = in_hand::read(&path);
            if let Some(why) = stillness.look(answered_at, found, clock.now()) {
                return Some(format!("the service stands still ({why})"));
            }
        }
    }
}

impl Watch {
    /// Begins to watch the service with this pipeline.
    pub(super) fn begin(&mut self, postrider: Postrider) {
        // One that has ended tells so by itself.
        self.begin.take().map(|begin| begin.send(postrider).ok());
    }

    /// Waits until it stands still, and says why.
    pub(super) async fn stands_still(&mut self) -> String {
        let seen = self.seen.wait_for(Option::is_some).await;
        match seen.ok().and_then(|seen| seen.clone()) {
            Some(why) => why,
            None => "nobody watches any more whether the service stands still".to_owned(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let enough = self.enough.take().map(|enough| enough.send(()));
        // Whoever has seen it standing still stays; everybody else ends at once.
        if let (Some(Ok(())), Some(thread)) = (enough, self.thread.take()) {
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_of_a_service_that_did_not_start_ends_with_it() {
        let watched = Watched {
            data_dir: PathBuf::new(),
            lease_time: Duration::from_secs(30),
        };
        let watch = watched.watch(SystemClock::start()).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(watch);
            tell.send(()).ok();
        });
        told.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}
