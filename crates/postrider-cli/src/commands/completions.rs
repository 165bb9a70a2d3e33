//! `postrider completions`: a script for a shell.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments;
use crate::exit::Exit;

/// The shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postrider completions bash > /etc/bash_completion.d/postrider")]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    let mut command = arguments::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "postrider", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}
