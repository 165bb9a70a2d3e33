//! The command `postrider`: a client of the API, also where it runs the service itself.
//!
//! [`main`] reads the command line (`arguments`) and runs one of the `commands`. A command
//! gets a client from the `door`, which leads to a service over the network, to the one that
//! owns a data directory, or to one in this process (`local`); it never knows which.
//!
//! - Data goes to standard output, everything else to standard error (`output`).
//! - The exit code says what kind of end it was (`exit`).
//! - The environment is read in `arguments`, and by the service for its configuration.
//! - `send` is `dispatch`: what is left to do is decided in `plan`, without I/O.

mod arguments;
mod audience;
mod call;
mod commands;
mod content;
mod dispatch;
mod door;
mod exit;
mod figures;
mod follow;
mod local;
mod naming;
mod output;
mod plan;
mod preflight;
mod progress;
mod sample;
mod settings;
mod signals;
mod verdict;

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use arguments::{Arguments, Command};
use call::Call;
use commands::{
    backup, campaign, completions, config, dev, email, load, mock, purge, quarantine, receipt,
    recipient, send, serve, tenant, trial, worker, workers,
};
use exit::Exit;

/// Runs the command that the command line asks for.
pub fn main() -> ExitCode {
    let started_at = Instant::now();
    let Arguments { globals, command } = Arguments::parse();
    let output = globals.output();
    let call = Call {
        globals,
        output,
        started_at,
    };
    let done = match command {
        Command::Trial(_) => trial::run(),
        command => run_to_the_end(command, &call),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(error) if exit::is_closed_pipe(&error) => Exit::Done,
        Err(error) => {
            output.error(exit::sentence(&error));
            exit::of(&error)
        }
    };
    exit.into()
}

/// Runs a command on a runtime of its own.
fn run_to_the_end(command: Command, call: &Call) -> anyhow::Result<Exit> {
    let runtime = runtime(&command).context("the system gives no threads")?;
    let done = runtime.block_on(run(command, call));
    // A read of standard input that nobody waits for any more must not keep us.
    runtime.shutdown_background();
    done
}

/// The mock has one thread: its work is one log, one ledger and short turns, and handing them from
/// thread to thread costs more than a second processor gives (`docs/performance.md`).
fn runtime(command: &Command) -> io::Result<Runtime> {
    let mut builder = match command {
        Command::Mock(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn run(command: Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Dev(arguments) => dev::run(&arguments, call).await,
        Command::Serve(arguments) => serve::run(&arguments, call).await,
        Command::Send(arguments) => send::run(arguments, call).await,
        Command::Email(command) => email::run(&command, call).await,
        Command::Campaign(command) => campaign::run(&command, call).await,
        Command::Receipt(command) => receipt::run(&command, call).await,
        Command::Quarantine(command) => quarantine::run(&command, call).await,
        Command::Purge(arguments) => purge::run(&arguments, call).await,
        Command::Recipient(command) => recipient::run(&command, call).await,
        Command::Tenant(command) => tenant::run(&command, call).await,
        Command::Workers(arguments) => workers::run(&arguments, call).await,
        Command::Worker(arguments) => worker::run(&arguments).await,
        Command::Trial(_) => trial::run(),
        Command::Backup(arguments) => backup::run(&arguments, call).await,
        Command::Config(command) => config::run(&command, call),
        Command::Mock(command) => mock::run(&command, call).await,
        Command::Load(command) => load::run(&command, call).await,
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
