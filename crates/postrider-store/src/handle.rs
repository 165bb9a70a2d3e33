//! The handle that everybody has: requests go to the one writer, reads go past it.
//!
//! **Group commit without a timer**: the writer takes whatever waits as soon as it is free, in
//! one batch and one commit, and answers all of it afterwards. Begins and outcomes go first; of
//! intake and sweeps only a few go into each commit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use postrider_types::Timestamp;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::bounds::{READERS_MAX, REQUESTS_WAITING_MAX};
use crate::error::StoreError;
use crate::read::Reader;
use crate::request::{Reply, Request};
use crate::writer::{Waiting, Writer, WriterThread};

/// One batch and one commit.
pub trait Backend: Send {
    /// Does all of `batch` in one transaction, in order, and makes it durable before it returns.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch happened.
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError>;

    /// Nothing waits: the moment for a bounded piece of housekeeping, such as a checkpoint.
    fn idle(&mut self) {}
}

/// A backend, and a reader over the same rows.
pub type Parts = (Box<dyn Backend>, Arc<dyn Reader>);

/// Tells what time it is; asked once for each batch.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A store: cheap to clone, shared by everything in the process.
#[derive(Clone)]
pub struct Store {
    /// Dropped before `writer`, which waits until no door is left.
    door: Door,
    reader: Arc<dyn Reader>,
    readers: Arc<Semaphore>,
    counts: Arc<Counts>,
    work: Arc<Notify>,
    _writer: Option<Arc<WriterThread>>,
}

#[derive(Clone)]
enum Door {
    /// To the writer's own thread.
    Thread(mpsc::Sender<Waiting>),
    /// Straight to the backend, in the caller's thread: for scenes under simulated time.
    Inline(Arc<Mutex<Box<dyn Backend>>>, Now),
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

    pub(crate) fn count(&self, requests: usize, is_committed: bool) {
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
        let writer = Writer::new(backend, now, Arc::clone(&counts));
        let thread = Arc::new(writer.start(receiver)?);
        Ok(Self::new(
            Door::Thread(sender),
            reader,
            counts,
            Some(thread),
        ))
    }

    /// A store whose backend runs in the caller's thread: each request is its own commit.
    pub fn inline(backend: Box<dyn Backend>, reader: Arc<dyn Reader>, now: Now) -> Self {
        let door = Door::Inline(Arc::new(Mutex::new(backend)), now);
        Self::new(door, reader, Arc::default(), None)
    }

    fn new(
        door: Door,
        reader: Arc<dyn Reader>,
        counts: Arc<Counts>,
        writer: Option<Arc<WriterThread>>,
    ) -> Self {
        Self {
            door,
            reader,
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            counts,
            work: Arc::default(),
            _writer: writer,
        }
    }

    /// Asks the writer, and waits until the answers are durable.
    ///
    /// The requests are done in this order and in one commit.
    ///
    /// # Errors
    /// [`StoreError`]: none of them happened.
    pub async fn submit(&self, requests: Vec<Request>) -> Result<Vec<Reply>, StoreError> {
        let brings_work = requests.iter().any(Request::brings_work);
        let replies = self.pass(requests).await?;
        if brings_work {
            self.work.notify_one();
        }
        Ok(replies)
    }

    /// Waits until somebody brings work that was not there before; for the one who claims.
    pub async fn work_came(&self) {
        self.work.notified().await;
    }

    async fn pass(&self, requests: Vec<Request>) -> Result<Vec<Reply>, StoreError> {
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
