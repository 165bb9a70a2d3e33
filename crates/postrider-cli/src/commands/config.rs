//! `postrider config`: check a configuration, or print all of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use postrider_service::config::default_toml;

use crate::call::Call;
use crate::exit::Exit;
use crate::settings;

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with a file, the files that it names, and the environment
    #[command(after_help = "Example:\n  postrider config check postrider.toml")]
    Check(Check),
    /// Print every key with its meaning, unit, range and default
    #[command(after_help = "Example:\n  postrider config default > postrider.toml")]
    Default,
}

/// Which configuration.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The file
    file: PathBuf,
}

/// Does it.
pub(crate) fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Check(Check { file }) => {
            settings::check(file)?;
            call.output
                .note(format_args!("{} can be used", file.display()));
        }
        Command::Default => call.output.line(default_toml().trim_end())?,
    }
    Ok(Exit::Done)
}
