//! `postrider campaign`: create campaigns, fill them, and steer them.

use std::io::{self, BufRead, IsTerminal};

use anyhow::bail;
use clap::{Args, Subcommand};
use postrider_api::{AfterIntake, Campaign, CampaignVerb, Client, NewCampaign};
use postrider_types::{CampaignId, EmailId};

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
}

/// How much to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many, newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIST_MAX)))]
    limit: u32,
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
        Command::List(List { limit }) => list(*limit, call).await?,
        Command::Show(which) => show(which, call).await?,
        Command::Recipients(recipients) => return self::recipients(recipients, call).await,
        Command::Seal(which) => change(which, CampaignVerb::Seal, call).await?,
        Command::Start(which) => change(which, CampaignVerb::Start, call).await?,
        Command::Pause(which) => change(which, CampaignVerb::Pause, call).await?,
        Command::Resume(which) => change(which, CampaignVerb::Resume, call).await?,
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
        name: create.name.clone(),
        email_id: create.email,
    };
    let campaign = call.at_the_door(Purpose::Change, async |client| {
        Ok(client.create_campaign(&new).await?)
    });
    print(&campaign.await?, call)
}

async fn list(limit: u32, call: &Call) -> anyhow::Result<()> {
    let page = call.at_the_door(Purpose::Look, async |client| {
        Ok(client.campaigns(None, Some(limit)).await?)
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
            confirm(&campaign)?;
        }
        Ok(client
            .change_campaign(campaign.id, CampaignVerb::Cancel)
            .await?)
    });
    print(&cancelled.await?, call)
}

/// Asks a person at a terminal; nobody else can say yes but by the flag.
fn confirm(campaign: &Campaign) -> anyhow::Result<()> {
    let stake = format!(
        "cancelling \"{}\" is final: {} will not get it",
        campaign.name,
        counted(campaign.open(), "recipient")
    );
    if !io::stdin().is_terminal() {
        let sentence = format!("{stake}; say --yes to do it. Nothing was changed");
        return Err(stop(Exit::Unconfirmed, sentence));
    }
    eprint(&format!("{stake}. Cancel it? [y/N] "))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!(stop(
            Exit::Unconfirmed,
            "not confirmed; nothing was changed"
        ));
    }
    Ok(())
}

/// A question, without a line break behind it.
fn eprint(question: &str) -> io::Result<()> {
    use std::io::Write;
    write!(io::stderr().lock(), "{question}")
}

fn print(campaign: &Campaign, call: &Call) -> anyhow::Result<()> {
    if call.output.is_json() {
        return call.output.json(campaign);
    }
    call.output.line(summary(campaign))?;
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
