//! The writer's thread: whatever waits goes into one batch and one commit.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::bounds::{BULK_PER_COMMIT_MAX, URGENT_PER_COMMIT_MAX};
use crate::error::StoreError;
use crate::handle::{Backend, Counts, Now};
use crate::request::{Reply, Request};

/// The loop of the writer's thread.
pub(crate) struct Writer {
    backend: Box<dyn Backend>,
    now: Now,
    counts: Arc<Counts>,
    /// Intake and sweeps that wait for a commit with room.
    bulk: VecDeque<Waiting>,
}

impl Writer {
    pub(crate) fn new(backend: Box<dyn Backend>, now: Now, counts: Arc<Counts>) -> Self {
        Self {
            backend,
            now,
            counts,
            bulk: VecDeque::new(),
        }
    }

    /// Gives the writer a thread of its own.
    pub(crate) fn start(
        self,
        receiver: mpsc::Receiver<Waiting>,
    ) -> Result<WriterThread, StoreError> {
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let started = thread.spawn(move || self.run(receiver));
        let handle = started.map_err(|error| StoreError::Unwritable {
            reason: error.to_string(),
        })?;
        Ok(WriterThread(Some(handle)))
    }

    fn run(mut self, mut receiver: mpsc::Receiver<Waiting>) {
        loop {
            let mut batch = Vec::new();
            if self.bulk.is_empty() {
                match self.wait(&mut receiver) {
                    Some(waiting) => self.sort(waiting, &mut batch),
                    None => return,
                }
            }
            while batch.len() < URGENT_PER_COMMIT_MAX {
                match receiver.try_recv() {
                    Ok(waiting) => self.sort(waiting, &mut batch),
                    Err(_) => break,
                }
            }
            let bulk = self.bulk.len().min(BULK_PER_COMMIT_MAX);
            batch.extend(self.bulk.drain(..bulk));
            self.commit(batch);
        }
    }

    /// The next to be done; `None` when no handle is left.
    fn wait(&mut self, receiver: &mut mpsc::Receiver<Waiting>) -> Option<Waiting> {
        receiver.try_recv().ok().or_else(|| {
            self.backend.idle();
            receiver.blocking_recv()
        })
    }

    fn sort(&mut self, waiting: Waiting, urgent: &mut Vec<Waiting>) {
        if waiting.requests.iter().any(Request::is_urgent) {
            urgent.push(waiting);
        } else {
            self.bulk.push_back(waiting);
        }
    }

    fn commit(&mut self, batch: Vec<Waiting>) {
        let mut requests = Vec::new();
        let mut answers = Vec::with_capacity(batch.len());
        for waiting in batch {
            answers.push((waiting.answer, waiting.requests.len()));
            requests.extend(waiting.requests);
        }
        let count = requests.len();
        let replies = self.backend.apply(requests, (self.now)());
        self.counts.count(count, replies.is_ok());
        let mut replies = replies.map(Vec::into_iter);
        for (answer, count) in answers {
            let answered = match &mut replies {
                Ok(replies) => Ok(replies.take(count).collect()),
                Err(error) => Err(error.clone()),
            };
            // A caller that has gone away does not need its answer.
            drop(answer.send(answered));
        }
    }
}

/// Requests that wait for the writer, and where their answers go.
pub(crate) struct Waiting {
    /// In this order, and in one commit.
    pub requests: Vec<Request>,
    /// Where the caller waits.
    pub answer: oneshot::Sender<Result<Vec<Reply>, StoreError>>,
}

/// The writer's thread. With the last handle it ends, and the store is closed when that drop
/// returns: another may be opened at once.
pub(crate) struct WriterThread(Option<std::thread::JoinHandle<()>>);

impl Drop for WriterThread {
    fn drop(&mut self) {
        let ended = self.0.take().map(std::thread::JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::error!("the store's writer panicked");
        }
    }
}
