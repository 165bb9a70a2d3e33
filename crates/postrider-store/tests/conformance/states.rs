//! The table of edges in `docs/states.md` against what the rules do.
//!
//! Runs by chance, from a fixed seed, walk over the model until they have seen every edge of the
//! table, but for a few that chance finds late and a script finds at once. An edge that is not in
//! the table fails at once.

use std::collections::BTreeSet;
use std::time::Duration;

use postrider_store::quarantine::Subject;
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Claimed, Reply, Request};
use postrider_types::{DeliveryState, Outcome};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::ledger::Edge;
use crate::model::{Commit, Model, commit, start};
use crate::requests::{begin_request, end_request, record_request, resolve_request};

/// Runs after which an edge that was not seen counts as one that cannot be walked.
const RUNS_MAX: usize = 2_000;

/// Commits of one run.
const COMMITS: usize = 60;

/// Every (from, verb, to) in the table of deliveries.
///
/// A row is `| from | verb | to | condition |`; from and to may name several states, and each of
/// them goes with each.
fn table() -> BTreeSet<(String, String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/states.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let mut edges = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(quoted).collect();
        let [_, from, verbs, to, ..] = cells.as_slice() else {
            panic!("a row without four cells: {row}");
        };
        let is_of_deliveries = from
            .iter()
            .all(|name| name.parse::<DeliveryState>().is_ok());
        if !is_of_deliveries || to.is_empty() {
            continue;
        }
        for (from, verb, to) in product(from, verbs, to) {
            edges.insert((from, verb, to));
        }
    }
    assert!(
        edges.len() > 20,
        "the table of docs/states.md was not found"
    );
    edges
}

/// The words of a cell that stand in backticks.
fn quoted(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

fn product(
    from: &[String],
    verbs: &[String],
    to: &[String],
) -> impl Iterator<Item = (String, String, String)> {
    let mut all = Vec::new();
    for from in from {
        for verb in verbs {
            all.extend(to.iter().map(|to| (from.clone(), verb.clone(), to.clone())));
        }
    }
    all.into_iter()
}

fn written((from, verb, to): &Edge) -> (String, String, String) {
    (from.to_string(), (*verb).to_owned(), to.to_string())
}

#[test]
fn the_table_of_states_is_what_the_rules_do() {
    let table = table();
    let mut seen: BTreeSet<_> = what_chance_rarely_does().iter().map(written).collect();
    let mut runner = TestRunner::deterministic();
    let commits = proptest::collection::vec(commit(start()), COMMITS);
    for _ in 0..RUNS_MAX {
        let run = commits.new_tree(&mut runner).unwrap().current();
        seen.extend(walk(&run).iter().map(written));
        let unknown: Vec<_> = seen.difference(&table).collect();
        assert!(unknown.is_empty(), "not in docs/states.md: {unknown:?}");
        if seen == table {
            return;
        }
    }
    let never: Vec<_> = table.difference(&seen).collect();
    panic!("in docs/states.md, and never walked: {never:?}");
}

/// A doubt that was sent again, ended otherwise, and turns out late to have been delivered.
fn what_chance_rarely_does() -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for ends in [Some(Outcome::Expired), Some(Outcome::Failed), None] {
        let mut model = Model::new();
        let held = claim(&mut model);
        model.ask(begin_request(&held, 0, 1));
        model.ask(record_request(&held, 0, 1, Outcome::InDoubt));
        model.ask(end_request(held.token, Vec::new()));
        model.world.pass(Duration::from_secs(60));
        let select = Selection::of(&[DeliveryState::InDoubt]);
        model.ask(resolve_request(held.campaign, select, Resolution::Retry));
        let again = loop {
            let claimed = claim(&mut model);
            if claimed.recipients[0].attempts == 1 {
                break claimed;
            }
        };
        model.ask(match ends {
            Some(outcome) => record_request(&again, 0, 1, outcome),
            None => Request::Quarantine {
                token: again.token,
                what: Subject::Chunk,
                reason: "too large for this worker".to_owned(),
            },
        });
        model.ask(record_request(&held, 0, 1, Outcome::Delivered));
        edges.extend(model.ledger.edges);
    }
    edges
}

fn claim(model: &mut Model) -> Claimed {
    let request = model.world.claim_request(&[]);
    match model.ask(request) {
        Reply::Claimed(claimed) => *claimed,
        reply => panic!("nothing to claim: {reply:?}"),
    }
}

fn walk(run: &[Commit]) -> BTreeSet<Edge> {
    let mut model = Model::new();
    for commit in run {
        model.world.pass(Duration::from_secs(commit.seconds));
        for step in &commit.steps {
            if let Some(request) = model.request(step) {
                let reply = model.ask(request.clone());
                model.remember(request, reply);
            }
        }
    }
    model.ledger.edges
}
