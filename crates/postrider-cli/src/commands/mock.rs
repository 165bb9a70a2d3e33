//! `postrider mock`: a pretend mail server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use postrider_mock_smtp::{MockServer, Profile, Settings, Tally};
use tokio::net::TcpListener;

use crate::call::Call;
use crate::content;
use crate::exit::{Exit, stop};
use crate::figures::{count, table};
use crate::signals::Stop;

const SERVE_EXAMPLE: &str = "\
Examples:
  postrider mock serve
  postrider mock serve --profile sample --log accepts.ndjson";

/// What can be done with the mock.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take mail and throw it away, counting; prints the tally when it is told to stop
    #[command(after_help = SERVE_EXAMPLE)]
    Serve(Serve),
}

/// How it serves.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where it listens; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2525")]
    listen: SocketAddr,
    /// How it behaves: sink, sample, or a TOML file
    #[arg(long, default_value = "sink")]
    profile: String,
    /// Append every accept to this file before it is answered
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    let Command::Serve(serve) = command;
    let output = call.output;
    let profile = profile(&serve.profile)?;
    let name = profile.name.clone();
    let stop = Stop::listen()?;
    let listener = TcpListener::bind(serve.listen).await.with_context(|| {
        let listen = serve.listen;
        format!("cannot listen on {listen}; another --listen may be free")
    })?;
    let settings = match &serve.log {
        Some(path) => Settings::logged(path),
        None => Settings::in_memory(),
    };
    let mock = MockServer::start(listener, profile, settings)?;
    output.note(format_args!(
        "the mock \"{name}\" takes mail at smtp://{}; ^C stops it",
        mock.local_addr()
    ));
    stop.asked().await;
    let tally = mock.stop().await;
    if output.is_json() {
        output.json(&tally)?;
    } else {
        output.line(text(&tally))?;
    }
    Ok(Exit::Done)
}

/// A built-in profile, or one from a file.
fn profile(name: &str) -> anyhow::Result<Profile> {
    if let Some(profile) = Profile::named(name) {
        return Ok(profile);
    }
    let path = Path::new(name);
    if !name.ends_with(".toml") && !path.exists() {
        let sentence =
            format!("there is no profile \"{name}\": it is sink, sample, or a TOML file");
        return Err(stop(Exit::Usage, sentence));
    }
    let text = String::from_utf8(content::bytes(path)?);
    let text = text.with_context(|| format!("{name} is not UTF-8"))?;
    Profile::from_toml(&text).map_err(|error| {
        let error = anyhow::Error::from(error);
        stop(Exit::Usage, format!("{name}: {error:#}"))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_built_in_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, "name = 'own'").unwrap();
        assert_eq!(profile("sample").unwrap(), Profile::sample());
        assert_eq!(profile(path.to_str().unwrap()).unwrap().name, "own");
    }

    #[test]
    fn a_profile_that_is_wrong_is_the_callers_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.toml");
        std::fs::write(&path, "nam = 'own'").unwrap();
        for name in ["sampel", path.to_str().unwrap(), "/nonexistent/p.toml"] {
            let error = profile(name).unwrap_err();
            assert_eq!(crate::exit::of(&error), Exit::Usage, "{error:#}");
        }
    }
}
