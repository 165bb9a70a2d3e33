//! A memory store with a campaign, and lists that come as a scene says.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{iter, unfold};
use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Reply, Request, Store, StoreError, memory};
use postrider_types::{
    Campaign, CampaignId, EmailId, InDoubtPolicy, RecipientId, TenantId, Timestamp,
};
use tokio::sync::mpsc;

use crate::clock::SystemClock;
use crate::intake::{Audiences, Format, IntakeError, IntakeReport};
use crate::settings::{DomainLimit, IntakeSettings, LimitSettings};

pub(super) const TENANT: TenantId = TenantId::DEFAULT;

pub(super) struct World {
    pub(super) store: Store,
    pub(super) clock: SystemClock,
    pub(super) settings: IntakeSettings,
    /// `File` requests that still succeed.
    pub(super) filings_left: Arc<AtomicUsize>,
    dir: tempfile::TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let (backend, reader) = memory::parts([7; 32]);
        let filings_left = Arc::new(AtomicUsize::new(usize::MAX));
        let backend = FullDisk {
            backend,
            filings_left: Arc::clone(&filings_left),
        };
        let clock = clock();
        let store = Store::inline(Box::new(backend), reader, clock.as_now());
        Self::over(store, clock, filings_left)
    }

    /// A store with a thread of its own, whose commits with filings wait for a verdict each:
    /// `false` fails. When no more verdicts can come, all succeed.
    pub(super) fn judged() -> (Self, Sender<bool>) {
        let (backend, reader) = memory::parts([7; 32]);
        let (sender, verdicts) = channel();
        let clock = clock();
        let backend = JudgedDisk { backend, verdicts };
        let store = Store::on_thread(Box::new(backend), reader, clock.as_now()).unwrap();
        (Self::over(store, clock, Arc::default()), sender)
    }

    fn over(store: Store, clock: SystemClock, filings_left: Arc<AtomicUsize>) -> Self {
        Self {
            store,
            clock,
            settings: IntakeSettings {
                errors_max: 10,
                dedup_bytes_max: 1 << 20,
            },
            filings_left,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn spill_dir(&self) -> &Path {
        self.dir.path()
    }

    /// As a process begins: nothing is known but what the store holds.
    pub(super) fn audiences(&self) -> Audiences {
        self.audiences_in(self.dir.path().to_owned())
    }

    pub(super) fn audiences_in(&self, spill_dir: PathBuf) -> Audiences {
        let limits = limits();
        Audiences::new(
            &self.store,
            Arc::new(self.clock),
            self.settings,
            &limits,
            spill_dir,
        )
    }

    pub(super) async fn campaign(&self, name: &str) -> CampaignId {
        create(&self.store, name).await
    }

    pub(super) async fn change(&self, campaign: CampaignId, change: CampaignChange) {
        let changed = self
            .store
            .ask(Request::Change { campaign, change })
            .await
            .unwrap();
        assert!(matches!(changed, Reply::Campaign(_)), "{changed:?}");
    }

    pub(super) async fn shown(&self, campaign: CampaignId) -> Campaign {
        self.store
            .read(move |reader| reader.campaign(campaign))
            .await
            .unwrap()
            .unwrap()
    }

    /// The addresses in the store, in order of their numbers; each must be there once.
    pub(super) async fn audience(&self, campaign: CampaignId) -> Vec<String> {
        let read = self
            .store
            .read(move |reader| reader.audience(TENANT, campaign, RecipientId(0), usize::MAX));
        let chunks = read.await.unwrap();
        let recipients = chunks.iter().flat_map(|chunk| &chunk.recipients);
        let addresses: Vec<_> = recipients
            .map(|it| it.address.as_str().to_owned())
            .collect();
        let mut times = HashMap::new();
        for address in &addresses {
            *times.entry(address.to_lowercase()).or_insert(0) += 1;
        }
        assert!(
            times.values().all(|times| *times == 1),
            "somebody is there twice"
        );
        assert_eq!(
            self.shown(campaign).await.tally.audience(),
            addresses.len() as u64
        );
        addresses
    }

    /// The lanes in which something waits.
    pub(super) async fn lanes(&self) -> Vec<String> {
        let lanes = self
            .store
            .read(|reader| reader.lanes(usize::MAX))
            .await
            .unwrap();
        lanes
            .into_iter()
            .map(|shape| shape.lane.as_str().to_owned())
            .collect()
    }
}

pub(super) async fn create(store: &Store, name: &str) -> CampaignId {
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    store
        .ask(Request::PutEmail {
            tenant: TENANT,
            email,
            content,
        })
        .await
        .unwrap();
    let create = Request::Create {
        tenant: TENANT,
        name: name.to_owned(),
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    match store.ask(create).await.unwrap() {
        Reply::Campaign(campaign) => campaign.id,
        other => panic!("{other:?}"),
    }
}

pub(super) fn limits() -> LimitSettings {
    LimitSettings {
        default: DomainLimit {
            rate: None,
            connections_max: 10,
        },
        domains: HashMap::new(),
        recipient_rate: None,
        spent_at: None,
    }
}

/// Takes in a CSV that is there at once.
pub(super) async fn take_in(
    audiences: &Audiences,
    campaign: CampaignId,
    csv: &str,
) -> Result<IntakeReport, IntakeError> {
    let mut intake = audiences.open(TENANT, campaign).await?;
    intake.read(Format::Csv, pieces(csv, 1_000)).await
}

/// A CSV of recipients with these numbers at `example.test`.
pub(super) fn csv(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut csv = "email,n\n".to_owned();
    for number in numbers {
        csv.push_str(&format!("recipient-{number}@example.test,{number}\n"));
    }
    csv
}

/// A list in pieces of this size.
pub(super) fn pieces(
    list: &str,
    piece_bytes: usize,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let pieces = list
        .as_bytes()
        .chunks(piece_bytes)
        .map(Bytes::copy_from_slice);
    iter(pieces.map(Ok).collect::<Vec<_>>())
}

/// A list that comes when the scene sends it.
pub(super) fn sent() -> (
    mpsc::UnboundedSender<io::Result<Bytes>>,
    impl Stream<Item = io::Result<Bytes>> + Send,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let list = unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    (sender, list)
}

/// A backend whose disk is full after some filings.
struct FullDisk {
    backend: Box<dyn Backend>,
    filings_left: Arc<AtomicUsize>,
}

impl Backend for FullDisk {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        let is_filing = batch
            .iter()
            .any(|request| matches!(request, Request::File { .. }));
        let one_less = |left: usize| left.checked_sub(1);
        let left = &self.filings_left;
        if is_filing
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .is_err()
        {
            return Err(no_space());
        }
        self.backend.apply(batch, now)
    }
}

struct JudgedDisk {
    backend: Box<dyn Backend>,
    verdicts: Receiver<bool>,
}

impl Backend for JudgedDisk {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        let is_filing = batch
            .iter()
            .any(|request| matches!(request, Request::File { .. }));
        if is_filing && self.verdicts.recv() == Ok(false) {
            return Err(no_space());
        }
        self.backend.apply(batch, now)
    }
}

fn no_space() -> StoreError {
    StoreError::Unwritable {
        reason: "no space left on device".into(),
    }
}

fn clock() -> SystemClock {
    SystemClock::starting_at(Timestamp::from_micros(1_700_000_000_000_000))
}

/// Moves the paused clock on, past every timer on the way.
pub(super) async fn pass(span: Duration) {
    let never = std::future::pending::<()>();
    assert!(tokio::time::timeout(span, never).await.is_err());
}
