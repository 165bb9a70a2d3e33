//! Postfix's `smtp-source`: what this machine can send without keeping anything.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;

use super::Work;
use crate::bounds::BASELINE_MESSAGES_MAX;
use crate::plan::options::OptionsError;

/// Where Debian keeps it, beside the folders where everybody looks.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// What is said when it is nowhere.
const MISSING: &str =
    "--baseline smtp-source needs Postfix's smtp-source (Debian: apt install postfix)";

/// Runs it; says the command and how many messages it was told to send.
pub(super) async fn send(
    mock: SocketAddr,
    work: Work,
    within: Duration,
) -> anyhow::Result<(String, u64)> {
    let messages = work.messages.min(BASELINE_MESSAGES_MAX);
    let arguments = format!(
        "-d -s {} -m {messages} -l {} -f news@load.test -t u@sink.test {mock}",
        work.connections, work.body_bytes,
    );
    let mut command = Command::new(find()?);
    command
        .args(arguments.split(' '))
        .env_clear()
        .kill_on_drop(true);
    let output = tokio::time::timeout(within, command.output()).await;
    let output = output.with_context(|| format!("smtp-source took longer than {within:?}"))??;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "smtp-source failed: {}",
        said.trim()
    );
    Ok((format!("smtp-source {arguments}"), messages))
}

/// Where the program is.
pub(super) fn find() -> Result<PathBuf, OptionsError> {
    PLACES
        .iter()
        .map(|place| Path::new(place).join("smtp-source"))
        .find(|path| path.is_file())
        .ok_or_else(|| OptionsError::Text(MISSING.to_owned()))
}
