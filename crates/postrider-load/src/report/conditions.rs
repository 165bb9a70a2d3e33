//! What a run was asked for, and where it was, as names and values.

use crate::figures;
use crate::report::phrases::Pair;
use crate::run::{Run, RunOptions};

/// Where, when and of what the run was.
pub(crate) fn machine(run: &Run) -> Vec<Pair> {
    let machine = &run.machine;
    vec![
        ("processors", format!("{} × {}", machine.cores, machine.cpu)),
        ("memory", figures::bytes(machine.memory_bytes as f64)),
        ("kernel", machine.kernel.clone()),
        ("version", run.commit.clone()),
        ("seed", run.seed.to_string()),
        ("began", run.started_at.clone()),
    ]
}

/// What was asked for.
pub(crate) fn options(options: &RunOptions) -> Vec<Pair> {
    let every = |seconds: Option<f64>| {
        seconds.map_or_else(
            || "never".to_owned(),
            |seconds| figures::time(seconds * 1e6),
        )
    };
    let in_doubt = match options.in_doubt_retry_after {
        Some(after) => format!("{} after {}", options.in_doubt, figures::time(after * 1e6)),
        None => options.in_doubt.to_string(),
    };
    let limit = options.limit.as_deref().unwrap_or("of the profile");
    vec![
        ("recipients", figures::count(options.recipients)),
        ("campaigns", options.campaigns.to_string()),
        ("domains", options.domains.clone()),
        ("body", figures::bytes(options.body_bytes as f64)),
        (
            "attachment",
            figures::bytes(options.attachment_bytes as f64),
        ),
        ("profile", options.profile.clone()),
        ("rtt", figures::time(options.rtt_ms * 1e3)),
        ("connections", options.connections.to_string()),
        ("limit", limit.to_owned()),
        ("store", options.store.clone()),
        ("workers", options.workers.to_string()),
        ("kill every", every(options.kill_every)),
        ("pause every", every(options.pause_every)),
        ("in doubt", in_doubt),
        ("time scale", figures::number(options.time_scale)),
        ("config", options.config_hash.clone()),
    ]
}
