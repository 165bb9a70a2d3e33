//! Another client against the same kind of mock, as a measure for our own rate.

mod content;
mod lettre;
mod smtp_source;
mod socket;

use std::time::Duration;

use tokio::time::Instant;

use crate::load::mock::{Mock, MockSettings};
use crate::load::proc::own_cpu_us;
use crate::plan::limits::as_f64;
use crate::plan::options::{BaselineKind, OptionsError};
use crate::run::Baseline;

/// What a baseline sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Messages that our own run had; a slow client sends fewer.
    pub(crate) messages: u64,
    /// Bytes of each body.
    pub(crate) body_bytes: u64,
    /// Connections at once.
    pub(crate) connections: u32,
}

/// Asked before a run that would need the client only after minutes.
///
/// # Errors
/// When the client is not on this machine, with the command that installs it.
pub(crate) fn look(kind: BaselineKind) -> Result<(), OptionsError> {
    match kind {
        BaselineKind::SmtpSource => smtp_source::find().map(drop),
        BaselineKind::Lettre | BaselineKind::Socket => Ok(()),
    }
}

/// Sends messages to a fresh mock; `ours` is the rate to compare with.
///
/// # Errors
/// When the client is missing, fails, or takes longer than `within`.
pub(crate) async fn run(
    kind: BaselineKind,
    mock: &MockSettings<'_>,
    work: Work,
    ours: f64,
    within: Duration,
) -> anyhow::Result<Baseline> {
    let mock = Mock::start(mock).await?;
    let cpu_us_before = own_cpu_us();
    let began = Instant::now();
    let (command, messages) = match kind {
        BaselineKind::SmtpSource => smtp_source::send(mock.smtp(), work, within).await?,
        BaselineKind::Lettre => lettre::send(mock.smtp(), work, within).await?,
        BaselineKind::Socket => socket::send(mock.smtp(), work, within).await?,
    };
    let cpu_us = own_cpu_us().saturating_sub(cpu_us_before);
    let seconds = began.elapsed().as_secs_f64();
    let accepted = mock.progress().await?.accepted;
    mock.stop().await?;
    anyhow::ensure!(
        accepted >= messages,
        "{} was to send {messages} messages, and {accepted} came",
        kind.name()
    );
    let rate = as_f64(messages) / seconds;
    Ok(Baseline {
        name: kind.name().to_owned(),
        command,
        messages,
        seconds,
        rate,
        cpu_us_per_message: as_f64(cpu_us) / as_f64(messages.max(1)),
        ratio: if rate > 0.0 { ours / rate } else { 0.0 },
    })
}
