//! What a decision of the limiter costs, with as many quotas as apply to a send.
//!
//! An admitted decision takes a cell from each quota; a refused one only says until when. Either
//! is made once for each message, on the core's thread, so it must stay far below a microsecond.

use std::time::Duration;

use divan::{Bencher, black_box};
use postrider_benches::START;
use postrider_limiter::{Cell, Decision, decide};
use postrider_types::Rate;

fn main() {
    divan::main();
}

/// Everybody says yes: time goes on by a second for each send, and a second refills each cell.
#[divan::bench(args = [1, 2, 5])]
fn admit(bencher: Bencher<'_, '_>, quotas: usize) {
    let rate: Rate = "50/s".parse().expect("a rate");
    let (mut cells, mut now) = (vec![Cell::default(); quotas], START);
    bencher.bench_local(|| {
        now = now.plus(Duration::from_secs(1));
        let mut asked: Vec<_> = cells.iter_mut().map(|cell| (rate, cell)).collect();
        let decision = decide(black_box(&mut asked), now);
        assert_eq!(decision, Decision::Admit);
        decision
    });
}

/// The last of all quotas says no, so nothing is taken from any.
#[divan::bench(args = [1, 2, 5])]
fn refuse(bencher: Bencher<'_, '_>, quotas: usize) {
    let (fast, slow): (Rate, Rate) = (
        "1000/s".parse().expect("a rate"),
        "1/h".parse().expect("a rate"),
    );
    let mut cells = vec![Cell::default(); quotas];
    let last = cells.last_mut().expect("at least one quota");
    decide(&mut [(slow, last)], START);
    bencher.bench_local(|| {
        let mut asked: Vec<_> = cells.iter_mut().map(|cell| (fast, cell)).collect();
        asked.last_mut().expect("at least one quota").0 = slow;
        let decision = decide(black_box(&mut asked), START);
        assert!(matches!(decision, Decision::NotUntil(_)));
        decision
    });
}
