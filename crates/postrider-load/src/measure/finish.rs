//! From what happened to a [`Run`]: the mock's log is read, and every figure is written down.

mod figures;

use std::path::Path;

use anyhow::Context;
use postrider_mock_smtp::control::wire;

use crate::bounds::IN_DOUBT_MAX;
use crate::load::Finished;
use crate::load::clock::{self, seconds};
use crate::load::drive::Intake;
use crate::load::proc::Usage;
use crate::load::sampler::Sample;
use crate::load::service::Events;
use crate::measure::bottleneck;
use crate::measure::doors;
use crate::measure::exceeded;
use crate::measure::machine;
use crate::measure::records::Records;
use crate::measure::times::Times;
use crate::measure::{self, Measured};
use crate::outcome::{Balance, Doubts, InDoubt, Outcome};
use crate::plan::Plan;
use crate::plan::limits::as_f64;
use crate::plan::options::StoreKind;
use crate::run::{MemoryPoint, Run, Series, Verdict};
use figures::{Figures, share};

/// What happened.
pub(crate) struct Facts<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) outcome: Outcome,
    pub(crate) verdict: wire::Verdict,
    /// Why it fails; empty when it passes.
    pub(crate) reasons: Vec<String>,
    pub(crate) intake: Intake,
    /// How long sending took.
    pub(crate) seconds: f64,
    /// What service and mock used while sending.
    pub(crate) sending: (Usage, Usage),
    /// Processors of the machine that anybody kept busy while sending.
    pub(crate) machine_cpus: f64,
    /// What service and mock used in all.
    pub(crate) whole: (Usage, Usage),
    /// Commits of the store until sending was over.
    pub(crate) commits: Option<u64>,
    /// Median of its commits while sending, microseconds.
    pub(crate) commit_p50_us: Option<f64>,
    pub(crate) doubts: Doubts,
    pub(crate) balance: Balance,
    pub(crate) worker_deaths: Option<u64>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) events: Events,
    pub(crate) config_hash: String,
    pub(crate) started_at_us: i64,
}

/// Works out the run, after both processes have ended.
pub(crate) async fn finish(
    mut facts: Facts<'_>,
    log: &Path,
    home: &Path,
    executable: &Path,
) -> anyhow::Result<Finished> {
    let plan = facts.plan;
    let path = log.to_owned();
    let records = tokio::task::spawn_blocking(move || Records::read(&path)).await?;
    let records = records.context("the mock's log cannot be read")?;
    let measured = measure::measure(&records, &plan.planned, &plan.limits);
    if plan.options.limit.is_some() {
        facts
            .reasons
            .extend(exceeded::sentences(&records, &plan.limits));
    }
    let stored_bytes = match plan.options.store {
        StoreKind::Sqlite => Some(bytes_in(home)?),
        StoreKind::Memory => None,
    };
    let commit = machine::commit(executable).await;
    let message_bytes = records.bytes / records.accepted.max(1);
    let lateness = measured.lateness.clone();
    let run = run(facts, &records, measured, stored_bytes, commit);
    Ok(Finished {
        run,
        lateness,
        message_bytes,
    })
}

