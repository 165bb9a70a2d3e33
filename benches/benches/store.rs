//! What a delivery costs in the SQLite store, in CPU and in waiting for the disk.
//!
//! A commit holds the outcomes of some connections and the begins of their next messages, as the
//! writer makes it under load: with one connection a delivery pays a whole commit, with ten a
//! tenth of one. Filing, claiming and checkpoints are not in it.
//!
//! The disk is where temporary files are. A commit that makes the log longer waits for the file
//! system's own journal too, so the slowest are many times slower than the fastest.

use std::cell::RefCell;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use postrider_benches::START;
use postrider_benches::store::{CHUNK, apply, file, start};
use postrider_store::{Backend, Claimed, Reply, Request, Share, sqlite};
use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{DeliveryId, Outcome, WorkerId};

fn main() {
    divan::main();
}

/// Connections that share a commit.
const CONNECTIONS: [usize; 3] = [1, 10, 50];

#[divan::bench(args = CONNECTIONS, sample_count = 20, sample_size = 5)]
fn begin_and_record(bencher: Bencher<'_, '_>, connections: usize) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut backend, _reader) = sqlite::parts(dir.path()).expect("a new store");
    let pairs = RefCell::new(Pairs::new(backend.as_mut()));
    bencher
        .counter(ItemsCount::new(connections))
        .with_inputs(|| pairs.borrow_mut().batch(connections))
        .bench_local_values(|batch| apply(pairs.borrow_mut().backend, batch));
}

#[divan::bench(sample_count = 20, sample_size = 5)]
fn file_a_chunk(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut backend, _reader) = sqlite::parts(dir.path()).expect("a new store");
    start(backend.as_mut());
    let mut chunk = 0;
    bencher.counter(ItemsCount::new(CHUNK)).bench_local(|| {
        chunk += 1;
        apply(backend.as_mut(), vec![file(chunk)])
    });
}

/// Deliveries that were begun, and those that are next.
struct Pairs<'a> {
    backend: &'a mut dyn Backend,
    /// The chunk in hand, and how many of it were begun.
    held: Option<(Claimed, usize)>,
    outcomes: Vec<Request>,
    chunks: usize,
}

impl<'a> Pairs<'a> {
    fn new(backend: &'a mut dyn Backend) -> Self {
        start(backend);
        Self {
            backend,
            held: None,
            outcomes: Vec::new(),
            chunks: 0,
        }
    }

    /// For one commit: the outcomes of before, and as many begins.
    fn batch(&mut self, count: usize) -> Vec<Request> {
        self.backend.idle();
        let mut batch = std::mem::take(&mut self.outcomes);
        for _ in 0..count {
            let (begin, outcome) = self.next();
            batch.push(begin);
            self.outcomes.push(outcome);
        }
        batch
    }

    fn next(&mut self) -> (Request, Request) {
        let is_used_up = |(held, begun): &(Claimed, usize)| *begun == held.recipients.len();
        if self.held.as_ref().is_none_or(is_used_up) {
            self.held = Some((self.claim(), 0));
        }
        let (held, begun) = self.held.as_mut().expect("it was claimed just now");
        let pair = pair(held, *begun);
        *begun += 1;
        pair
    }

    /// A new chunk in hand; the one before is left as it is.
    fn claim(&mut self) -> Claimed {
        self.chunks += 1;
        let claim = Request::Claim {
            claim: self.chunks as u64,
            worker: WorkerId(1),
            skip: Vec::new(),
            share: Share::WHOLE,
            until: START.plus(Duration::from_secs(60)),
        };
        apply(self.backend, vec![file(self.chunks)]);
        match apply(self.backend, vec![claim]).pop() {
            Some(Reply::Claimed(held)) => *held,
            other => panic!("a chunk was filed: {other:?}"),
        }
    }
}

/// The begin and the outcome of one delivery of a chunk.
fn pair(held: &Claimed, place: usize) -> (Request, Request) {
    let recipient = &held.recipients[place];
    let delivery = DeliveryId {
        tenant: held.tenant,
        campaign: held.campaign,
        recipient: recipient.recipient,
    };
    let (token, attempt) = (held.token, 1);
    let begin = Request::Begin {
        token,
        delivery,
        address: recipient.address.clone(),
        attempt,
    };
    let text = format!("2.0.0 Ok: queued as {:012X}", recipient.recipient.0);
    let record = Request::Record {
        token,
        delivery,
        address: recipient.address.clone(),
        attempt,
        outcome: Outcome::Delivered,
        reply: Some(SmtpReply::new(250, "2.0.0".parse().ok(), &text)),
    };
    (begin, record)
}
