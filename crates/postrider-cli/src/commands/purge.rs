//! `postrider purge`: end what waits, as cancelled.

use clap::Args;
use postrider_api::{Purge, Purged};
use postrider_types::EmailId;

use super::confirm::confirm;
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::Exit;
use crate::figures::counted;
use crate::naming::Whose;

const EXAMPLE: &str = "\
Example:
  postrider purge --campaign october --dry-run

What waits ends cancelled, and what is held by a worker and has not begun, too. What has begun is
left alone, and what is in doubt unless --with-in-doubt is said.";

/// What is to end.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["campaign", "email", "tenant", "lane"])))]
pub(crate) struct Arguments {
    /// Everything of this campaign: its name or id
    #[arg(long, conflicts_with_all = ["email", "lane"])]
    campaign: Option<String>,
    /// Everything of this email, in all campaigns that send it
    #[arg(long, conflicts_with = "lane")]
    email: Option<EmailId>,
    /// Everything of this tenant; with --campaign or --email, whose that is
    #[arg(long, value_name = "NAME", conflicts_with = "lane")]
    tenant: Option<String>,
    /// Everything for this domain, or everybody in a lane that domains share (tail-07, solo-07), of
    /// all campaigns
    #[arg(long, conflicts_with = "with_in_doubt")]
    lane: Option<String>,
    /// Also what is in doubt, which may have been delivered
    #[arg(long)]
    with_in_doubt: bool,
    /// Only count; nothing is changed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does it.
pub(crate) async fn run(arguments: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    let purged = call.at_the_door(Purpose::Change, async |client| {
        let campaign = match &arguments.campaign {
            Some(which) => {
                let tenant = arguments.tenant.clone();
                Some(Whose { tenant }.find(client, which).await?.id)
            }
            None => None,
        };
        // A campaign has an id of its own; whose it is was for its name.
        let tenant = arguments.tenant.clone().filter(|_| campaign.is_none());
        let asked = |is_dry_run| Purge {
            campaign,
            email: arguments.email,
            tenant: tenant.clone(),
            lane: arguments.lane.clone(),
            with_in_doubt: arguments.with_in_doubt,
            is_dry_run,
        };
        if !arguments.dry_run && !arguments.yes {
            let would = client.purge(&asked(true)).await?;
            let whom = counted(would.matched, "recipient");
            confirm(&format!("a purge is final: {whom} will not get it"))?;
        }
        Ok(client.purge(&asked(arguments.dry_run)).await?)
    });
    let purged = purged.await?;
    if call.output.is_json() {
        call.output.json(&purged)?;
    } else {
        call.output.line(sentence(&purged))?;
    }
    Ok(Exit::Done)
}

fn sentence(purged: &Purged) -> String {
    let whom = counted(purged.matched, "recipient");
    let done = match purged.is_dry_run {
        true => format!("{whom} would end cancelled; nothing was changed"),
        false => format!("{whom} ended cancelled"),
    };
    match purged.busy {
        0 => done,
        busy => format!(
            "{done}; {} had begun and was left",
            counted(busy, "message")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_had_begun_is_said_to_be_left() {
        let check = |matched, busy, is_dry_run, expect: &str| {
            let purged = Purged {
                matched,
                busy,
                is_dry_run,
            };
            assert_eq!(sentence(&purged), expect);
        };
        check(
            2,
            0,
            true,
            "2 recipients would end cancelled; nothing was changed",
        );
        check(
            1,
            1,
            false,
            "1 recipient ended cancelled; 1 message had begun and was left",
        );
    }
}
