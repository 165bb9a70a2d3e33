//! `postrider recipient`: what is known of one person.

use clap::{Args, Subcommand};
use postrider_api::Erase;

use super::confirm::confirm;
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::Exit;
use crate::figures::counted;
use crate::naming::Whose;

const ERASE_EXAMPLE: &str = "\
Example:
  postrider recipient erase ada@a.test --yes

What waits for the address ends cancelled, and receipts keep only what became of it. Erasing again
does no harm, and is needed when a message to the address was just under way (exit code 7). Each
tenant is a matter of its own, and so are backups.";

/// What can be done about it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Erase an address from receipts, log and audiences of a tenant; what stays is a keyed hash
    #[command(after_help = ERASE_EXAMPLE)]
    Erase(EraseArguments),
}

/// Who is to be forgotten.
#[derive(Debug, Args)]
pub(crate) struct EraseArguments {
    /// The address
    address: String,
    #[command(flatten)]
    whose: Whose,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    let Command::Erase(erase) = command;
    if !erase.yes {
        confirm("an erased address cannot be brought back, and what waits for it ends cancelled")?;
    }
    let asked = Erase {
        address: erase.address.clone(),
        tenant: erase.whose.tenant.clone(),
    };
    let erased = call.at_the_door(Purpose::Change, async |client| {
        Ok(client.erase_recipient(&asked).await?)
    });
    let erased = erased.await?;
    if call.output.is_json() {
        call.output.json(&erased)?;
    } else {
        let places = counted(erased.matched, "place");
        call.output.line(format_args!("erased in {places}"))?;
    }
    if erased.matched == 0 && erased.busy == 0 {
        call.output
            .note("nothing is known of this address, or no more");
    }
    if erased.busy > 0 {
        call.output.warn(format_args!(
            "{} had begun and still needs the address; erase it again when that has ended",
            counted(erased.busy, "message")
        ));
        return Ok(Exit::Partly);
    }
    Ok(Exit::Done)
}
