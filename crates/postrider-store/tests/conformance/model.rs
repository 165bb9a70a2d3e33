//! Random requests against memory and sqlite side by side: right and wrong ones, late ones, old
//! ones again, in commits of one to three, with the sqlite store reopened in between.
//!
//! Memory does them one by one and is the model: after each of them the ledger examines what
//! changed, and where everything is. sqlite does a whole commit at once, and must answer the same.
//! `POSTRIDER_CASES` asks for more runs than the suite makes.

use std::time::Duration;

use postrider_store::memory::State;
use postrider_store::request::CampaignChange;
use postrider_store::{Reply, Request, protocol};
use postrider_types::{CampaignId, InDoubtPolicy, Timestamp};
use proptest::prelude::*;

use crate::examine::Snapshot;
use crate::ledger::{Ledger, expect_places, expect_swept};
use crate::poison::{self, expect_email};
use crate::requests::{create_request_with, file_request};
use crate::steps::{CAMPAIGNS, Past, Step, step};
use crate::world::{DONE, Home, World};

/// Runs of the test, unless the environment asks for another number.
const CASES: u32 = 256;

/// Commits in each run, of one to three requests.
const COMMITS: usize = 50;

/// How old a doubt must be for its retry: short, so that it comes to it.
const RETRY_AFTER: Duration = Duration::from_secs(20);

/// One commit: what is asked in it, how many seconds pass before, and whether the process ends.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub seconds: u64,
    pub reopens: bool,
    pub steps: Vec<Step>,
}

pub(crate) fn commit(start: Timestamp) -> impl Strategy<Value = Commit> {
    let seconds = prop_oneof![12 => Just(0), 6 => 1..9_u64, 1 => 20..25_u64, 1 => 60..200_u64];
    let steps = proptest::collection::vec(step(start), 1..4);
    (seconds, proptest::bool::weighted(0.05), steps).prop_map(|(seconds, reopens, steps)| Commit {
        seconds,
        reopens,
        steps,
    })
}

/// Each world begins at this instant.
pub(crate) fn start() -> Timestamp {
    World::new(Home::memory()).now
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to test is for whoever runs it"
)]
fn cases() -> u32 {
    let asked = std::env::var("POSTRIDER_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
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

/// The model: a memory store, and the same rows once more where they can be looked into.
pub(crate) struct Model {
    pub world: World,
    rows: State,
    past: Past,
    pub ledger: Ledger,
}

impl Model {
    pub(crate) fn new() -> Self {
        let mut model = Self {
            world: World::empty(Home::memory()),
            rows: State::default(),
            past: Past::default(),
            ledger: Ledger::default(),
        };
        for request in opening() {
            model.ask(request);
        }
        model
    }

    /// The request of a step, unless there is nothing yet that it could be about.
    pub(crate) fn request(&mut self, step: &Step) -> Option<Request> {
        self.past.request(step, &self.world)
    }

    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        let is_repeated = self.past.requests.iter().any(|past| same(past, &request));
        let before = poison::known(&mut self.rows);
        let reply = self.world.ask_once(request.clone());
        let seen = protocol::apply(&mut self.rows, request.clone(), self.world.now).unwrap();
        assert_eq!(reply, seen, "{request:?}");
        let now = Snapshot::take(self.world.reader());
        self.ledger.enter(&request, &reply, now);
        self.ledger.newest.expect_balance(self.world.reader());
        expect_places(&mut self.rows, &self.ledger.newest, &request);
        let after = poison::known(&mut self.rows);
        let asked = (&request, &reply);
        expect_email(before.as_ref(), after.as_ref(), asked, &self.ledger.newest);
        let is_held = after.is_some_and(|known| known.since.is_some());
        if let Request::Sweep { campaign } = &request
            && reply == DONE
        {
            expect_swept(&mut self.rows, *campaign);
        }
        if let Reply::Claimed(claimed) = &reply {
            assert!(
                !is_held || is_repeated,
                "claimed although quarantined: {claimed:?}"
            );
            let is_newest = self.ledger.is_newest(claimed.token);
            assert!(
                is_newest || is_repeated,
                "a token was used again: {claimed:?}"
            );
        }
        reply
    }

    /// Remembers what was asked and answered, for steps to come.
    pub(crate) fn remember(&mut self, request: Request, reply: Reply) {
        if let Reply::Claimed(claimed) = reply {
            self.past.claims.push(*claimed);
        }
        self.past.requests.push(request);
    }
}

/// Whether two claims are the same claim.
fn same(past: &Request, request: &Request) -> bool {
    let id = |request: &Request| match request {
        Request::Claim { claim, worker, .. } => Some((*claim, *worker)),
        _ => None,
    };
    id(request).is_some() && id(past) == id(request)
}

/// What every run begins with: a running campaign for each policy.
fn opening() -> Vec<Request> {
    let mut requests = World::opening();
    for (n, policy) in (1..=CAMPAIGNS).zip(InDoubtPolicy::ALL) {
        let mut create = create_request_with(&n.to_string(), policy, None);
        if let Request::Create {
            in_doubt_retry_after,
            ..
        } = &mut create
        {
            *in_doubt_retry_after = RETRY_AFTER;
        }
        let campaign = CampaignId(n);
        let change = CampaignChange::Start;
        requests.extend([create, Request::Change { campaign, change }]);
        for lane in ["a.test", "b.test", "a.test"] {
            requests.push(file_request(campaign, lane, 3));
        }
    }
    requests
}

struct Twins {
    model: Model,
    sqlite: World,
}

impl Twins {
    fn new() -> Self {
        let mut sqlite = World::empty(Home::sqlite());
        sqlite.apply(opening());
        Self {
            model: Model::new(),
            sqlite,
        }
    }

    fn run(mut self, commits: &[Commit]) {
        for commit in commits {
            if commit.reopens {
                self.sqlite.reopen();
            }
            self.model.world.pass(Duration::from_secs(commit.seconds));
            self.sqlite.pass(Duration::from_secs(commit.seconds));
            self.commit(&commit.steps);
        }
        let mut model = self.model.world;
        assert_eq!(
            Snapshot::take(model.reader()),
            Snapshot::take(self.sqlite.reader())
        );
        let lanes = |world: &World| world.reader().lanes(99).unwrap();
        assert_eq!(lanes(&model), lanes(&self.sqlite));
        model.examine();
        self.sqlite.examine();
    }

    fn commit(&mut self, steps: &[Step]) {
        let mut batch = Vec::new();
        let mut expected = Vec::new();
        for step in steps {
            let Some(request) = self.model.request(step) else {
                continue;
            };
            expected.push(self.model.ask(request.clone()));
            batch.push(request);
        }
        if batch.is_empty() {
            return;
        }
        let replies = self.sqlite.apply(batch.clone());
        for ((request, reply), expect) in batch.into_iter().zip(replies).zip(&expected) {
            assert_eq!(reply, *expect, "{request:?}");
            self.model.remember(request, reply);
        }
    }
}
