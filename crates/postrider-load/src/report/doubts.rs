//! What became of those in doubt, and what was done to the service, as names and values.

use crate::figures;
use crate::report::phrases::Pair;
use crate::run::Run;

/// What became of those whose reply did not arrive, and how often it was seen that all add up.
pub(crate) fn doubts(run: &Run) -> Vec<Pair> {
    let doubts = &run.doubts;
    let balance = match run.balance.broken {
        0 => format!("held at {} looks", figures::count(run.balance.looks)),
        broken => {
            let (broken, looks) = (figures::count(broken), figures::count(run.balance.looks));
            format!("BROKEN at {broken} of {looks} looks")
        }
    };
    let read = match doubts.unread_max {
        0 => figures::count(doubts.unread),
        most => {
            let (unread, most) = (figures::count(doubts.unread), figures::count(most));
            format!("{unread} of at most {most}")
        }
    };
    let counts = [
        ("replies that did not arrive", doubts.replies_missing),
        ("in doubt of them", doubts.replies_missing_in_doubt),
        ("sent again", doubts.sent_again),
        ("possible duplicates", doubts.possible_duplicates),
        ("assumed delivered", doubts.assumed_delivered),
    ];
    let counts = counts.map(|(name, count)| (name, figures::count(count)));
    let last = [("in doubt by a kill", read), ("balance", balance)];
    counts.into_iter().chain(last).collect()
}

/// What was done to the service while it sent.
pub(crate) fn disturbances(run: &Run) -> Vec<Pair> {
    let mut pairs = vec![
        ("kills", run.kills.to_string()),
        ("pauses", run.pauses.to_string()),
    ];
    if let Some(deaths) = run.worker_deaths {
        pairs.push(("deaths of workers", figures::count(deaths)));
    }
    if let Some(longest) = run.start_us_max {
        pairs.push(("longest start", figures::time(longest as f64)));
    }
    if let Some(bytes) = run.worker_rss_bytes_max {
        pairs.push(("memory of a worker at most", figures::bytes(bytes as f64)));
    }
    pairs
}
