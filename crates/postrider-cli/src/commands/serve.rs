//! `postrider serve`: the service, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use postrider_mock_smtp::Span;
use postrider_service::key::KEY_FILE;
use postrider_service::{StartOptions, StoreKind, WorkerOptions, listen, telemetry};
use serde::Serialize;

use crate::call::Call;
use crate::exit::Exit;
use crate::local::{Local, sending};
use crate::settings::{self, Source};
use crate::signals::Stop;

const EXAMPLE: &str = "\
Example:
  postrider serve --config postrider.toml --data ./data

SIGTERM, ^C and a closed terminal drain: what is under way ends, nothing new begins. A second one
ends at once, which is safe.";

/// Where the service listens.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// Where the API is served; it outweighs the configuration. Port 0 is any free port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where everything durable is kept; what is in memory is lost at the end
    #[arg(long, value_name = "KIND", default_value = "sqlite")]
    store: Kept,
    /// Processes that send for it; it outweighs the configuration. With 0 it sends itself
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=16))]
    workers: Option<u32>,
    /// How long a stop may take before what is under way is cut off, which is safe
    #[arg(long, value_name = "TIME", default_value = "30s")]
    drain_within: Span,
}

/// Where everything durable is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kept {
    /// In SQLite, in the data directory
    Sqlite,
    /// In memory, for load tests and for trying out
    Memory,
}

/// What `-o json` prints once the service answers.
#[derive(Serialize)]
struct Line {
    endpoint: String,
    key_file: PathBuf,
    pid: u32,
}

/// Does it.
pub(crate) async fn run(arguments: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    let source = Source::of(&call.globals)?;
    let mut config = settings::from_text(&source.text, &source.name)?;
    if let Some(data_dir) = &call.globals.data {
        config.server.data_dir.clone_from(data_dir);
    }
    if let Some(listen) = arguments.listen {
        config.server.listen = listen;
    }
    telemetry::init(&config.log)?;
    let relay = config.route.relay.clone();
    let data_dir = config.server.data_dir.clone();
    let stop = Stop::listen()?;
    let listener = listen(config.server.listen).await?;
    let kind = match arguments.store {
        Kept::Sqlite => StoreKind::Sqlite,
        Kept::Memory => StoreKind::Memory,
    };
    let count = arguments.workers.unwrap_or(config.workers.count);
    let options = StartOptions {
        store: kind,
        workers: workers(count, source)?,
        ..sending()
    };
    let mut asked = std::pin::pin!(stop.asked());
    let mut local = tokio::select! {
        started = Local::start_on(config, listener, options) => started?,
        () = &mut asked => {
            call.output.note("stopped before it was up; the next start goes on from here");
            return Ok(Exit::Done);
        }
    };
    if call.output.is_json() {
        call.output.json(&Line {
            endpoint: local.endpoint(),
            key_file: data_dir.join(KEY_FILE),
            pid: std::process::id(),
        })?;
    }
    call.output.note(format_args!(
        "  API    {}/v1\n  Key    {}\n  Store  {}\n  Relay  {relay}\n  ^C drains and stops.",
        local.endpoint(),
        data_dir.join(KEY_FILE).display(),
        match kind {
            StoreKind::Sqlite => data_dir.display().to_string(),
            StoreKind::Memory => "in memory; it is lost at the end".to_owned(),
        },
    ));
    let failed = tokio::select! {
        () = asked => None,
        failed = local.failed() => Some(failed),
    };
    if let Some(failed) = failed {
        local.end().await;
        return Err(failed);
    }
    call.output.note("draining; a second ^C ends at once");
    local.stop_within(arguments.drain_within.duration()).await;
    Ok(Exit::Done)
}

/// So many workers.
fn workers(count: u32, source: Source) -> anyhow::Result<Option<WorkerOptions>> {
    let count = u8::try_from(count).context("there cannot be so many workers")?;
    if count == 0 {
        return Ok(None);
    }
    Ok(Some(WorkerOptions {
        count,
        config_text: source.text,
        config_name: source.name,
    }))
}
