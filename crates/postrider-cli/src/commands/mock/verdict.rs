//! `postrider mock verdict`: asks a mock that runs, or judges by the files that one has left.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use postrider_mock_smtp::control::wire::{
    CapVerdict, Expectation, LimitVerdict, Problem, Receipt, Verdict,
};
use postrider_mock_smtp::{Ledger, read_lines};

use crate::commands::mock::profile;
use crate::exit::{Exit, stop};
use crate::figures::count;
use crate::output::Output;

/// Where a mock is asked when nothing is said.
const CONTROL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2580);

/// How long a mock may take to answer.
const ANSWER_AFTER_MAX: Duration = Duration::from_secs(60);

/// What is judged.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The control port of a mock that runs, http://127.0.0.1:2580 when nothing is said
    #[arg(long, value_name = "URL", conflicts_with = "log")]
    control: Option<String>,
    /// The log of a mock, instead of one that runs
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// What was to arrive: lines like {"campaign": "…", "recipient": "…"}
    #[arg(long, value_name = "FILE", requires = "log")]
    expect: Option<PathBuf>,
    /// What the client says: lines like {"campaign": "…", "recipient": "…", "state": "delivered"}
    #[arg(long, value_name = "FILE", requires = "log")]
    receipts: Option<PathBuf>,
    /// The limits to judge by, when the log does not say itself which profile was served
    #[arg(long, value_name = "PROFILE", requires = "log")]
    profile: Option<String>,
}

impl Of {
    /// Says it; the exit code is that of the verdict.
    pub(super) async fn run(&self, output: Output) -> anyhow::Result<Exit> {
        let verdict = match &self.log {
            Some(log) => self.by_files(log)?,
            None => self.by_asking().await?,
        };
        if output.is_json() {
            output.json(&verdict)?;
        } else {
            output.line(text(&verdict))?;
        }
        Ok(if verdict.is_pass() {
            Exit::Done
        } else {
            Exit::Failed
        })
    }

    fn by_files(&self, log: &std::path::Path) -> anyhow::Result<Verdict> {
        let mut ledger = Ledger::default();
        if let Some(name) = &self.profile {
            ledger.serve(&profile(name)?);
        }
        ledger.read(log)?;
        if let Some(path) = &self.expect {
            read_lines(path, |line: Expectation| ledger.expect(&line))?;
        }
        if let Some(path) = &self.receipts {
            read_lines(path, |line: Receipt| ledger.hold(&line))?;
        }
        Ok(ledger.verdict())
    }

    async fn by_asking(&self) -> anyhow::Result<Verdict> {
        let control = self.control.clone();
        let control = control.unwrap_or_else(|| format!("http://{CONTROL}"));
        let control = control.trim_end_matches('/');
        let cannot = |error: reqwest::Error| {
            let error = error.without_url();
            let sentence = format!(
                "no mock answers at {control}: {:#}; `postrider mock serve --control` starts one",
                anyhow::Error::from(error)
            );
            stop(Exit::Unreachable, sentence)
        };
        let http = reqwest::Client::builder().timeout(ANSWER_AFTER_MAX);
        let http = http.no_proxy().build()?;
        let asked = http.get(format!("{control}/verdict")).send().await;
        let answer = asked.map_err(cannot)?;
        let is_answered = answer.status().is_success();
        let text = answer.bytes().await.map_err(cannot)?;
        if !is_answered {
            let problem: Problem = serde_json::from_slice(&text)
                .with_context(|| format!("what answers at {control} is no mock"))?;
            anyhow::bail!("the mock gives no verdict: {}", problem.error);
        }
        serde_json::from_slice(&text)
            .with_context(|| format!("what answers at {control} is no mock"))
    }
}

/// A verdict for people: five lines, the reasons, and the ruling.
fn text(verdict: &Verdict) -> String {
    let mut lines = vec![messages(verdict)];
    lines.extend(labelled("limits", verdict.limits.iter().map(limit)));
    lines.extend(labelled("at once", verdict.connections.iter().map(capped)));
    let messages = verdict.messages_per_connection.iter().map(capped);
    lines.extend(labelled("per conn", messages));
    lines.extend(labelled("bodies", std::iter::once(bodies(verdict))));
    lines.extend(labelled("protocol", std::iter::once(protocol(verdict))));
    lines.extend(labelled("because", verdict.reasons.iter().cloned()));
    lines.push(match verdict.reasons.len() {
        0 => "VERDICT  PASS".to_owned(),
        reasons => format!("VERDICT  FAIL ({reasons})"),
    });
    lines.join("\n")
}

fn messages(verdict: &Verdict) -> String {
    let doubt = &verdict.in_doubt;
    format!(
        "messages {} expected · {} received · {} duplicates · {} lost · {} unexpected · \
         {} false receipts · client holds {} in doubt ({} did arrive, {} did not)",
        count(verdict.expected),
        count(verdict.accepted),
        count(verdict.duplicates.max(verdict.duplicates_by_campaign)),
        count(verdict.lost),
        count(verdict.unexpected),
        count(verdict.false_receipts),
        count(doubt.held),
        count(doubt.arrived),
        count(doubt.not_arrived),
    )
}

/// The most that a provider saw, and its cap.
fn capped(it: &CapVerdict) -> String {
    let cap = it.cap.map(|cap| format!(" of {}", count(cap)));
    format!(
        "{} {}{}",
        it.provider,
        count(it.most),
        cap.unwrap_or_default()
    )
}

fn limit(limit: &LimitVerdict) -> String {
    let windows = limit.windows.iter();
    let windows = windows.map(|it| {
        let (most, bound) = (count(it.most), count(it.bound));
        format!("{} s {most} of {bound}", it.seconds)
    });
    let windows = windows.collect::<Vec<_>>().join(", ");
    let end = if limit.is_exceeded {
        "EXCEEDED"
    } else {
        "never exceeded"
    };
    format!(
        "{} {}+{}: worst {windows}   {end}",
        limit.name, limit.rate, limit.burst
    )
}

fn bodies(verdict: &Verdict) -> String {
    let bodies = verdict.bodies;
    let right = count(bodies.checked - bodies.corrupted);
    format!(
        "content hash right {right} · wrong {}",
        count(bodies.corrupted)
    )
}

fn protocol(verdict: &Verdict) -> String {
    let faults = verdict.faults.iter();
    let faults = faults.map(|(kind, seen)| format!("{} {}", count(*seen), kind.replace('_', " ")));
    let faults = faults.collect::<Vec<_>>().join(" · ");
    if faults.is_empty() {
        "no faults".to_owned()
    } else {
        faults
    }
}

/// Each under the other, the label only at the first.
fn labelled(label: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    let pairs = labels.zip(lines);
    pairs
        .map(|(label, line)| format!("{label:<8} {line}"))
        .collect()
}
