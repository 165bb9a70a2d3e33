//! The command line, and the only place of this crate that reads the environment.
//!
//! What is given as a flag outweighs the environment, and that outweighs the configuration file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    backup, campaign, completions, config, dev, email, load, mock, purge, quarantine, receipt,
    recipient, send, serve, tenant, trial, worker, workers,
};
use crate::output::{Colour, Format, Output};

/// Where a service is looked for unless said otherwise.
pub(crate) const ENDPOINT: &str = "http://127.0.0.1:8420";

const AFTER_HELP: &str = "\
Start here:
  postrider dev          a pretend world, a sample newsletter, 10,000 pretend recipients

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 not found, 4 wrong state,
5 service or relay unreachable, 6 not confirmed, 7 partly done, 99 a load missed what was expected";

/// Sends a newsletter without ever exceeding what a destination allows, and proves who got it.
#[derive(Debug, Parser)]
#[command(
    name = "postrider",
    version,
    after_help = AFTER_HELP,
    max_term_width = 100,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Where the service answers [default: http://127.0.0.1:8420]
    #[arg(
        short,
        long,
        global = true,
        value_name = "URL",
        env = "POSTRIDER_ENDPOINT"
    )]
    #[arg(hide_env_values = true)]
    pub(crate) endpoint: Option<String>,

    /// The file with the service's key; without it, the key in POSTRIDER_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// Only for its variable: a key on a command line is seen by everybody on the machine.
    #[arg(
        long,
        global = true,
        hide = true,
        env = "POSTRIDER_KEY",
        hide_env_values = true
    )]
    pub(crate) key: Option<String>,

    /// Work on this data directory: through the service that owns it, or in this process
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The configuration of a service that this process runs
    #[arg(long, global = true, value_name = "FILE", env = "POSTRIDER_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// How data is written to standard output
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(crate) output: Format,

    /// Say nothing but data, warnings and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// When colours are used
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,

    /// Only for its variable (no-color.org).
    #[arg(long, global = true, hide = true, env = "NO_COLOR", value_name = "ANY")]
    no_color: Option<String>,

    /// Only for its variable: a dumb terminal cannot draw a line anew.
    #[arg(long, global = true, hide = true, env = "TERM", value_name = "ANY")]
    term: Option<String>,
}

impl Globals {
    /// How to speak.
    pub(crate) fn output(&self) -> Output {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let is_dumb = self.term.as_deref() == Some("dumb");
        let is_plain = is_set(&self.no_color) || is_dumb;
        Output::new(self.output, self.quiet, self.color, is_plain)
    }
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: a pretend world and a sample newsletter; mail goes nowhere real
    Dev(dev::Arguments),
    /// Run the service until it is told to stop
    Serve(serve::Arguments),
    /// Send one email to a list: put, create, add, start, seal and follow in one
    Send(send::Arguments),
    /// Put emails, and look at them
    #[command(subcommand)]
    Email(email::Command),
    /// Create campaigns, fill them, and steer them
    #[command(subcommand)]
    Campaign(campaign::Command),
    /// Find out who got it
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// See what cannot be worked on, and let it out
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// End what waits, by campaign, email, tenant or lane
    Purge(purge::Arguments),
    /// Forget what is known of a person
    #[command(subcommand)]
    Recipient(recipient::Command),
    /// Make, list and delete the owners of campaigns
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// See who sends: the worker processes of a service
    Workers(workers::Arguments),
    /// Send for the service that started this
    #[command(hide = true)]
    Worker(worker::Arguments),
    /// Render what killed a process once more, alone
    #[command(hide = true)]
    Trial(trial::Arguments),
    /// Copy the store while the service goes on
    Backup(backup::Arguments),
    /// Check a configuration, or print all of it
    #[command(subcommand)]
    Config(config::Command),
    /// A pretend mail server
    #[command(subcommand)]
    Mock(mock::Command),
    /// Load tests that reconcile every recipient
    #[command(subcommand)]
    Load(load::Command),
    /// Print a script that completes this command in a shell
    Completions(completions::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn refusal(line: &str) -> clap::Error {
        Arguments::try_parse_from(line.split(' ')).unwrap_err()
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_typo_is_answered_with_the_nearest_command() {
        let error = refusal("postrider campain list");
        assert_eq!(error.kind(), ErrorKind::InvalidSubcommand);
        assert!(error.to_string().contains("'campaign'"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn every_last_command_shows_an_example() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let below: Vec<_> = command.get_subcommands().collect();
            if below.is_empty() {
                let help = command.get_after_help().map(ToString::to_string);
                let help = help.unwrap_or_default();
                assert!(help.starts_with("Example"), "{path} has no example");
            }
            below.iter().for_each(|each| check(each, &path));
        }
        check(&Arguments::command(), "");
    }

    #[test]
    fn global_options_stand_before_and_behind_the_command() {
        for line in [
            "postrider -o json campaign list",
            "postrider campaign list -o json",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(arguments.globals.output, Format::Json);
        }
    }
}
