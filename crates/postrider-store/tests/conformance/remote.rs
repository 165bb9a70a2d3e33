//! A store in memory behind a socket, as a worker sees it: the third backend of the suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use postrider_store::remote::{self, Hello, Welcome};
use postrider_store::{Backend, Reader, Reply, Request, Store, StoreError, memory};
use postrider_types::{EmailId, TenantId, Timestamp, WorkerId};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

const KEY: [u8; 32] = [7; 32];

/// The worker's end; the service's end is a task of the same runtime.
struct Remote {
    runtime: Runtime,
    store: Store,
    /// What time it is at the service.
    now: Arc<AtomicI64>,
}

impl Backend for Remote {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        self.now.store(now.as_micros(), Ordering::Relaxed);
        self.runtime.block_on(self.store.submit(batch))
    }
}

/// The worker's end as a backend, and the reader of the service.
pub(crate) fn parts() -> (Box<dyn Backend>, Arc<dyn Reader>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let (own, reader) = own_store(&now);
    let (store, _) = runtime.block_on(worker_of(own));
    let remote = Remote {
        runtime,
        store,
        now,
    };
    (Box::new(remote), reader)
}

/// The store of the service.
fn own_store(now: &Arc<AtomicI64>) -> (Store, Arc<dyn Reader>) {
    let (backend, reader) = memory::parts(KEY);
    let now = Arc::clone(now);
    let clock = Arc::new(move || Timestamp::from_micros(now.load(Ordering::Relaxed)));
    (Store::inline(backend, Arc::clone(&reader), clock), reader)
}

/// A worker of a service, and how to end the service.
async fn worker_of(own: Store) -> (Store, tokio::task::JoinHandle<()>) {
    let (near, far) = UnixStream::pair().unwrap();
    let welcome = Welcome {
        worker: WorkerId(1),
        message_key: KEY,
        now: Timestamp::EPOCH,
    };
    let serving = tokio::spawn(async move {
        let (from, to) = far.into_split();
        let visitor = remote::meet(from, to).await.unwrap();
        let (_, notes) = mpsc::channel(1);
        visitor.admit(&welcome, &own, notes, |_| {}).await;
    });
    let (from, to) = near.into_split();
    let connected = remote::connect(from, to, &Hello::new(0)).await;
    (Store::remote(connected.unwrap().0), serving)
}

#[tokio::test]
async fn a_worker_reads_bodies_and_their_size_and_nothing_else() {
    let (own, _) = own_store(&Arc::default());
    // Larger than what a socket holds.
    let content = Bytes::from(vec![7; 3_000_000]);
    let (tenant, email) = (TenantId::DEFAULT, EmailId::of(&content));
    let put = Request::PutEmail {
        tenant,
        email,
        content: content.clone(),
    };
    own.ask(put).await.unwrap();
    let (store, _serving) = worker_of(own).await;
    let read = store.read(move |reader| reader.email(tenant, email));
    assert_eq!(read.await.unwrap(), Some(content));
    let read = store.read(move |reader| reader.email_bytes(tenant, email));
    assert_eq!(read.await.unwrap(), Some(3_000_000));
    let other = EmailId::of(&Bytes::from_static(b"another"));
    let read = store.read(move |reader| reader.email(tenant, other));
    assert_eq!(read.await.unwrap(), None);
    let read = store.read(move |reader| reader.campaigns(tenant, None, 1));
    assert!(matches!(read.await, Err(StoreError::Elsewhere)));
}

#[tokio::test]
async fn a_worker_hears_of_work_that_others_bring() {
    let (own, _) = own_store(&Arc::default());
    let (store, _serving) = worker_of(own.clone()).await;
    let mut work = store.work();
    own.ask(Request::Wake).await.unwrap();
    let span = std::time::Duration::from_secs(10);
    tokio::time::timeout(span, work.came()).await.unwrap();
}

#[tokio::test]
async fn when_the_service_is_gone_every_question_fails_at_once() {
    let (own, _) = own_store(&Arc::default());
    let (store, serving) = worker_of(own).await;
    store.ask(Request::Wake).await.unwrap();
    serving.abort();
    drop(serving.await);
    let span = std::time::Duration::from_secs(10);
    let asked = tokio::time::timeout(span, store.ask(Request::Wake)).await;
    assert!(matches!(asked.unwrap(), Err(StoreError::Closed)));
}
