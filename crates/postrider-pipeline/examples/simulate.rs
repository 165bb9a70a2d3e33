//! Runs schedules of the simulator, any number of them, and prints what happened.
//!
//! `cargo run --release -p postrider-pipeline --features simulation --example simulate --
//! --seeds 10000`; one seed with its log: `--seed 17 --log`; with a check left out:
//! `--mutation rearm-at-lease-end`.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context, bail};
use postrider_pipeline::simulation::{Counts, Options, Schedule, Simulator};
use tokio::time::Instant;

/// Failing seeds that are shown; the others are counted.
const SHOWN_MAX: usize = 20;

/// What is asked for.
#[derive(Debug)]
struct Asked {
    from: u64,
    seeds: u64,
    options: Options,
}

fn main() -> anyhow::Result<()> {
    let asked = parse(std::env::args().skip(1))?;
    let simulator = Simulator::new(asked.options);
    let begun = Instant::now();
    let (counts, mut failed) = run_all(&simulator, &asked);
    failed.sort_by_key(|schedule| schedule.seed);
    print_all(&counts, &failed, begun.elapsed());
    if !failed.is_empty() {
        bail!("{} of {} schedules broke a rule", failed.len(), asked.seeds);
    }
    Ok(())
}

/// Runs every seed; with the counts come those that broke a rule.
fn run_all(simulator: &Simulator, asked: &Asked) -> (Counts, Vec<Schedule>) {
    let mut failed = Vec::new();
    let seeds = asked.from..asked.from.saturating_add(asked.seeds);
    let counts = simulator.run_all(seeds, |schedule| {
        if asked.options.is_logged {
            print_log(&schedule);
        }
        if schedule.violation.is_some() {
            failed.push(schedule);
        }
        ControlFlow::Continue(())
    });
    (counts, failed)
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn print_log(schedule: &Schedule) {
    for line in &schedule.lines {
        println!("{line}");
    }
    println!("seed {}: hash {:016x}", schedule.seed, schedule.hash);
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn print_all(counts: &Counts, failed: &[Schedule], took: Duration) {
    print!("{counts}");
    println!("{:>14}  violations", failed.len());
    println!("{:>14.1}  seconds", took.as_secs_f64());
    for schedule in failed.iter().take(SHOWN_MAX) {
        let what = schedule.violation.as_deref().unwrap_or_default();
        println!("seed {}: {what}", schedule.seed);
        println!("  again with its log: --seed {} --log", schedule.seed);
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Asked> {
    let mut asked = Asked {
        from: 0,
        seeds: 300,
        options: Options::default(),
    };
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("{word} needs a value"))
        };
        match word.as_str() {
            "--seeds" => asked.seeds = value()?.parse().context("--seeds is a number")?,
            "--from" => asked.from = value()?.parse().context("--from is a number")?,
            "--seed" => {
                asked.from = value()?.parse().context("--seed is a number")?;
                asked.seeds = 1;
            }
            "--log" => asked.options.is_logged = true,
            "--mutation" => asked.options.mutation = Some(value()?.parse()?),
            other => bail!(
                "{other} is not known; there are --seeds N, --from N, --seed S, --log and \
                 --mutation NAME"
            ),
        }
    }
    Ok(asked)
}
