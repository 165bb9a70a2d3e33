//! The handle that everybody has: requests go to the one writer, reads go past it.
//!
//! **Group commit without a timer**: the writer takes whatever waits as soon as it is free, in
//! one batch and one commit, and answers all of it afterwards. Begins and outcomes go first; of
//! intake and sweeps each commit takes a few milliseconds' worth.

use std::sync::{Arc, Mutex};

use postrider_types::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::bounds::{BULK_WAITING_MAX, READERS_MAX, REQUESTS_WAITING_MAX};
use crate::counts::Counts;
use crate::error::StoreError;
use crate::read::Reader;
use crate::remote::Connected;
use crate::request::{Reply, Request};
use crate::writer::{Waiting, Writer, WriterThread};

/// One batch and one commit.
pub trait Backend: Send {
    /// Does all of `batch` in one transaction, in order, and makes it durable before it returns.
    /// A request that meets a row which cannot be read is answered with [`Reply::Failed`] and
    /// changes nothing; the others are done.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch happened.
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError>;

    /// Does what `groups` gives, in one transaction, until it gives nothing more, and makes it
    /// durable before it returns; the replies of all groups follow each other.
    ///
    /// A backend that asks for a group only when the one before is done lets the caller measure
    /// what the groups cost, and stop. This one takes all at once.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of any group happened.
    fn apply_each(
        &mut self,
        groups: &mut dyn Iterator<Item = Vec<Request>>,
        now: Timestamp,
    ) -> Result<Vec<Reply>, StoreError> {
        self.apply(groups.flatten().collect(), now)
    }

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
    /// Grows when somebody brings work.
    work: watch::Sender<u64>,
    /// Room for what is not urgent; whoever finds none waits here, not in the writer's queue.
    bulk: Arc<Semaphore>,
    restored_since: Option<Timestamp>,
    _writer: Option<Arc<WriterThread>>,
}

#[derive(Clone)]
enum Door {
    /// To the writer's own thread.
    Thread(mpsc::Sender<Waiting>, Now),
    /// Straight to the backend, in the caller's thread: for scenes under simulated time.
    Inline(Arc<Mutex<Box<dyn Backend>>>, Now),
    /// Over a socket, to the service that owns the store.
    Remote(Connected),
}

/// Requests that were handed over, and will be done in that order.
pub(crate) struct Handed {
    answered: oneshot::Receiver<Result<Vec<Reply>, StoreError>>,
    /// Whom to tell when they are done, if they bring work.
    work: Option<watch::Sender<u64>>,
}

impl Handed {
    /// Waits until they are durable.
    pub(crate) async fn answer(self) -> Result<Vec<Reply>, StoreError> {
        let replies = self.answered.await.unwrap_or(Err(StoreError::Closed))?;
        if let Some(work) = self.work {
            work.send_modify(|count| *count += 1);
        }
        Ok(replies)
    }
}

/// Notices work that was not there before.
#[derive(Debug)]
pub struct Work(watch::Receiver<u64>);

impl Work {
    /// Waits until somebody has brought work since this was last asked, or since it was made.
    pub async fn came(&mut self) {
        if self.0.changed().await.is_err() {
            // Without a store nothing comes any more.
            std::future::pending().await
        }
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
        let writer = Writer::new(backend, Arc::clone(&now), Arc::clone(&counts), receiver);
        let thread = Arc::new(writer.start()?);
        Ok(Self::new(
            Door::Thread(sender, now),
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

    /// A store that is asked over a socket.
    pub fn remote(connected: Connected) -> Self {
        let reader = connected.reader();
        let work = connected.work();
        let door = Door::Remote(connected);
        Self {
            work,
            ..Self::new(door, reader, Arc::default(), None)
        }
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
            work: watch::Sender::default(),
            bulk: Arc::new(Semaphore::new(BULK_WAITING_MAX)),
            restored_since: None,
            _writer: writer,
        }
    }

    /// The same store, which is a restored backup or lost its log.
    #[must_use]
    pub(crate) fn restored(mut self, since: Option<Timestamp>) -> Self {
        self.restored_since = since;
        self
    }

    /// Of a store that is behind what was sent, and whose campaigns are held up: since when
    /// deliveries may have gone out that it does not know of.
    pub const fn restored_since(&self) -> Option<Timestamp> {
        self.restored_since
    }

    /// Asks the writer, and waits until the answers are durable.
    ///
    /// The requests are done in this order and in one commit. One that met a row which cannot be
    /// read is answered with [`Reply::Failed`]; the others are done.
    ///
    /// # Errors
    /// [`StoreError`]: none of them happened.
    pub async fn submit(&self, requests: Vec<Request>) -> Result<Vec<Reply>, StoreError> {
        self.hand_over(requests).await?.answer().await
    }

    /// Notices from now on when somebody brings work that was not there before; for those who
    /// claim.
    pub fn work(&self) -> Work {
        Work(self.work.subscribe())
    }

    /// Hands requests over: when this has returned, those that are handed over later are done
    /// later.
    pub(crate) async fn hand_over(&self, requests: Vec<Request>) -> Result<Handed, StoreError> {
        let brings_work = requests.iter().any(Request::brings_work);
        let (answer, answered) = oneshot::channel();
        match &self.door {
            Door::Thread(sender, now) => {
                let since = now();
                let room = self.room(&requests).await?;
                let waiting = Waiting {
                    requests,
                    answer,
                    since,
                    room,
                };
                sender.send(waiting).await.map_err(|_| StoreError::Closed)?;
            }
            Door::Inline(backend, now) => {
                let count = requests.len();
                let mut backend = backend.lock().map_err(|_| StoreError::Closed)?;
                let replies = backend.apply(requests, now());
                self.counts.count(count, replies.is_ok());
                drop(answer.send(replies));
            }
            Door::Remote(connected) => connected.submit(requests, answer).await?,
        }
        let work = brings_work.then(|| self.work.clone());
        Ok(Handed { answered, work })
    }

    /// Room for requests of which none is urgent; the others need none.
    async fn room(&self, requests: &[Request]) -> Result<Option<OwnedSemaphorePermit>, StoreError> {
        if requests.iter().any(Request::is_urgent) {
            return Ok(None);
        }
        let room = Arc::clone(&self.bulk).acquire_owned().await;
        room.map(Some).map_err(|_| StoreError::Closed)
    }

    /// Waits until the writer has ended although handles are left: it has panicked, and nothing
    /// can be recorded any more. A store without a thread never ends like that.
    pub async fn ended(&self) {
        match &self.door {
            Door::Thread(sender, _) => sender.closed().await,
            _ => std::future::pending().await,
        }
    }

    /// Whether [`ended`](Self::ended) would not wait.
    pub fn has_ended(&self) -> bool {
        matches!(&self.door, Door::Thread(sender, _) if sender.is_closed())
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub async fn ask(&self, request: Request) -> Result<Reply, StoreError> {
        let mut replies = self.submit(vec![request]).await?;
        let reply = replies.pop().expect("one request has one reply");
        reply.into_result()
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
    pub const fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }
}
