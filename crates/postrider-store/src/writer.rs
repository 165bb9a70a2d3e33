//! The writer's thread: whatever waits goes into one batch and one commit (`batch` says what comes
//! first), and is answered when that is durable.

mod batch;

use std::sync::Arc;

use postrider_failpoint::FailPoint;
use tokio::sync::mpsc;

use crate::counts::Counts;
use crate::error::StoreError;
use crate::handle::{Backend, Now};
use batch::{Batch, Queues};

pub(crate) use batch::Waiting;

/// The loop of the writer's thread.
pub(crate) struct Writer {
    backend: Box<dyn Backend>,
    now: Now,
    counts: Arc<Counts>,
    queues: Queues,
}

impl Writer {
    pub(crate) fn new(
        backend: Box<dyn Backend>,
        now: Now,
        counts: Arc<Counts>,
        receiver: mpsc::Receiver<Waiting>,
    ) -> Self {
        Self {
            backend,
            now,
            counts,
            queues: Queues::new(receiver),
        }
    }

    /// Gives the writer a thread of its own.
    pub(crate) fn start(self) -> Result<WriterThread, StoreError> {
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let started = thread.spawn(move || self.run());
        let handle = started.map_err(|error| StoreError::Unwritable {
            reason: error.to_string(),
        })?;
        Ok(WriterThread(Some(handle)))
    }

    fn run(mut self) {
        loop {
            self.queues.sort_all();
            if self.queues.is_empty() {
                self.backend.idle();
                // No handle is left when nothing comes.
                let Some(waiting) = self.queues.receiver.blocking_recv() else {
                    return;
                };
                self.queues.sort(waiting);
            }
            self.commit();
        }
    }

    fn commit(&mut self) {
        let since = (self.now)();
        self.counts.enter(since);
        FailPoint::Commit.reached();
        let mut batch = Batch::new(&mut self.queues, &self.now);
        let replies = self.backend.apply_each(&mut batch, since);
        if replies.is_err() && batch.taken.is_empty() {
            // It failed before it looked at anybody: this is everybody's answer.
            batch.by_ref().for_each(drop);
        }
        let taken = batch.taken;
        let now = (self.now)();
        self.counts.leave(since, now);
        let requests = taken.iter().map(|taken| taken.requests).sum();
        self.counts.count(requests, replies.is_ok());
        let mut replies = replies.map(Vec::into_iter);
        for taken in taken {
            let answered = match &mut replies {
                Ok(replies) => Ok(replies.take(taken.requests).collect()),
                Err(error) => Err(error.clone()),
            };
            if answered.is_ok() && taken.begins > 0 {
                let waited = now.since(taken.since);
                self.counts.count_begins(taken.begins, waited);
            }
            // A caller that has gone away does not need its answer.
            drop(taken.answer.send(answered));
        }
    }
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

#[cfg(test)]
mod tests {
    use postrider_types::Timestamp;
    use tokio::sync::oneshot;

    use super::*;
    use crate::request::{Reply, Request};

    /// A store whose disk does not even let a transaction begin.
    struct Shut;

    impl Backend for Shut {
        fn apply(&mut self, _: Vec<Request>, _: Timestamp) -> Result<Vec<Reply>, StoreError> {
            unreachable!("`apply_each` is not passed on")
        }

        fn apply_each(
            &mut self,
            _: &mut dyn Iterator<Item = Vec<Request>>,
            _: Timestamp,
        ) -> Result<Vec<Reply>, StoreError> {
            let reason = "no transaction can begin".to_owned();
            Err(StoreError::Unwritable { reason })
        }
    }

    #[test]
    fn a_commit_that_fails_before_it_looks_at_anybody_is_everybody_s_answer() {
        let (sender, receiver) = mpsc::channel(10);
        let now: Now = Arc::new(|| Timestamp::EPOCH);
        let mut answers = Vec::new();
        for _ in 0..3 {
            let (answer, answered) = oneshot::channel();
            answers.push(answered);
            let waiting = Waiting {
                requests: vec![Request::Wake],
                answer,
                since: Timestamp::EPOCH,
                room: None,
            };
            sender.try_send(waiting).ok().unwrap();
        }
        drop(sender);
        Writer::new(Box::new(Shut), now, Arc::default(), receiver).run();
        for mut answered in answers {
            assert!(answered.try_recv().unwrap().is_err());
        }
    }
}
