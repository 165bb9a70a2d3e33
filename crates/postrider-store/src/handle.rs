//! The handle that everybody has: requests go to the one writer, reads go past it.
//!
//! **Group commit without a timer**: the writer takes whatever waits as soon as it is free, in
//! one batch and one commit, and answers all of it afterwards. Begins and outcomes go first; of
//! intake and sweeps only a few go into each commit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use postrider_types::Timestamp;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::bounds::{
    BULK_PER_COMMIT_MAX, READERS_MAX, REQUESTS_WAITING_MAX, URGENT_PER_COMMIT_MAX,
};
use crate::error::StoreError;
use crate::read::Reader;
use crate::request::{Reply, Request};

/// One batch and one commit.
pub trait Backend: Send {
    /// Does all of `batch` in one transaction, in order, and makes it durable before it returns.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch happened.
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError>;
}

/// Tells what time it is; asked once for each batch.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A store: cheap to clone, shared by everything in the process.
#[derive(Clone)]
pub struct Store {
    door: Door,
    reader: Arc<dyn Reader>,
    readers: Arc<Semaphore>,
    counts: Arc<Counts>,
}

#[derive(Clone)]
enum Door {
    /// To the writer's own thread.
    Thread(mpsc::Sender<Waiting>),
    /// Straight to the backend, in the caller's thread: for scenes under simulated time.
    Inline(Arc<Mutex<Box<dyn Backend>>>, Now),
}

/// Requests that wait for the writer, and where their answers go.
struct Waiting {
    requests: Vec<Request>,
    answer: oneshot::Sender<Result<Vec<Reply>, StoreError>>,
}

/// What the writer did, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    commits: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
}

impl Counts {
    /// Commits since the store was opened.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Requests in those commits.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Batches that could not be committed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn count(&self, requests: usize, is_committed: bool) {
        let counter = if is_committed {
            &self.commits
        } else {
            &self.failures
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
    }
}

impl Store {
    /// A store whose writer has a thread of its own, which ends with the last handle.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when no thread can be started.
    pub fn on_thread(
        backend: Box<dyn Backend>,
        reader: Arc<dyn Reader>,
        now: Now,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(REQUESTS_WAITING_MAX);
        let counts = Arc::new(Counts::default());
        let writer = Writer {
            backend,
            now,
            counts: Arc::clone(&counts),
            bulk: VecDeque::new(),
        };
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|error| StoreError::Unwritable {
                reason: error.to_string(),
            })?;
        Ok(Self::new(Door::Thread(sender), reader, counts))
    }

    /// A store whose backend runs in the caller's thread: each request is its own commit.
    pub fn inline(backend: Box<dyn Backend>, reader: Arc<dyn Reader>, now: Now) -> Self {
        let door = Door::Inline(Arc::new(Mutex::new(backend)), now);
        Self::new(door, reader, Arc::default())
    }

    fn new(door: Door, reader: Arc<dyn Reader>, counts: Arc<Counts>) -> Self {
        Self {
            door,
            reader,
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            counts,
        }
    }

    /// Asks the writer, and waits until the answers are durable.
    ///
    /// The requests are done in this order and in one commit.
    ///
    /// # Errors
    /// [`StoreError`]: none of them happened.
    pub async fn submit(&self, requests: Vec<Request>) -> Result<Vec<Reply>, StoreError> {
        match &self.door {
            Door::Thread(sender) => {
                let (answer, answered) = oneshot::channel();
                let waiting = Waiting { requests, answer };
                sender.send(waiting).await.map_err(|_| StoreError::Closed)?;
                answered.await.unwrap_or(Err(StoreError::Closed))
            }
            Door::Inline(backend, now) => {
                let count = requests.len();
                let mut backend = backend.lock().map_err(|_| StoreError::Closed)?;
                let replies = backend.apply(requests, now());
                self.counts.count(count, replies.is_ok());
                replies
            }
        }
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub async fn ask(&self, request: Request) -> Result<Reply, StoreError> {
        let mut replies = self.submit(vec![request]).await?;
        Ok(replies.pop().expect("one request has one reply"))
    }

    /// Reads, on a thread where blocking is allowed; at most a few readers work at once.
    ///
    /// # Errors
    /// As the read itself.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Door::Inline(..) = self.door {
            return read(self.reader.as_ref());
        }
        let _permit = self
            .readers
            .acquire()
            .await
            .map_err(|_| StoreError::Closed)?;
        let reader = Arc::clone(&self.reader);
        let done = tokio::task::spawn_blocking(move || read(reader.as_ref()));
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// The key of all Message-IDs.
    pub fn message_key(&self) -> [u8; 32] {
        self.reader.message_key()
    }

    /// What the writer did.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// The loop of the writer's thread.
struct Writer {
    backend: Box<dyn Backend>,
    now: Now,
    counts: Arc<Counts>,
    /// Intake and sweeps that wait for a commit with room.
    bulk: VecDeque<Waiting>,
}

impl Writer {
    fn run(mut self, mut receiver: mpsc::Receiver<Waiting>) {
        loop {
            let mut batch = Vec::new();
            if self.bulk.is_empty() {
                match receiver.blocking_recv() {
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
