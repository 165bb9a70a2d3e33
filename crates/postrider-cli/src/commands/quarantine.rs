//! `postrider quarantine`: what cannot be worked on, why, and the way back.

use clap::{Args, Subcommand};
use postrider_api::{Client, Quarantine, Resolution, Resolve};
use postrider_types::{DeliveryState, EmailId};

use super::campaign::find;
use super::confirm::confirm;
use super::receipt;
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::{Exit, stop};
use crate::figures::{counted, table};

/// What can be done about it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List emails, chunks and campaigns with something in quarantine
    #[command(after_help = "Example:\n  postrider quarantine list")]
    List(List),
    /// Show what happened to one recipient
    #[command(
        after_help = "Example:\n  postrider quarantine show --campaign october --address ada@a.test"
    )]
    Show(Show),
    /// Try it again; campaigns of an email stay paused until they are resumed
    #[command(
        after_help = "Example:\n  postrider quarantine release --campaign october --reason 'the template is mended'"
    )]
    Release(Lift),
    /// Give it up: it ends cancelled, and with an email the campaigns that send it
    #[command(after_help = "Example:\n  postrider quarantine discard --email eml_1f0c… --yes")]
    Discard(Discard),
}

/// Whose quarantine.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of this tenant [default: default]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

/// Whose history.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The campaign's name or id
    #[arg(long)]
    campaign: String,
    /// The address
    #[arg(long)]
    address: String,
}

/// What is to leave the quarantine.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["campaign", "email"])))]
pub(crate) struct Lift {
    /// The recipients of this campaign that are in quarantine: its name or id
    #[arg(long, requires = "reason")]
    campaign: Option<String>,
    /// Only this address; may be given again
    #[arg(long, value_name = "ADDRESS", requires = "campaign")]
    address: Vec<String>,
    /// Why, with --campaign; it stands in receipts and log
    #[arg(long, value_name = "TEXT", requires = "campaign")]
    reason: Option<String>,
    /// This email, with all that was quarantined of it
    #[arg(long)]
    email: Option<EmailId>,
    /// The tenant whose the email is [default: default]
    #[arg(long, value_name = "NAME", requires = "email")]
    tenant: Option<String>,
}

/// What is to be given up.
#[derive(Debug, Args)]
pub(crate) struct Discard {
    #[command(flatten)]
    lift: Lift,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::List(list) => self::list(list, call).await?,
        Command::Show(show) => self::show(show, call).await?,
        Command::Release(lift) => self::lift(lift, Resolution::Retry, call).await?,
        Command::Discard(Discard { lift, yes }) => {
            if !yes {
                confirm("what is discarded ends cancelled, which is final")?;
            }
            self::lift(lift, Resolution::Discard, call).await?;
        }
    }
    Ok(Exit::Done)
}

async fn list(list: &List, call: &Call) -> anyhow::Result<()> {
    let found = call.at_the_door(Purpose::Look, async |client| {
        Ok(client.quarantine(list.tenant.as_deref()).await?)
    });
    let found = found.await?;
    if call.output.is_json() {
        return call.output.json(&found);
    }
    let rows = rows(&found);
    if rows.is_empty() {
        call.output.note("nothing is in quarantine");
        return Ok(());
    }
    Ok(call
        .output
        .line(table(["WHAT", "ID", "RECIPIENTS", "WHY"], &rows))?)
}

fn rows(found: &Quarantine) -> Vec<[String; 4]> {
    let emails = found.emails.iter().map(|email| {
        [
            "email".to_owned(),
            email.email_id.to_string(),
            email.recipients.to_string(),
            email.reason.clone(),
        ]
    });
    let chunks = found.chunks.iter().map(|chunk| {
        [
            "chunk".to_owned(),
            format!("{} of {}", chunk.chunk, chunk.campaign_id),
            String::new(),
            chunk.reason.clone(),
        ]
    });
    let campaigns = found.campaigns.iter().map(|campaign| {
        [
            "recipients".to_owned(),
            campaign.campaign_id.clone(),
            campaign.recipients.to_string(),
            "see: receipt list --state quarantined --campaign".to_owned(),
        ]
    });
    emails.chain(chunks).chain(campaigns).collect()
}

async fn show(show: &Show, call: &Call) -> anyhow::Result<()> {
    let history = call.at_the_door(Purpose::Look, async |client| {
        let campaign = find(client, &show.campaign).await?;
        Ok(client.history(campaign.id, &show.address).await?)
    });
    let history = history.await?;
    receipt::print_entries(&history.data, call)
}

async fn lift(lift: &Lift, into: Resolution, call: &Call) -> anyhow::Result<()> {
    let lifted = call.at_the_door(Purpose::Change, async |client| match &lift.campaign {
        Some(campaign) => lift_recipients(client, campaign, lift, into).await,
        None => lift_email(client, lift, into).await,
    });
    let matched = lifted.await?;
    let whom = counted(matched, "recipient");
    let line = match into {
        Resolution::Discard => format!("{whom} ended cancelled"),
        _ => format!("{whom} left the quarantine"),
    };
    if call.output.is_json() {
        return call.output.json(&postrider_api::Lifted { matched });
    }
    Ok(call.output.line(line)?)
}

async fn lift_recipients(
    client: &Client,
    campaign: &str,
    lift: &Lift,
    into: Resolution,
) -> anyhow::Result<u64> {
    let campaign = find(client, campaign).await?;
    let reason = lift.reason.clone().unwrap_or_default();
    let resolve = Resolve {
        recipients: (!lift.address.is_empty()).then(|| lift.address.clone()),
        ..Resolve::all(vec![DeliveryState::Quarantined], into, reason)
    };
    Ok(client.resolve(campaign.id, &resolve).await?.matched)
}

async fn lift_email(client: &Client, lift: &Lift, into: Resolution) -> anyhow::Result<u64> {
    let Some(email) = lift.email else {
        return Err(stop(Exit::Usage, "say --campaign or --email"));
    };
    let tenant = lift.tenant.as_deref();
    let lifted = match into {
        Resolution::Discard => client.discard_email(email, tenant).await?,
        _ => client.release_email(email, tenant).await?,
    };
    Ok(lifted.matched)
}
