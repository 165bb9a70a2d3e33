//! The figures of a run as names and values, for the text and for the page alike.
//!
//! Two reports that word a figure differently are two figures to whoever reads both.

use postrider_mock_smtp::control::wire::LimitVerdict;

use crate::figures;
use crate::run::{Bottleneck, Domain, DoorCaps, Percentiles, Run};

/// A name and its value as people read it.
pub(crate) type Pair = (&'static str, String);

/// Outcomes that are only worth a word when there are any.
pub(crate) fn rare_outcomes(run: &Run) -> Vec<String> {
    let people = &run.outcome;
    let others = people.others.iter();
    let others = others.map(|(state, count)| (state.name(), *count));
    let known = [
        ("deferred", people.deferred),
        ("accepted, but never planned", people.unexpected),
        ("possible duplicates", run.doubts.possible_duplicates),
    ];
    let all = known.into_iter().chain(others);
    let some = all.filter(|(_, count)| *count > 0);
    some.map(|(name, count)| format!("{name} {}", figures::count(count)))
        .collect()
}

/// What was asked for.
pub(crate) fn target(run: &Run) -> String {
    match (&run.options.limit, run.rate_allowed) {
        (Some(limit), _) => format!("{limit} a domain"),
        (None, Some(_)) => "all that is allowed".to_owned(),
        (None, None) => "as fast as it goes".to_owned(),
    }
}

/// What was allowed.
pub(crate) fn allowed(run: &Run) -> String {
    run.rate_allowed
        .map_or_else(|| "no limits".to_owned(), figures::rate)
}

/// How much of it was used.
pub(crate) fn utilisation(run: &Run) -> String {
    match (run.utilisation, run.rate_allowed) {
        (Some(share), _) => figures::share(share),
        (None, Some(_)) => figures::NOT_MEASURED.to_owned(),
        (None, None) => "–".to_owned(),
    }
}

/// The distributions of a run: name, figures, and what they mean.
pub(crate) fn distributions(run: &Run) -> [(&'static str, Option<Percentiles>, &'static str); 2] {
    let measured = |found: Option<Percentiles>| found.filter(|found| found.count > 0);
    [
        (
            "lateness",
            measured(run.lateness),
            "beyond the earliest allowed moment, without coordinated omission",
        ),
        (
            "transaction",
            measured(Some(run.transaction)),
            "from MAIL to the final dot, as the mock saw it",
        ),
    ]
}

/// What stands over [`percentiles`].
pub(crate) const PERCENTILES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "longest"];

/// The figures of a distribution.
pub(crate) fn percentiles(found: Percentiles) -> [String; 5] {
    let all = [
        found.p50_us,
        found.p90_us,
        found.p99_us,
        found.p999_us,
        found.max_us,
    ];
    all.map(|us| figures::time(us as f64))
}

/// What is said of a limit that did not hold.
pub(crate) const EXCEEDED: &str = "EXCEEDED";

/// What stands over [`domain_cells`].
pub(crate) const DOMAIN_HEADING: [&str; 9] = [
    "domain", "planned", "accepted", "refused", "deferred", "mails", "rate", "limit", "used",
];

/// Messages a second at a domain; none for one message, which has no rate.
pub(crate) fn domain_rate(domain: &Domain) -> Option<f64> {
    (domain.mails > 1).then_some(domain.rate)
}

/// One domain as a row.
pub(crate) fn domain_cells(domain: &Domain) -> [String; 9] {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), figures::rate);
    let used = domain
        .utilisation
        .map_or_else(|| "–".to_owned(), figures::share);
    [
        domain.name.clone(),
        figures::count(domain.planned),
        figures::count(domain.accepted),
        figures::count(domain.refused),
        figures::count(domain.deferred),
        figures::count(domain.mails),
        rate(domain_rate(domain)),
        rate(domain.rate_limit),
        used,
    ]
}

/// What stands over [`limit_cells`].
pub(crate) const LIMIT_HEADING: [&str; 7] = [
    "limit",
    "rate",
    "burst",
    "most in 1 s",
    "in 10 s",
    "in 60 s",
    "",
];

/// One limit as the mock judges it: of each window the fullest, and what it may hold.
pub(crate) fn limit_cells(limit: &LimitVerdict) -> [String; 7] {
    let window = |seconds| {
        let mut windows = limit.windows.iter();
        let found = windows.find(|window| window.seconds == seconds);
        figures::measured(found, |window| {
            let (most, bound) = (figures::count(window.most), figures::count(window.bound));
            format!("{most} of {bound}")
        })
    };
    [
        limit.name.clone(),
        limit.rate.clone(),
        limit.burst.to_string(),
        window(1),
        window(10),
        window(60),
        word(limit.is_exceeded).to_owned(),
    ]
}

