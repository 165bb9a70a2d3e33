//! `postrider mock serve`: takes mail until it is told to stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use postrider_mock_smtp::control::Control;
use postrider_mock_smtp::control::wire::Ready;
use postrider_mock_smtp::{MockServer, Profile, Settings, Span, Tally};
use tokio::net::TcpListener;

use crate::commands::mock::profile;
use crate::exit::Exit;
use crate::figures::{count, table};
use crate::output::Output;
use crate::signals::Stop;

/// How it serves.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where it listens; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2525")]
    listen: SocketAddr,
    /// Where it speaks TLS from the first byte; without it nowhere
    #[arg(long, value_name = "ADDRESS")]
    tls_listen: Option<SocketAddr>,
    /// Write the certificate of its own authority there, for clients that are to trust it
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where it can be asked and changed while it runs, over HTTP; without it nowhere
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// How it behaves: a name of `postrider mock profiles`, or a TOML file
    #[arg(long, default_value = "sink")]
    profile: String,
    /// Where its chance comes from, in place of the profile's seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Added to the round-trip time of every connection, 50ms say
    #[arg(long, value_name = "SPAN", default_value_t = Span::ZERO)]
    rtt: Span,
    /// How many times as fast as life the waits of the profile pass
    #[arg(long, value_name = "N")]
    time_scale: Option<u32>,
    /// Append every accept to this file before it is answered
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Write there, as JSON, where it listens, once it does
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Serve {
    /// Serves until it is told to stop.
    pub(super) async fn run(&self, output: Output) -> anyhow::Result<Exit> {
        let profile = self.profile()?;
        let name = profile.name.clone();
        let stop = Stop::listen()?;
        let listener = listener(self.listen, "--listen").await?;
        let control = match self.control {
            Some(address) => Some(listener_of_control(address).await?),
            None => None,
        };
        let mock = MockServer::start(listener, profile, self.settings())?;
        let control = control.map(|listener| Control::start(listener, &mock));
        let control = control.transpose()?;
        // The control port measures by itself.
        let _lateness = control.is_none().then(|| mock.watch_lateness());
        let ready = Ready {
            smtp: mock.local_addr(),
            control: control.as_ref().map(Control::local_addr),
            providers: mock.provider_addrs(),
            pid: std::process::id(),
        };
        if let Some(path) = &self.ready_file {
            write_whole(path, &ready)?;
        }
        announce(&name, &ready, output);
        stop.asked().await;
        drop(control);
        let tally = mock.stop().await;
        if output.is_json() {
            output.json(&tally)?;
        } else {
            output.line(text(&tally))?;
        }
        Ok(Exit::Done)
    }

    /// The profile as the other options change it.
    fn profile(&self) -> anyhow::Result<Profile> {
        let mut profile = profile(&self.profile)?;
        if let Some(seed) = self.seed {
            profile = profile.with_seed(seed);
        }
        if let Some(time_scale) = self.time_scale {
            profile = profile.with_time_scale(time_scale);
        }
        Ok(profile)
    }

    fn settings(&self) -> Settings {
        Settings {
            log: self.log.clone(),
            rtt: self.rtt.duration(),
            tls_listen: self.tls_listen,
            authority_file: self.ca_file.clone(),
            ..Settings::in_memory()
        }
    }
}

async fn listener(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}; another {flag} may be free"))
}

async fn listener_of_control(address: SocketAddr) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let sentence = format!("{address} can be reached by others; --control is for loopback");
        return Err(crate::exit::stop(Exit::Usage, sentence));
    }
    listener(address, "--control").await
}

/// Writes a file that is there as a whole or not at all.
fn write_whole(path: &Path, ready: &Ready) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", path.display());
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .with_context(cannot)?;
    serde_json::to_writer(&mut file, ready)?;
    file.write_all(b"\n").with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

fn announce(name: &str, ready: &Ready, output: Output) {
    for (provider, address) in &ready.providers {
        output.note(format_args!("provider {provider} is at smtp://{address}"));
    }
    if let Some(control) = ready.control {
        output.note(format_args!("it is asked and changed at http://{control}"));
    }
    output.note(format_args!(
        "the mock \"{name}\" takes mail at smtp://{}; ^C stops it",
        ready.smtp
    ));
}

fn text(tally: &Tally) -> String {
    let totals = format!(
        "{} accepted for {} recipients, {} duplicates; {} connections, at most {} at once",
        count(tally.accepted),
        count(tally.recipients),
        count(tally.duplicates.max(tally.duplicates_by_campaign)),
        count(tally.connections),
        count(tally.connections_max)
    );
    let rows = tally.domains.iter().map(|(domain, own)| {
        [
            domain.clone(),
            count(own.accepted),
            count(own.refused),
            count(own.deferred),
            count(own.dropped),
            count(own.over_rate + own.over_connections),
        ]
    });
    let heading = [
        "DOMAIN", "ACCEPTED", "REFUSED", "DEFERRED", "DROPPED", "TOO MUCH",
    ];
    let domains = table(heading, &rows.collect::<Vec<_>>());
    format!("{totals}\n{domains}")
}
