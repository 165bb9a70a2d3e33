//! `postrider campaign`: create campaigns, fill them, and steer them.

mod list;
mod print;
mod schedule;

use clap::{Args, Subcommand};
use postrider_api::{AfterIntake, CampaignVerb, NewCampaign, Time};
use postrider_types::{EmailId, InDoubtPolicy};

use super::confirm::confirm;
use super::decide;
use crate::audience::{self, ListArguments};
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::Exit;
use crate::figures::counted;
use crate::naming::{Which, Whose};
use print::print;

const CANCEL_EXAMPLE: &str = "\
Example:
  postrider campaign cancel october --yes

Nothing of it begins again by itself. After a mistake, who ended cancelled is sent to by:
  postrider campaign retry october --state cancelled --reason 'cancelled by mistake'";

/// What can be done with campaigns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a campaign for an email; nothing is sent yet
    #[command(
        after_help = "Example:\n  postrider campaign create --name october --email eml_1f0c…"
    )]
    Create(Create),
    /// List the newest campaigns
    #[command(after_help = "Example:\n  postrider campaign list -o json")]
    List(list::List),
    /// Show a campaign as it is now
    #[command(after_help = "Example:\n  postrider campaign show october")]
    Show(Which),
    /// Add a list to the audience; who is in it already stays in it once
    #[command(
        after_help = "Example:\n  postrider campaign recipients october --to people.csv --seal"
    )]
    Recipients(Recipients),
    /// Say that the audience is complete; a campaign finishes only when it is
    #[command(after_help = "Example:\n  postrider campaign seal october")]
    Seal(Which),
    /// Begin to send
    #[command(after_help = "Example:\n  postrider campaign start october")]
    Start(Which),
    /// Begin nothing new; what is under way ends
    #[command(after_help = "Example:\n  postrider campaign pause october")]
    Pause(Which),
    /// Go on after a pause
    #[command(after_help = "Example:\n  postrider campaign resume october")]
    Resume(Which),
    /// Say when a draft starts by itself, or that it waits to be started
    #[command(
        after_help = "Example:\n  postrider campaign schedule october --at 2026-12-01T09:00:00+01:00"
    )]
    Schedule(schedule::Schedule),
    /// Send again to those whose delivery has ended badly, for a reason that is over
    #[command(
        after_help = "Example:\n  postrider campaign retry october --state bounced,failed --reason 'the relay was wrong' --dry-run"
    )]
    Retry(decide::Retry),
    /// End it: who is not reached yet ends cancelled
    #[command(after_help = CANCEL_EXAMPLE)]
    Cancel(Cancel),
}

/// A campaign to be made.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name, which no other campaign has
    #[arg(long)]
    name: String,
    /// The id of the email, from `postrider email put`
    #[arg(long, value_name = "EMAIL")]
    email: EmailId,
    /// What happens when nobody knows whether a message was taken: hold, retry or
    /// assume_delivered [default: in_doubt.policy of the service]
    #[arg(long, value_name = "POLICY")]
    in_doubt: Option<InDoubtPolicy>,
    /// When it starts by itself, such as 2026-12-01T09:00:00+01:00
    #[arg(long, value_name = "TIME")]
    send_at: Option<Time>,
    /// Whose it is, and whose the email is.
    #[command(flatten)]
    whose: Whose,
}

/// Who is to be added.
#[derive(Debug, Args)]
pub(crate) struct Recipients {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    list: ListArguments,
    /// Seal the audience behind the list
    #[arg(long)]
    seal: bool,
}

/// What is to be cancelled.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Create(create) => self::create(create, call).await?,
        Command::List(list) => list::run(list, call).await?,
        Command::Show(which) => show(which, call).await?,
        Command::Recipients(recipients) => return self::recipients(recipients, call).await,
        Command::Seal(which) => change(which, CampaignVerb::Seal, call).await?,
        Command::Start(which) => change(which, CampaignVerb::Start, call).await?,
        Command::Pause(which) => change(which, CampaignVerb::Pause, call).await?,
        Command::Resume(which) => change(which, CampaignVerb::Resume, call).await?,
        Command::Schedule(schedule) => schedule::run(schedule, call).await?,
        Command::Retry(retry) => return decide::retry(retry, call).await,
        Command::Cancel(cancel) => self::cancel(cancel, call).await?,
    }
    Ok(Exit::Done)
}

async fn create(create: &Create, call: &Call) -> anyhow::Result<()> {
    let new = NewCampaign {
        in_doubt: create.in_doubt,
        send_at: create.send_at,
        ..NewCampaign::new(&create.name, create.email)
    };
    let campaign = call.at_the_door(Purpose::Change, async |client| {
        Ok(create.whose.of(client).create_campaign(&new).await?)
    });
    print(&campaign.await?, call)
}

async fn show(which: &Which, call: &Call) -> anyhow::Result<()> {
    let found = call.at_the_door(Purpose::Look, async |client| which.find(client).await);
    print(&found.await?, call)
}

async fn recipients(recipients: &Recipients, call: &Call) -> anyhow::Result<Exit> {
    let list = recipients.list.open().await?;
    let then = match recipients.seal {
        true => AfterIntake::Seal,
        false => AfterIntake::LeaveOpen,
    };
    let report = call.at_the_door(Purpose::Change, async |client| {
        let campaign = recipients.which.find(client).await?;
        Ok(list.add(client, campaign.id, then).await?)
    });
    let report = report.await?;
    audience::report(&report, call.output);
    if call.output.is_json() {
        call.output.json(&report)?;
    }
    Ok(match report.bad {
        0 => Exit::Done,
        _ => Exit::Partly,
    })
}

async fn change(which: &Which, verb: CampaignVerb, call: &Call) -> anyhow::Result<()> {
    let changed = call.at_the_door(Purpose::Change, async |client| {
        let campaign = which.find(client).await?;
        Ok(client.change_campaign(campaign.id, verb).await?)
    });
    print(&changed.await?, call)
}

async fn cancel(cancel: &Cancel, call: &Call) -> anyhow::Result<()> {
    let cancelled = call.at_the_door(Purpose::Change, async |client| {
        let campaign = cancel.which.find(client).await?;
        if !cancel.yes && !campaign.state.is_final() {
            confirm(&format!(
                "cancelling \"{}\" ends it: {} will not get it",
                campaign.name,
                counted(campaign.open(), "recipient")
            ))?;
        }
        Ok(client
            .change_campaign(campaign.id, CampaignVerb::Cancel)
            .await?)
    });
    print(&cancelled.await?, call)
}
