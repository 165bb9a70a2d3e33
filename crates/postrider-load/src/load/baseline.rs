//! Postfix's `smtp-source` against the same kind of mock: what this machine can send without
//! keeping anything, as a measure for our own rate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;
use tokio::time::Instant;

use crate::bounds::BASELINE_MESSAGES_MAX;
use crate::load::mock::{Mock, MockSettings};
use crate::plan::limits::as_f64;
use crate::run::Baseline;

/// Where Debian keeps it, beside the folders where everybody looks.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// What the baseline sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Messages.
    pub(crate) messages: u64,
    /// Bytes of each body.
    pub(crate) body_bytes: u64,
    /// Connections at once.
    pub(crate) connections: u32,
}

/// Sends so many messages to a fresh mock; `ours` is the rate to compare with.
///
/// # Errors
/// When there is no `smtp-source`, it fails, or it takes longer than `within`.
pub(crate) async fn smtp_source(
    mock: &MockSettings<'_>,
    work: Work,
    ours: f64,
    within: Duration,
) -> anyhow::Result<Baseline> {
    let program = find().context(
        "--baseline smtp-source needs Postfix's smtp-source (Debian: apt install postfix)",
    )?;
    let mock = Mock::start(mock).await?;
    let messages = work.messages.min(BASELINE_MESSAGES_MAX);
    let arguments = format!(
        "-d -s {} -m {messages} -l {} -f news@load.test -t u@sink.test {}",
        work.connections,
        work.body_bytes,
        mock.smtp()
    );
    let mut command = Command::new(&program);
    command
        .args(arguments.split(' '))
        .env_clear()
        .kill_on_drop(true);
    let began = Instant::now();
    let output = tokio::time::timeout(within, command.output()).await;
    let took = began.elapsed();
    let output = output.with_context(|| format!("smtp-source took longer than {within:?}"))??;
    let accepted = mock.progress().await?.accepted;
    mock.stop().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success() && accepted >= messages,
        "smtp-source sent {accepted} of {messages}: {}",
        said.trim()
    );
    let rate = as_f64(messages) / took.as_secs_f64();
    Ok(Baseline {
        name: "smtp-source".to_owned(),
        command: format!("smtp-source {arguments}"),
        messages,
        seconds: took.as_secs_f64(),
        rate,
        ratio: if rate > 0.0 { ours / rate } else { 0.0 },
    })
}

/// Whether the program is there; asked before a run that would need it after minutes.
pub(crate) fn find() -> Option<PathBuf> {
    let places = PLACES
        .iter()
        .map(|place| Path::new(place).join("smtp-source"));
    places.into_iter().find(|path| path.is_file())
}
