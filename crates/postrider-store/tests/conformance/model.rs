//! Random requests against memory and sqlite side by side: right and wrong ones, late ones, old
//! ones again, in commits of one to three, with the sqlite store reopened in between.
//!
//! Memory does them one by one and is the model, whose every change must be an edge of the state
//! diagram; sqlite does a whole commit at once, and must answer the same.

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Reply, Request};
use postrider_types::{DeliveryId, DeliveryState, Timestamp};
use proptest::prelude::*;

use crate::examine::Snapshot;
use crate::steps::{CAMPAIGNS, Past, Step, step};
use crate::world::{Home, World};

/// Runs of the test.
const CASES: u32 = 128;

/// Commits in each run, of one to three requests.
const COMMITS: usize = 40;

/// One commit: what is asked in it, how many seconds pass before, and whether the process ends.
#[derive(Debug, Clone)]
struct Commit {
    seconds: u64,
    reopens: bool,
    steps: Vec<Step>,
}

fn commit(start: Timestamp) -> impl Strategy<Value = Commit> {
    let seconds = prop_oneof![12 => Just(0), 6 => 1..9_u64, 1 => 60..200_u64];
    let steps = proptest::collection::vec(step(start), 1..4);
    (seconds, proptest::bool::weighted(0.05), steps).prop_map(|(seconds, reopens, steps)| Commit {
        seconds,
        reopens,
        steps,
    })
}

/// Each world begins at this instant.
fn start() -> Timestamp {
    World::new(Home::memory()).now
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn memory_and_sqlite_answer_the_same_and_walk_along_the_edges(
        commits in proptest::collection::vec(commit(start()), COMMITS),
    ) {
        Twins::new().run(&commits);
    }
}

struct Twins {
    model: World,
    sqlite: World,
    past: Past,
    ledger: Ledger,
}

impl Twins {
    fn new() -> Self {
        let mut twins = Self {
            model: World::new(Home::memory()),
            sqlite: World::new(Home::sqlite()),
            past: Past::default(),
            ledger: Ledger::default(),
        };
        for world in [&mut twins.model, &mut twins.sqlite] {
            for n in 1..=CAMPAIGNS {
                let campaign = world.create(&n.to_string());
                assert_eq!(campaign.0, n);
                world.change(campaign, CampaignChange::Start);
                for lane in ["a.test", "b.test", "a.test"] {
                    world.file(campaign, lane, 3);
                }
            }
        }
        twins
    }

    fn run(mut self, commits: &[Commit]) {
        for commit in commits {
            if commit.reopens {
                self.sqlite.reopen();
            }
            self.model.pass(Duration::from_secs(commit.seconds));
            self.sqlite.pass(Duration::from_secs(commit.seconds));
            self.commit(&commit.steps);
        }
        let model = Snapshot::take(self.model.reader());
        assert_eq!(model, Snapshot::take(self.sqlite.reader()));
        let lanes = |world: &World| world.reader().lanes(99).unwrap();
        assert_eq!(lanes(&self.model), lanes(&self.sqlite));
        self.model.examine();
        self.sqlite.examine();
    }

    fn commit(&mut self, steps: &[Step]) {
        let mut batch = Vec::new();
        let mut expected = Vec::new();
        for step in steps {
            let Some(request) = self.past.request(step, &self.model) else {
                continue;
            };
            let reply = self.model.ask_once(request.clone());
            self.ledger
                .enter(&request, Snapshot::take(self.model.reader()));
            self.ledger.newest.expect_balance(self.model.reader());
            batch.push(request);
            expected.push(reply);
        }
        if batch.is_empty() {
            return;
        }
        let replies = self.sqlite.apply(batch.clone());
        for ((request, reply), expect) in batch.iter().zip(&replies).zip(&expected) {
            assert_eq!(reply, expect, "{request:?}");
        }
        self.past.requests.extend(batch);
        for reply in replies {
            if let Reply::Claimed(claimed) = reply {
                self.past.claims.push(*claimed);
            }
        }
    }
}

/// Which deliveries may have left us, kept independently of the store.
#[derive(Default)]
struct Ledger {
    newest: Snapshot,
    /// Attempts that were begun, less those of which it is certain that nothing was delivered.
    begun: BTreeMap<DeliveryId, i32>,
}

impl Ledger {
    fn enter(&mut self, request: &Request, now: Snapshot) {
        for (delivery, receipt) in &now.receipts {
            let old = self.newest.receipts.get(delivery);
            if old == Some(receipt) {
                continue;
            }
            let before = old.map_or(DeliveryState::Pending, |old| old.state);
            let after = receipt.state;
            assert!(
                is_edge(before, after, request),
                "{before} to {after} by {request:?}"
            );
            let begun = self.begun.entry(*delivery).or_default();
            *begun += change(before, after);
            assert!(
                (0..=1).contains(begun),
                "{delivery} may have been sent {begun} times"
            );
        }
        assert!(
            now.receipts.len() >= self.newest.receipts.len(),
            "a receipt is gone"
        );
        assert!(now.log.starts_with(&self.newest.log), "the log was changed");
        self.newest = now;
    }
}

/// How many more attempts than before may have been delivered.
fn change(before: DeliveryState, after: DeliveryState) -> i32 {
    use DeliveryState::{Attempting, Delivered, InDoubt};
    let may_have_left = |state| i32::from(matches!(state, Attempting | InDoubt | Delivered));
    may_have_left(after) - may_have_left(before)
}

/// The state diagram.
fn is_edge(before: DeliveryState, after: DeliveryState, request: &Request) -> bool {
    use DeliveryState::{
        Attempting, Bounced, Cancelled, Deferred, Delivered, Expired, Failed, InDoubt, Pending,
    };
    match (before, after) {
        (Pending | Deferred, Attempting) => matches!(request, Request::Begin { .. }),
        (Pending | Deferred, Deferred | Bounced | Expired | Failed)
        | (Attempting | InDoubt, Delivered | Deferred | Bounced | Pending | Expired | Failed)
        | (InDoubt, Cancelled) => matches!(request, Request::Record { .. }),
        (Attempting, InDoubt) => {
            matches!(request, Request::Record { .. } | Request::Reap { .. })
        }
        (Pending | Deferred, Cancelled) => matches!(
            request,
            Request::Sweep { .. }
                | Request::End { .. }
                | Request::Reap { .. }
                | Request::Claim { .. }
        ),
        _ => false,
    }
}
