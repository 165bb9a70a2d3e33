//! `postrider quarantine`: what cannot be worked on, why, and the way back.

mod lift;
mod list;
mod show;

use clap::Subcommand;
use postrider_api::Resolution;

use crate::call::Call;
use crate::exit::Exit;

const RELEASE_EXAMPLE: &str = "\
Example:
  postrider quarantine release --campaign october --reason 'the template is mended'
  postrider quarantine release --email eml_1f0c… --dry-run

Who killed a worker is tried again alone. The campaigns of an email stay paused until they are
resumed. Of a chunk, those are tried again who can be read elsewhere.";

/// What can be done about it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List emails, chunks and campaigns with something in quarantine
    #[command(after_help = "Example:\n  postrider quarantine list")]
    List(list::List),
    /// Show why something is in quarantine, and what happened to it
    #[command(
        after_help = "Example:\n  postrider quarantine show --campaign october --address ada@a.test\n  postrider quarantine show --email eml_1f0c…"
    )]
    Show(show::Show),
    /// Try it again, when what was wrong is mended
    #[command(after_help = RELEASE_EXAMPLE)]
    Release(lift::Lift),
    /// Give it up: it ends cancelled, and with an email the campaigns that send it
    #[command(
        after_help = "Example:\n  postrider quarantine discard --email eml_1f0c… --dry-run\n  postrider quarantine discard --campaign october --address ada@a.test --reason 'no such person' --yes"
    )]
    Discard(lift::Discard),
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::List(list) => list::run(list, call).await?,
        Command::Show(show) => show::run(show, call).await?,
        Command::Release(lift) => lift::run(lift, Resolution::Retry, true, call).await?,
        Command::Discard(discard) => {
            let lift = &discard.lift;
            lift::run(lift, Resolution::Discard, discard.yes, call).await?;
        }
    }
    Ok(Exit::Done)
}
