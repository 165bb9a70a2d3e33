//! The desk: one task through which all recipients of one audience go.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use postrider_failpoint::FailPoint;
use postrider_store::rows::ChunkRow;
use postrider_store::{Reply, Request, Store, StoreError};
use postrider_types::{CampaignId, RecipientId, TenantId};
use tokio::sync::{Notify, mpsc};

use super::ask::{Ask, Halt, Source};
use super::book::Book;
use super::registry::Shared;
use crate::audience::Parsed;
use crate::batcher::ReadyChunk;
use crate::bounds::{DESK_IDLE_MAX, FILINGS_IN_FLIGHT_MAX, REBUILD_CHUNKS_MAX};
use crate::clock::Clock;

/// A chunk on its way into the store.
type Filing = Pin<Box<dyn Future<Output = (Vec<(Source, u64)>, Result<Reply, StoreError>)> + Send>>;

pub(super) struct Desk {
    shared: Weak<Shared>,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    campaign: CampaignId,
    asks: mpsc::Receiver<Ask>,
    /// Somebody else needs the room.
    leave: Arc<Notify>,
    /// Here unless a thread works on it.
    book: Option<Box<Book>>,
    ready: VecDeque<ReadyChunk<Source>>,
    filings: FuturesUnordered<Filing>,
}

impl Desk {
    pub(super) fn new(
        shared: &Arc<Shared>,
        tenant: TenantId,
        campaign: CampaignId,
        asks: mpsc::Receiver<Ask>,
        leave: Arc<Notify>,
    ) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            clock: Arc::clone(&shared.clock),
            tenant,
            campaign,
            asks,
            leave,
            book: Some(Box::new(Book::new(shared, tenant))),
            ready: VecDeque::new(),
            filings: FuturesUnordered::new(),
        }
    }

    /// Works until nobody needs it or something fails. Its door closes after all that was in
    /// flight has come back.
    pub(super) async fn run(mut self, halt: Arc<OnceLock<Halt>>) {
        let mut worked = self.learn().await;
        if worked.is_ok() {
            worked = self.work().await;
        }
        let Err(cause) = worked else { return };
        self.ready.clear();
        while let Some(filed) = self.filings.next().await {
            // The first cause is the one that is told.
            let _ = note(filed);
        }
        // Only here is it set, and once.
        let _ = halt.set(cause);
    }

    /// Reads from the store who is in the audience already.
    async fn learn(&mut self) -> Result<(), Halt> {
        let (tenant, campaign) = (self.tenant, self.campaign);
        let mut from = RecipientId(0);
        loop {
            let store = self.store()?;
            let read = store
                .read(move |reader| reader.audience(tenant, campaign, from, REBUILD_CHUNKS_MAX));
            let mut chunks = read.await?;
            chunks.retain(|chunk| chunk.first >= Some(from));
            let Some(next) = chunks.last().and_then(after) else {
                return Ok(());
            };
            from = next;
            self.with_book(move |book| book.learn(&chunks)).await?;
        }
    }

    async fn work(&mut self) -> Result<(), Halt> {
        loop {
            self.file_ready()?;
            let due_at = self.book().batcher.due_at();
            let wait = due_at.map_or(DESK_IDLE_MAX, |due_at| due_at.since(self.clock.now()));
            tokio::select! {
                biased;
                Some(filed) = self.filings.next() => note(filed)?,
                () = tokio::time::sleep(wait), if self.ready.is_empty() => {
                    let now = self.clock.now();
                    let due = self.book().batcher.take_due(now);
                    self.ready.extend(due);
                    if due_at.is_none() && self.may_leave().await? {
                        return Ok(());
                    }
                }
                ask = self.asks.recv(), if self.ready.is_empty() => match ask {
                    Some(Ask::Admit { recipients, source }) => self.admit(recipients, source).await?,
                    Some(Ask::Settle { settled }) => {
                        self.settle().await?;
                        // A list that has gone away does not need its answer.
                        let _ = settled.send(());
                    }
                    None => return self.settle().await,
                },
                () = self.leave.notified(), if self.ready.is_empty() => {
                    if self.may_leave().await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn admit(&mut self, recipients: Vec<Parsed>, source: Source) -> Result<(), Halt> {
        let now = self.clock.now();
        let ready = self
            .with_book(move |book| book.admit(recipients, &source, now))
            .await?;
        self.ready.extend(ready);
        Ok(())
    }

    /// Files all that is open, and waits until it is durable.
    async fn settle(&mut self) -> Result<(), Halt> {
        let open = self.book().batcher.take_all();
        self.ready.extend(open);
        loop {
            self.file_ready()?;
            match self.filings.next().await {
                Some(filed) => note(filed)?,
                None => return Ok(()),
            }
        }
    }

    /// Whether nobody needs this desk any more; then it is off the list.
    async fn may_leave(&mut self) -> Result<bool, Halt> {
        self.settle().await?;
        Ok(self
            .shared
            .upgrade()
            .is_none_or(|shared| shared.let_go(self.campaign)))
    }

    fn file_ready(&mut self) -> Result<(), Halt> {
        while self.filings.len() < FILINGS_IN_FLIGHT_MAX {
            let Some(chunk) = self.ready.pop_front() else {
                break;
            };
            let store = self.store()?;
            let request = Request::File {
                tenant: self.tenant,
                campaign: self.campaign,
                lane: chunk.lane,
                recipients: chunk.recipients,
            };
            let shares = chunk.shares;
            self.filings
                .push(Box::pin(async move { (shares, store.ask(request).await) }));
        }
        Ok(())
    }

    fn store(&self) -> Result<Store, Halt> {
        let shared = self.shared.upgrade().ok_or(StoreError::Closed)?;
        Ok(shared.store.clone())
    }

    fn book(&mut self) -> &mut Book {
        self.book
            .as_mut()
            .expect("it is lent only while it is waited for")
    }

    /// Works on the book where blocking is allowed: it may write or merge runs.
    async fn with_book<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Book) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Halt> {
        let mut book = self
            .book
            .take()
            .expect("it is lent only while it is waited for");
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut book);
            (book, outcome)
        });
        // It fails only when the process ends, or when the book is of no use any more.
        let (book, outcome) = worked.await.map_err(|_| Halt::Store(StoreError::Closed))?;
        self.book = Some(book);
        outcome.map_err(|error| Halt::Spill(Arc::new(error)))
    }
}

/// Counts what is durable now.
fn note((shares, reply): (Vec<(Source, u64)>, Result<Reply, StoreError>)) -> Result<(), Halt> {
    match reply? {
        Reply::Filed { .. } => {
            FailPoint::InIntake.reached();
            for (source, share) in shares {
                source.count_accepted(share);
            }
            Ok(())
        }
        Reply::Refused(refused) => Err(Halt::Refused(refused)),
        reply => unreachable!("a filing is answered with its chunk or refused, not with {reply:?}"),
    }
}

/// The number behind the last recipient of a chunk that the batcher filed.
fn after(chunk: &ChunkRow) -> Option<RecipientId> {
    let last = chunk.recipients.last()?;
    last.recipient.0.checked_add(1).map(RecipientId)
}