/// What stands over [`door_cells`].
pub(crate) const DOOR_HEADING: [&str; 4] = ["door", "connections", "messages on one", ""];

/// One door as the mock judges it: the most that was seen under each cap.
pub(crate) fn door_cells(door: &DoorCaps) -> [String; 4] {
    let held = |most, cap: Option<u64>| {
        let of = cap.map_or_else(|| "any".to_owned(), figures::count);
        format!("{} of {of}", figures::count(most))
    };
    [
        door.provider.clone(),
        held(door.connections_most, door.connections_max),
        held(door.messages_most, door.messages_max),
        word(door.is_exceeded).to_owned(),
    ]
}

/// Whether what was allowed was kept.
const fn word(is_exceeded: bool) -> &'static str {
    if is_exceeded { EXCEEDED } else { "held" }
}

/// What a message and a recipient cost the service.
pub(crate) fn costs(run: &Run) -> Vec<Pair> {
    let number = |value| figures::measured(value, figures::number);
    let stored = match (run.bytes_per_recipient, run.options.store.as_str()) {
        (None, "memory") => "nothing on disk".to_owned(),
        (stored, _) => figures::measured(stored, figures::bytes),
    };
    vec![
        ("cpu per message", figures::time(run.cpu_us_per_message)),
        ("memory at most", figures::bytes(run.rss_bytes_max as f64)),
        ("commits per message", number(run.commits_per_message)),
        (
            "half of the commits within",
            figures::measured(run.commit_p50_us, figures::time),
        ),
        ("fsyncs per message", number(run.fsyncs_per_message)),
        ("stored per recipient", stored),
        ("intake", figures::rate(run.intake_rate)),
    ]
}

/// What passed on the wire.
pub(crate) fn wire(run: &Run) -> Vec<Pair> {
    let round_trips = figures::measured(run.round_trips_per_message, figures::number);
    vec![
        ("round trips per message", round_trips),
        ("connections", figures::count(run.connections)),
        ("at once", figures::count(run.connections_most)),
        (
            "messages on each",
            figures::measured(run.messages_per_connection, figures::number),
        ),
    ]
}

/// What the mock needed, and what it found.
pub(crate) fn mock(run: &Run) -> Vec<Pair> {
    let memory = figures::bytes(run.mock_rss_bytes_max as f64);
    vec![
        (
            "mock's cpu per message",
            figures::time(run.mock_cpu_us_per_message),
        ),
        ("mock's memory at most", memory),
        ("bodies compared", figures::count(run.bodies_checked)),
        ("corrupted", figures::count(run.bodies_corrupted)),
        ("faults", faults(run)),
    ]
}

fn faults(run: &Run) -> String {
    if run.faults.is_empty() {
        return "none".to_owned();
    }
    let faults = run.faults.iter();
    let faults = faults.map(|(kind, count)| format!("{kind} {}", figures::count(*count)));
    faults.collect::<Vec<_>>().join(", ")
}

/// What another client reached, in one phrase.
pub(crate) fn baseline(run: &Run) -> Option<String> {
    let baseline = run.baseline.as_ref()?;
    Some(format!(
        "{} {} and {:.0} µs CPU a message over {} messages; our rate is {} of it ({})",
        baseline.name,
        figures::rate(baseline.rate),
        baseline.cpu_us_per_message,
        figures::count(baseline.messages),
        figures::ratio(baseline.ratio),
        baseline.command
    ))
}

/// What the run was limited by, how busy the processors were, and what was done to the service,
/// which no judgement over processors and connections knows of.
pub(crate) fn bottleneck(run: &Run) -> String {
    let caveat = match run.bottleneck {
        Bottleneck::MockCpu => ", so this says little of the service",
        _ => "",
    };
    let disturbances = [(run.kills, "kill"), (run.pauses, "pause")];
    let disturbances = disturbances.into_iter().filter(|(count, _)| *count > 0);
    let disturbances = disturbances.map(|(count, noun)| figures::counted(count.into(), noun));
    let disturbed = match disturbances.collect::<Vec<_>>().join(" and ") {
        none if none.is_empty() => none,
        some => format!(", beside {some}"),
    };
    format!(
        "{}{caveat}{disturbed} (service {:.2} and mock {:.2} of {} processors)",
        run.bottleneck.words(),
        run.cpus_busy,
        run.mock_cpus_busy,
        run.machine.cores
    )
}
