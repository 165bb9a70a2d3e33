//! `postrider campaign schedule`

use clap::Args;
use postrider_api::Time;

use super::print::print;
use crate::call::Call;
use crate::door::Purpose;
use crate::naming::Which;

/// When a draft is to start.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("when").required(true).args(["at", "clear"])))]
pub(crate) struct Schedule {
    #[command(flatten)]
    which: Which,
    /// When it starts by itself; a time that is over means at once
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
    /// It does not start by itself
    #[arg(long)]
    clear: bool,
}

/// Says so.
pub(super) async fn run(schedule: &Schedule, call: &Call) -> anyhow::Result<()> {
    let scheduled = call.at_the_door(Purpose::Change, async |client| {
        let campaign = schedule.which.find(client).await?;
        Ok(client.schedule_campaign(campaign.id, schedule.at).await?)
    });
    let campaign = scheduled.await?;
    print(&campaign, call)?;
    if schedule.clear {
        let next = call.next("campaign start", campaign.id);
        call.output
            .note(format_args!("it waits to be started: {next}"));
    }
    Ok(())
}
