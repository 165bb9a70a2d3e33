//! The service's side of places: hears wishes, and tells workers what they get.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use postrider_pipeline::places::Wish;
use postrider_types::Timestamp;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

use super::note::{ToWorker, written};
use super::reservations::{Reservations, Ticket};

/// Where wishes go.
#[derive(Debug, Default)]
pub(super) struct Desk {
    reservations: Mutex<Reservations>,
    /// Where the notes of each worker that lives go.
    notes: Mutex<HashMap<u8, Line>>,
    /// Somebody waits who did not before.
    waits: Notify,
}

/// The way to one worker.
#[derive(Debug)]
struct Line {
    notes: mpsc::Sender<Bytes>,
    is_mute: Arc<Notify>,
}

impl Desk {
    /// A worker lives, and its notes go here. What this gives is notified when it does not take
    /// them: it would wait for ever for a place that it was granted, so it is of no use.
    pub(super) fn opened(&self, worker: u8, notes: mpsc::Sender<Bytes>) -> Arc<Notify> {
        let is_mute = Arc::<Notify>::default();
        let line = Line {
            notes,
            is_mute: Arc::clone(&is_mute),
        };
        locked(&self.notes).insert(worker, line);
        is_mute
    }

    /// A worker is gone, and its connections are closed.
    pub(super) fn gone(&self, worker: u8) {
        locked(&self.notes).remove(&worker);
        let granted = {
            let mut reservations = locked(&self.reservations);
            reservations.gone(worker);
            reservations.grant()
        };
        self.tell_granted(granted);
    }

    pub(super) fn wish(&self, ticket: Ticket, wish: Wish) {
        let granted = {
            let mut reservations = locked(&self.reservations);
            reservations.wish(ticket, wish);
            reservations.grant()
        };
        if !granted.contains(&ticket) {
            self.waits.notify_one();
        }
        self.tell_granted(granted);
    }

    pub(super) fn give_back(&self, ticket: Ticket) {
        let granted = {
            let mut reservations = locked(&self.reservations);
            reservations.give_back(ticket);
            reservations.grant()
        };
        self.tell_granted(granted);
    }

    /// Waits until somebody has waited who did not before.
    pub(super) async fn is_waited_for(&self) {
        self.waits.notified().await;
    }

    /// Asks workers to give up places for those who wait; whether anybody does.
    pub(super) fn ask_for_places(&self, now: Timestamp) -> bool {
        let (requests, is_waited_for) = {
            let mut reservations = locked(&self.reservations);
            (reservations.requests(now), reservations.is_waited_for())
        };
        for request in requests {
            let note = ToWorker::Yield(request.route, request.site);
            self.tell(request.worker, &note);
        }
        is_waited_for
    }

    /// Sends a note to a worker, if it lives.
    pub(super) fn tell(&self, worker: u8, note: &ToWorker) {
        let mut notes = locked(&self.notes);
        let Some(line) = notes.get(&worker) else {
            return;
        };
        match line.notes.try_send(written(note)) {
            Ok(()) => {}
            // Its supervisor sees the end of it.
            Err(TrySendError::Closed(_)) => drop(notes.remove(&worker)),
            Err(TrySendError::Full(_)) => {
                line.is_mute.notify_one();
                notes.remove(&worker);
            }
        }
    }

    fn tell_granted(&self, granted: Vec<Ticket>) {
        for (worker, place) in granted {
            self.tell(worker, &ToWorker::Place(place));
        }
    }
}

/// Nothing under these locks can panic half way.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_takes_no_notes_is_told_of_once_and_one_that_is_gone_is_not() {
        let desk = Desk::default();
        let (notes, taken) = mpsc::channel(1);
        let is_mute = desk.opened(0, notes);
        desk.tell(0, &ToWorker::Ping);
        assert!(futures_util::FutureExt::now_or_never(is_mute.notified()).is_none());
        desk.tell(0, &ToWorker::Ping);
        desk.tell(0, &ToWorker::Ping);
        assert!(futures_util::FutureExt::now_or_never(is_mute.notified()).is_some());
        assert!(futures_util::FutureExt::now_or_never(is_mute.notified()).is_none());
        drop(taken);

        let (notes, taken) = mpsc::channel(1);
        let is_mute = desk.opened(1, notes);
        drop(taken);
        desk.tell(1, &ToWorker::Ping);
        assert!(futures_util::FutureExt::now_or_never(is_mute.notified()).is_none());
    }
}
