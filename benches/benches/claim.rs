//! What a claim costs in the SQLite store, with few and with very many deliveries waiting.
//!
//! The figures should be the same in every row: a claim takes the next lane that is due and the
//! first chunk of it, and never looks at what else waits. Each one is a commit of its own, so the
//! disk is in it; `with_inputs` gives the chunk back, which is not measured.
//!
//! The ten million are made once, in some ten seconds and in 0.8 GB of the temporary directory.

use std::cell::RefCell;
use std::time::Duration;

use divan::Bencher;
use postrider_benches::START;
use postrider_benches::store::{CHUNK, apply, file, start};
use postrider_store::{Backend, Reply, Request, Share, sqlite};
use postrider_types::{LeaseToken, WorkerId};

fn main() {
    divan::main();
}

/// Deliveries that wait.
const WAITING: [usize; 3] = [1_000, 100_000, 10_000_000];

/// Lanes that they wait in, each with the same share; fewer when there are fewer chunks.
const LANES_MAX: usize = 1_000;

#[divan::bench(args = WAITING, sample_count = 100, sample_size = 1)]
fn claim(bencher: Bencher<'_, '_>, waiting: usize) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (backend, _reader) = sqlite::parts(dir.path()).expect("a new store");
    let queue = RefCell::new(Queue::filled(backend, waiting));
    bencher
        .with_inputs(|| queue.borrow_mut().next())
        .bench_local_values(|claim| queue.borrow_mut().claim(claim));
}

/// A store whose queue is as long before each claim as it was at first.
struct Queue {
    backend: Box<dyn Backend>,
    held: Option<LeaseToken>,
    claims: u64,
}

impl Queue {
    fn filled(mut backend: Box<dyn Backend>, waiting: usize) -> Self {
        start(backend.as_mut());
        let chunks: Vec<usize> = (0..waiting / CHUNK).collect();
        let mut numbers = Vec::with_capacity(chunks.len());
        for some in chunks.chunks(20) {
            let filings = some.iter().map(|chunk| file(chunk % LANES_MAX)).collect();
            numbers.extend(apply(backend.as_mut(), filings).iter().map(first_number));
            backend.idle();
        }
        // Recipients are numbered densely, so the numbers say how many are there.
        let numbered = numbers[numbers.len() - 1] - numbers[0] + CHUNK as u64;
        assert_eq!(numbered, waiting as u64, "deliveries that wait");
        Self {
            backend,
            held: None,
            claims: 0,
        }
    }

    /// Gives back what is held, and names the next claim.
    fn next(&mut self) -> Request {
        if let Some(token) = self.held.take() {
            let release = Request::End {
                token,
                filings: Vec::new(),
                throttle: None,
            };
            apply(self.backend.as_mut(), vec![release]);
            self.backend.idle();
        }
        self.claims += 1;
        Request::Claim {
            claim: self.claims,
            worker: WorkerId(1),
            skip: Vec::new(),
            share: Share::WHOLE,
            until: START.plus(Duration::from_secs(60)),
        }
    }

    fn claim(&mut self, claim: Request) {
        match apply(self.backend.as_mut(), vec![claim]).pop() {
            Some(Reply::Claimed(held)) => self.held = Some(held.token),
            other => panic!("chunks are waiting: {other:?}"),
        }
    }
}

fn first_number(filed: &Reply) -> u64 {
    match filed {
        Reply::Filed { first, .. } => first.0.into(),
        other => panic!("a chunk was filed: {other:?}"),
    }
}
