//! `postrider worker`: what `serve` starts to send, and nobody by hand.

use std::path::PathBuf;

use clap::Args;
use postrider_service::workers::{self, WorkerEnd};

use crate::exit::Exit;

const EXAMPLE: &str = "\
Example:
  postrider serve --workers 2

starts two of these. By hand it is of no use: a service serves only processes of its own.";

/// Whom it works for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The socket of its service
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Which worker it is, from 0
    #[arg(long, value_name = "NUMBER")]
    number: u8,
}

/// Works until the service says that it is enough, or is gone.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match workers::run(&arguments.socket, arguments.number).await? {
        WorkerEnd::Drained => Ok(Exit::Done),
        // Nothing is waited for: whatever is under way would only end as it does now.
        WorkerEnd::Orphaned => std::process::exit(Exit::Failed as i32),
        WorkerEnd::Failed(task) => {
            tracing::error!(task, "a task of this worker panicked, and it ends");
            std::process::exit(Exit::Failed as i32)
        }
    }
}
