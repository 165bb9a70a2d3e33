//! `postrider workers`: who sends, and how far each is.

use std::fmt::Write as _;

use clap::Args;
use postrider_api::Worker;

use crate::call::Call;
use crate::door::Purpose;
use crate::exit::Exit;

const EXAMPLE: &str = "\
Example:
  postrider workers -o json

A worker that holds chunks and has made no progress for long waits for a receiver, or is stuck.";

/// Nothing is asked beside the global options.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {}

/// Does it.
pub(crate) async fn run(_: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    let found = call.at_the_door(Purpose::Look, async |client| Ok(client.workers().await?));
    let workers = found.await?;
    if call.output.is_json() {
        call.output.json(&workers)?;
    } else if workers.data.is_empty() {
        call.output
            .note("the service itself sends; serve --workers N starts processes for it");
    } else {
        call.output.line(table(&workers.data))?;
        for worker in &workers.data {
            if let Some(end) = &worker.last_end {
                let number = worker.number;
                call.output
                    .note(format_args!("the last life of worker {number}: {end}"));
            }
        }
    }
    Ok(Exit::Done)
}

fn table(workers: &[Worker]) -> String {
    let mut table = String::from(
        "WORKER  PID      RESTARTS  PROGRESS  MEMORY    CONNECTIONS  IN FLIGHT  CHUNKS",
    );
    for worker in workers {
        let pid = worker
            .pid
            .map_or_else(|| "down".to_owned(), |pid| pid.to_string());
        let age = worker.last_progress_age_seconds;
        let age = age.map_or_else(|| "never".to_owned(), |age| format!("{age} s"));
        let memory = format!("{} MB", worker.resident_bytes / 1_000_000);
        let line = write!(
            table,
            "\n{:<6}  {pid:<7}  {:<8}  {age:<8}  {memory:<8}  {:<11}  {:<9}  {}",
            worker.number,
            worker.restarts,
            worker.connections,
            worker.messages_in_flight,
            worker.chunks_held,
        );
        line.expect("a String takes whatever is written");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_a_line_and_one_that_is_down_says_so() {
        let worker = |number, pid| Worker {
            number,
            pid,
            started_at: None,
            restarts: 3,
            last_progress_at: None,
            last_progress_age_seconds: pid.map(|_| 12),
            last_answer_age_seconds: Some(1),
            last_end: None,
            resident_bytes: 25_000_000,
            connections: 5,
            messages_in_flight: 4,
            chunks_held: 2,
        };
        let table = table(&[worker(0, Some(4711)), worker(1, None)]);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].starts_with("0       4711     3         12 s      25 MB"),
            "{table}"
        );
        assert!(lines[2].starts_with("1       down "), "{table}");
        assert!(lines[2].contains("never"), "{table}");
    }
}
