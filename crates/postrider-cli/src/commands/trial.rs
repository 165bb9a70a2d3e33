//! `postrider trial`: what a service starts to render a suspect alone, and nobody by hand.

use std::io::stdin;

use clap::Args;
use postrider_service::trial;

use crate::exit::Exit;

const EXAMPLE: &str = "\
Example:
  postrider serve --workers 2

starts one of these for each message that a worker had in hand when it died. By hand it is of no
use: what is to be tried comes by standard input, in a form that only the service writes.";

/// Nothing is asked: what is to be tried comes by standard input.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {}

/// Does it, without a runtime: a trial is one thread that renders.
pub(crate) fn run() -> anyhow::Result<Exit> {
    trial::run(stdin().lock())?;
    Ok(Exit::Done)
}
