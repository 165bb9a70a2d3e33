//! A complete run with everything measured: what keys `run.json` can have, and what tests render.
//!
//! **Invariant: nothing in it is null and no list is empty**, so that every key that a run may
//! have is found here ([`keys`](crate::assertion)), also those that most runs leave null.

use std::collections::BTreeMap;

use postrider_mock_smtp::control::wire::{LimitVerdict, WindowVerdict};
use postrider_types::{DeliveryState, InDoubtPolicy};

use crate::outcome::{Balance, Doubts, InDoubt, Outcome};
use crate::run::{
    Baseline, Bottleneck, Domain, DomainSeries, DoorCaps, Machine, MemoryPoint, Percentiles,
    Quantile, Run, RunOptions, Series, Verdict,
};

/// Six seconds at two domains, one with a limit and one without, with a kill and a pause.
pub(crate) fn run() -> Run {
    Run {
        verdict: Verdict::Pass,
        reasons: vec!["nothing".to_owned()],
        outcome: outcome(),
        doubts: doubts(),
        balance: Balance {
            looks: 70,
            broken: 0,
        },
        seconds: 6.0,
        rate_achieved: 150.0,
        rate_allowed: Some(152.0),
        utilisation: Some(0.986),
        round_trips_per_message: Some(1.25),
        rss_bytes_max: 96 << 20,
        worker_rss_bytes_max: Some(30 << 20),
        cpu_us_per_message: 41.2,
        kills: 1,
        pauses: 1,
        worker_deaths: Some(2),
        start_us_max: Some(180_000),
        bottleneck: Bottleneck::Limits,
        intake_rate: 250_000.0,
        lateness: Some(percentiles(1_000)),
        transaction: percentiles(62_000),
        commits_per_message: Some(0.031),
        commit_p50_us: Some(240.0),
        fsyncs_per_message: Some(0.012),
        bytes_per_recipient: Some(212.0),
        connections: 12,
        connections_most: 8,
        messages_per_connection: Some(74.7),
        mock_cpu_us_per_message: 12.0,
        mock_rss_bytes_max: 40 << 20,
        cpus_busy: 0.12,
        mock_cpus_busy: 0.05,
        baseline: Some(baseline()),
        domains: vec![
            domain("limited.test", Some(50.0)),
            domain("free.test", None),
        ],
        domains_left_out: 3,
        in_doubt_listed: vec![InDoubt {
            campaign: "cmp_1".to_owned(),
            recipient: "user7@free.test".to_owned(),
            has_arrived: true,
        }],
        limits: vec![limit()],
        doors: vec![door()],
        faults: BTreeMap::from([("no_quit".to_owned(), 2)]),
        bodies_checked: 897,
        bodies_corrupted: 0,
        machine: Machine {
            cores: 2,
            kernel: "Linux 6.1".to_owned(),
            cpu: "a processor".to_owned(),
            memory_bytes: 4 << 30,
        },
        commit: "v0.1.0".to_owned(),
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        seed: 7,
        options: options(),
        series: series(),
    }
}

fn outcome() -> Outcome {
    Outcome {
        planned: 900,
        delivered: 890,
        bounced: 6,
        deferred: 1,
        in_doubt: 2,
        in_doubt_arrived: 1,
        others: BTreeMap::from([(DeliveryState::Expired, 1)]),
        duplicates: 0,
        lost: 0,
        false_receipts: 0,
        unexpected: 0,
    }
}

fn doubts() -> Doubts {
    Doubts {
        replies_missing: 1,
        replies_missing_in_doubt: 1,
        sent_again: 0,
        possible_duplicates: 0,
        assumed_delivered: 0,
        unread: 1,
        unread_max: 20,
    }
}

fn percentiles(half_us: u64) -> Percentiles {
    Percentiles {
        count: 900,
        p50_us: half_us,
        p90_us: half_us * 3,
        p99_us: half_us * 10,
        p999_us: half_us * 40,
        max_us: half_us * 120,
    }
}

fn baseline() -> Baseline {
    Baseline {
        name: "smtp-source".to_owned(),
        command: "smtp-source -d -s 10 -m 900".to_owned(),
        messages: 900,
        seconds: 5.0,
        rate: 180.0,
        cpu_us_per_message: 30.0,
        ratio: 0.833,
    }
}

fn domain(name: &str, rate_limit: Option<f64>) -> Domain {
    Domain {
        name: name.to_owned(),
        planned: 450,
        accepted: 447,
        mails: 451,
        refused: 3,
        deferred: 1,
        rate: 49.5,
        rate_limit,
        utilisation: Some(0.99),
        first_at: Some(0.0),
        last_at: Some(6.0),
    }
}

fn limit() -> LimitVerdict {
    let window = |seconds, most, bound| WindowVerdict {
        seconds,
        most,
        bound,
    };
    LimitVerdict {
        name: "limited.test".to_owned(),
        rate: "50/s".to_owned(),
        burst: 10,
        jitter_us: 400,
        windows: vec![
            window(1, 51, 60),
            window(10, 501, 510),
            window(60, 451, 3_010),
        ],
        is_exceeded: false,
    }
}

fn door() -> DoorCaps {
    DoorCaps {
        provider: "big".to_owned(),
        connections_most: 5,
        connections_max: Some(5),
        messages_most: 48,
        messages_max: Some(50),
        is_exceeded: false,
    }
}

fn options() -> RunOptions {
    RunOptions {
        recipients: 900,
        campaigns: 1,
        domains: "zipf(2)".to_owned(),
        body_bytes: 2_048,
        attachment_bytes: 0,
        profile: "providers-like".to_owned(),
        rtt_ms: 50.0,
        connections: 20,
        limit: Some("50/s".to_owned()),
        store: "sqlite".to_owned(),
        workers: 0,
        kill_every: Some(3.0),
        pause_every: Some(4.0),
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Some(50.0),
        time_scale: 1.0,
        config_hash: "0123456789abcdef".to_owned(),
    }
}

fn series() -> Series {
    let accepted = |name: &str, rate_limit, accepted: &[u64]| DomainSeries {
        name: name.to_owned(),
        rate_limit,
        accepted: accepted.to_vec(),
    };
    let memory = (-1..=6).map(|second| MemoryPoint {
        second: f64::from(second),
        service_bytes: if second == 3 { 0 } else { 90 << 20 },
        mock_bytes: 40 << 20,
    });
    let lateness = [
        (0.0, 0),
        (0.5, 1_000),
        (0.9, 3_000),
        (0.99, 10_000),
        (1.0, 120_000),
    ];
    Series {
        domains: vec![
            accepted("limited.test", Some(50.0), &[50, 49, 50, 12, 50, 49]),
            accepted("free.test", None, &[220, 180, 47]),
        ],
        memory: memory.collect(),
        kills: vec![3.0],
        pauses: vec![4.0],
        starts: vec![3.2],
        deaths: vec![5.0],
        lateness: lateness
            .map(|(quantile, us)| Quantile { quantile, us })
            .to_vec(),
    }
}
