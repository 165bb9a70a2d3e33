//! The options of a load as flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use postrider_load::plan::Plan;
use postrider_load::plan::options::{BaselineKind, Options, StoreKind};
use postrider_load::plan::spread::Spread;
use postrider_mock_smtp::Span;
use postrider_types::InDoubtPolicy;

use crate::arguments::Globals;
use crate::commands::mock::profile;
use crate::content;
use crate::exit::{Exit, stop};

/// What is sent, to whom, and what befalls it.
#[derive(Debug, Args)]
pub(super) struct OptionArguments {
    /// Recipients of each campaign, such as 200000 or 1M
    #[arg(long, value_name = "COUNT", default_value = "10k", value_parser = number)]
    recipients: u64,
    /// Campaigns to the same recipients, each with its own email
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    campaigns: u32,
    /// zipf(200), one-each, a list such as a.test=40,b.test=3, or a file with such entries
    /// [default: what the profile says, else zipf(100)]
    #[arg(long, value_name = "SPREAD")]
    domains: Option<String>,
    /// Bytes of text and HTML of the email
    #[arg(long, value_name = "BYTES", default_value = "10k", value_parser = number)]
    body_bytes: u64,
    /// Bytes of an attachment
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = number)]
    attachment_bytes: u64,
    /// How the mock behaves: a name of `postrider mock profiles`, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "sink")]
    profile: String,
    /// Round-trip time that is added to each connection, such as 20ms
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    rtt: Span,
    /// Most connections at once at each door, unless its provider allows fewer
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    connections: u32,
    /// Rate of each domain, such as 50/s [default: the rates of the profile]
    #[arg(long, value_name = "RATE")]
    limit: Option<String>,
    /// Where the service keeps what is durable
    #[arg(long, value_name = "KIND", default_value = "sqlite")]
    store: Kept,
    /// Let so many processes send for the service
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    workers: u32,
    /// Kill the service that often, and start it again; with workers, mostly one of them
    #[arg(long, value_name = "TIME")]
    kill_every: Option<Span>,
    /// Stop the service, or mostly one of its workers, for two seconds that often
    #[arg(long, value_name = "TIME")]
    pause_every: Option<Span>,
    /// What campaigns are told to do with deliveries in doubt; by that the run is judged
    #[arg(long, value_name = "POLICY", default_value = "hold")]
    in_doubt: WhenInDoubt,
    /// How old a doubt must be before its delivery is sent again [default: what --config says,
    /// else 50s]
    #[arg(long, value_name = "TIME")]
    in_doubt_retry_after: Option<Span>,
    /// Where all chance comes from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The longest that it may take from the first list to the last receipt
    #[arg(long, value_name = "TIME", default_value = "10m")]
    duration: Span,
    /// How many times as fast as life the mock's waits pass
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    time_scale: u32,
    /// Run this against a sink afterwards, and print the ratio
    #[arg(long, value_name = "CLIENT")]
    baseline: Option<Client>,
}

/// Where the service keeps what is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kept {
    /// In SQLite
    Sqlite,
    /// In memory
    Memory,
}

/// What campaigns are told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhenInDoubt {
    /// Nothing: whoever is in doubt stays so
    Hold,
    /// To send it once more, under the same Message-ID
    Retry,
    /// To count it as delivered
    AssumeDelivered,
}

/// What a run is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Client {
    /// Postfix's smtp-source, which keeps nothing
    SmtpSource,
    /// The pool of lettre, with at most 2,000 messages
    Lettre,
    /// The same bytes written to sockets, and nothing else
    Socket,
}

impl OptionArguments {
    /// The plan that these options ask for; `--data` and `--config` are global.
    pub(super) fn plan(&self, globals: &Globals) -> anyhow::Result<Plan> {
        let usage = |error: postrider_load::plan::options::OptionsError| {
            stop(Exit::Usage, error.to_string())
        };
        let spread = self.domains.as_deref().map(spread).transpose()?;
        let config = globals.config.as_deref().map(text_of).transpose()?;
        let profile = profile(&self.profile)?;
        let options = Options {
            recipients: self.recipients,
            campaigns: self.campaigns,
            spread,
            body_bytes: bytes(self.body_bytes),
            attachment_bytes: bytes(self.attachment_bytes),
            profile: profile.name.clone(),
            rtt: self.rtt.duration(),
            connections: self.connections,
            limit: self.limit.clone(),
            store: match self.store {
                Kept::Sqlite => StoreKind::Sqlite,
                Kept::Memory => StoreKind::Memory,
            },
            workers: self.workers,
            kill_every: every(self.kill_every),
            pause_every: every(self.pause_every),
            in_doubt: match self.in_doubt {
                WhenInDoubt::Hold => InDoubtPolicy::Hold,
                WhenInDoubt::Retry => InDoubtPolicy::Retry,
                WhenInDoubt::AssumeDelivered => InDoubtPolicy::AssumeDelivered,
            },
            in_doubt_retry_after: self.in_doubt_retry_after.map(Span::duration),
            seed: self.seed,
            duration: self.duration.duration(),
            time_scale: self.time_scale,
            folder: globals.data.clone(),
            baseline: self.baseline.map(|client| match client {
                Client::SmtpSource => BaselineKind::SmtpSource,
                Client::Lettre => BaselineKind::Lettre,
                Client::Socket => BaselineKind::Socket,
            }),
            config,
        };
        Plan::new(options, profile).map_err(usage)
    }
}

/// A count with an optional k or M for a thousand or a million.
fn number(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.trim_end_matches(['k', 'K', 'M']) {
        digits if digits.len() == text.len() => (digits, 1),
        digits if text.ends_with('M') => (digits, 1_000_000),
        digits => (digits, 1_000),
    };
    let is_short = text.len() - digits.len() <= 1;
    let number = digits.parse::<u64>().ok().filter(|_| is_short);
    let number = number.and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "a number such as 200000, 200k or 1M is expected".to_owned())
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Never, when the span is nothing.
fn every(span: Option<Span>) -> Option<Duration> {
    span.map(Span::duration).filter(|span| !span.is_zero())
}

/// A spread as text, or a file with its entries.
fn spread(text: &str) -> anyhow::Result<Spread> {
    let path = PathBuf::from(text);
    let content = if path.is_file() {
        text_of(&path)?
    } else {
        text.to_owned()
    };
    Spread::parse(&content).map_err(|error| stop(Exit::Usage, error.to_string()))
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(content::bytes(path)?);
    text.map_err(|_| stop(Exit::Usage, format!("{} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_may_be_written_short() {
        let check = |text, expected| assert_eq!(number(text).ok(), expected, "{text}");
        check("200000", Some(200_000));
        check("200k", Some(200_000));
        check("1M", Some(1_000_000));
        check("0", Some(0));
        check("1Mk", None);
        check("M", None);
        check("1.5M", None);
        check("-1", None);
    }

    #[test]
    fn a_spread_is_a_text_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domains.txt");
        std::fs::write(&path, "# two\na.test=3\nb.test=1\n").unwrap();
        let from_file = spread(path.to_str().unwrap()).unwrap();
        assert_eq!(from_file, spread("a.test=3,b.test=1").unwrap());
        let refused = spread("gmail.com=1").unwrap_err();
        assert_eq!(crate::exit::of(&refused), Exit::Usage);
    }
}
