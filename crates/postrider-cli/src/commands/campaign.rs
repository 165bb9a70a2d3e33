//! `postrider campaign`: create campaigns, fill them, and steer them.

use clap::{Args, Subcommand};
use postrider_api::{AfterIntake, Campaign, CampaignVerb, Client, NewCampaign, Time};
use postrider_types::{CampaignId, CampaignState, EmailId, InDoubtPolicy, PauseReason};

use super::confirm::confirm;
use super::decide;
use crate::audience::{self, ListArguments};
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::{Exit, stop};
use crate::figures::{count, counted, table};
use crate::follow::summary;

/// The most campaigns that a list shows: what one page holds.
const LIST_MAX: u32 = 100;

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
    List(List),
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
    /// Send again to those whose delivery has ended badly, for a reason that is over
    #[command(
        after_help = "Example:\n  postrider campaign retry october --state bounced,failed --reason 'the relay was wrong' --dry-run"
    )]
    Retry(decide::Retry),
    /// Never send to those who are not reached yet; this is final
    #[command(after_help = "Example:\n  postrider campaign cancel october --yes")]
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
    /// The tenant whose it is, and whose the email is [default: default]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

/// How much to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many, newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIST_MAX)))]
    limit: u32,
    /// Of this tenant [default: default]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

/// Which campaign.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The campaign's name or id
    campaign: String,
}

/// Who is to be added.
#[derive(Debug, Args)]
pub(crate) struct Recipients {
    /// The campaign's name or id
    campaign: String,
    #[command(flatten)]
    list: ListArguments,
    /// Seal the audience behind the list
    #[arg(long)]
    seal: bool,
}

/// What is to be cancelled.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The campaign's name or id
    campaign: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Create(create) => self::create(create, call).await?,
        Command::List(list) => self::list(list, call).await?,
        Command::Show(which) => show(which, call).await?,
        Command::Recipients(recipients) => return self::recipients(recipients, call).await,
        Command::Seal(which) => change(which, CampaignVerb::Seal, call).await?,
        Command::Start(which) => change(which, CampaignVerb::Start, call).await?,
        Command::Pause(which) => change(which, CampaignVerb::Pause, call).await?,
        Command::Resume(which) => change(which, CampaignVerb::Resume, call).await?,
        Command::Retry(retry) => decide::retry(retry, call).await?,
        Command::Cancel(cancel) => self::cancel(cancel, call).await?,
    }
    Ok(Exit::Done)
}

/// The campaign that a person means: by its id, or else by its name.
pub(crate) async fn find(client: &Client, which: &str) -> anyhow::Result<Campaign> {
    let found = match which.parse::<CampaignId>() {
        Ok(id) => Some(client.campaign(id).await?),
        Err(_) => client.campaign_named(which).await?,
    };
    found.ok_or_else(|| {
        let sentence = format!(
            "there is no campaign \"{which}\"; `postrider campaign list` shows those that are there"
        );
        stop(Exit::NotFound, sentence)
    })
}

async fn create(create: &Create, call: &Call) -> anyhow::Result<()> {
    let new = NewCampaign {
        tenant: create.tenant.clone(),
        in_doubt: create.in_doubt,
        send_at: create.send_at,
        ..NewCampaign::new(&create.name, create.email)
    };
    let campaign = call.at_the_door(Purpose::Change, async |client| {
        Ok(client.create_campaign(&new).await?)
    });
    print(&campaign.await?, call)
}

async fn list(list: &List, call: &Call) -> anyhow::Result<()> {
    let page = call.at_the_door(Purpose::Look, async |client| {
        let limit = list.limit;
        Ok(match &list.tenant {
            Some(tenant) => client.campaigns_of(tenant, None, limit).await?,
            None => client.campaigns(None, Some(limit)).await?,
        })
    });
    let page = page.await?;
    if call.output.is_json() {
        return page.data.iter().try_for_each(|each| call.output.json(each));
    }
    let rows = page.data.iter().map(|campaign| {
        let ended = campaign.audience.saturating_sub(campaign.open());
        [
            campaign.id.to_string(),
            campaign.name.clone(),
            campaign.state.to_string(),
            count(campaign.audience),
            count(ended),
        ]
    });
    let heading = ["ID", "NAME", "STATE", "RECIPIENTS", "ENDED"];
    call.output
        .line(table(heading, &rows.collect::<Vec<_>>()))?;
    if page.has_more {
        call.output.note("older ones are left out; see --limit");
    }
    Ok(())
}

async fn show(Which { campaign }: &Which, call: &Call) -> anyhow::Result<()> {
    let found = call.at_the_door(Purpose::Look, async |client| find(client, campaign).await);
    print(&found.await?, call)
}

async fn recipients(recipients: &Recipients, call: &Call) -> anyhow::Result<Exit> {
    let list = recipients.list.open().await?;
    let then = match recipients.seal {
        true => AfterIntake::Seal,
        false => AfterIntake::LeaveOpen,
    };
    let report = call.at_the_door(Purpose::Change, async |client| {
        let campaign = find(client, &recipients.campaign).await?;
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
        let campaign = find(client, &which.campaign).await?;
        Ok(client.change_campaign(campaign.id, verb).await?)
    });
    print(&changed.await?, call)
}

async fn cancel(cancel: &Cancel, call: &Call) -> anyhow::Result<()> {
    let cancelled = call.at_the_door(Purpose::Change, async |client| {
        let campaign = find(client, &cancel.campaign).await?;
        if !cancel.yes && !campaign.state.is_final() {
            confirm(&format!(
                "cancelling \"{}\" is final: {} will not get it",
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

fn print(campaign: &Campaign, call: &Call) -> anyhow::Result<()> {
    if call.output.is_json() {
        return call.output.json(campaign);
    }
    call.output.line(summary(campaign))?;
    let policy = campaign.in_doubt;
    call.output
        .line(format_args!("  when in doubt: {policy}"))?;
    let is_draft = campaign.state == CampaignState::Draft;
    if let Some(at) = campaign.send_at.filter(|_| is_draft) {
        call.output.line(format_args!("  starts at: {at}"))?;
    }
    if let Some(reason) = campaign.paused_because {
        call.output
            .line(format_args!("  paused because: {}", why(reason)))?;
    }
    for held in &campaign.held {
        call.output.line(format_args!("  waits: {}", held.detail))?;
    }
    if !campaign.is_sealed && !campaign.state.is_final() {
        call.output.note(format_args!(
            "its audience is open: it cannot finish before postrider campaign seal {}",
            campaign.id
        ));
    }
    Ok(())
}

/// Why nothing begins, for people.
const fn why(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Person => "a person said so",
        PauseReason::Quarantine => "its email is in quarantine (postrider quarantine list)",
        PauseReason::Restored => {
            "the store is a restored backup, which does not know what was sent after it was made"
        }
    }
}