fn run(
    facts: Facts<'_>,
    records: &Records,
    measured: Measured,
    stored_bytes: Option<u64>,
    commit: String,
) -> Run {
    let plan = facts.plan;
    let figures = Figures::of(&facts, records);
    let machine = machine::here();
    let planned = as_f64(facts.outcome.planned);
    let is_durable = plan.options.store == StoreKind::Sqlite;
    let doors = doors::of(&facts.verdict);
    let in_doubt = facts.verdict.in_doubt.listed.into_iter().take(IN_DOUBT_MAX);
    let events = &facts.events;
    Run {
        verdict: if facts.reasons.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Fail
        },
        bottleneck: bottleneck::of(&figures.load(plan, measured.utilisation, machine.cores)),
        reasons: facts.reasons,
        outcome: facts.outcome,
        doubts: facts.doubts,
        balance: facts.balance,
        seconds: facts.seconds,
        rate_achieved: figures.rate,
        rate_allowed: plan.limits.rate_allowed(&plan.planned),
        utilisation: measured.utilisation,
        round_trips_per_message: figures.round_trips,
        rss_bytes_max: facts.whole.0.rss_bytes_max,
        worker_rss_bytes_max: worker_bytes_max(&facts.samples, plan.options.workers),
        cpu_us_per_message: as_f64(facts.sending.0.cpu_us) / figures.accepted,
        kills: count(events.kills_us.len()),
        pauses: count(events.pauses_us.len()),
        worker_deaths: facts.worker_deaths,
        start_us_max: (events.longest_start_us > 0).then_some(events.longest_start_us),
        intake_rate: figures.intake_rate,
        lateness: measured.lateness.as_ref().map(Times::percentiles),
        transaction: records.transactions.percentiles(),
        commits_per_message: figures.commits,
        commit_p50_us: facts.commit_p50_us,
        // In WAL mode with synchronous=FULL each commit is one fsync of the log.
        fsyncs_per_message: figures.commits.filter(|_| is_durable),
        bytes_per_recipient: stored_bytes.and_then(|bytes| share(as_f64(bytes), planned)),
        connections: records.connections,
        connections_most: records.connections_most,
        messages_per_connection: share(as_f64(records.messages), as_f64(records.closed)),
        mock_cpu_us_per_message: as_f64(facts.sending.1.cpu_us) / figures.accepted,
        mock_rss_bytes_max: facts.whole.1.rss_bytes_max,
        cpus_busy: figures.service_cpus,
        mock_cpus_busy: figures.mock_cpus,
        baseline: None,
        domains_left_out: measured.domains_left_out,
        in_doubt_listed: in_doubt.map(InDoubt::from).collect(),
        limits: facts.verdict.limits,
        doors,
        faults: facts.verdict.faults,
        bodies_checked: facts.verdict.bodies.checked,
        bodies_corrupted: facts.verdict.bodies.corrupted,
        machine,
        commit,
        started_at: clock::shown(facts.started_at_us),
        seed: plan.options.seed,
        options: plan.shown(facts.config_hash),
        series: Series {
            domains: measured.series,
            ..series(
                &facts.samples,
                events,
                measured.lateness.as_ref(),
                figures.start_us,
            )
        },
        domains: measured.domains,
    }
}

/// What was measured over time, but for the domains.
fn series(samples: &[Sample], events: &Events, lateness: Option<&Times>, start_us: i64) -> Series {
    Series {
        domains: Vec::new(),
        memory: memory(samples, start_us),
        kills: at(&events.kills_us, start_us),
        pauses: at(&events.pauses_us, start_us),
        starts: at(&events.starts_us, start_us),
        deaths: at(&events.deaths_us, start_us),
        lateness: lateness.map_or_else(Vec::new, Times::quantiles),
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn at(moments_us: &[i64], start_us: i64) -> Vec<f64> {
    let moments = moments_us.iter();
    moments.map(|moment| seconds(start_us, *moment)).collect()
}

/// The most that any worker was seen to have; none without workers.
fn worker_bytes_max(samples: &[Sample], workers: u32) -> Option<u64> {
    let largest = samples.iter().map(|sample| sample.worker_bytes);
    largest.max().filter(|_| workers > 0)
}

fn memory(samples: &[Sample], start_us: i64) -> Vec<MemoryPoint> {
    let points = samples.iter().map(|sample| MemoryPoint {
        second: seconds(start_us, sample.at_us),
        service_bytes: sample.service_bytes,
        mock_bytes: sample.mock_bytes,
    });
    points.collect()
}

/// Bytes of the files in a folder and those below it.
fn bytes_in(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).context("the data directory cannot be read")? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            bytes_in(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_folder_are_those_of_all_files_below() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("a"), [0; 10]).unwrap();
        std::fs::write(folder.path().join("below/b"), [0; 5]).unwrap();
        assert_eq!(bytes_in(folder.path()).unwrap(), 15);
    }
}
