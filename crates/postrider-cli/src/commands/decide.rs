//! `postrider receipt resolve` and `postrider campaign retry`: what a person decides about
//! deliveries of a campaign.

use clap::{Args, ValueEnum};
use postrider_api::{Campaign, Client, Resolution, Resolve as Asked, Resolved};
use postrider_types::DeliveryState;

use crate::call::Call;
use crate::door::Purpose;
use crate::exit::Exit;
use crate::figures::{count, counted};
use crate::naming::{Which, Within};

/// The reason of a dry run, which stands nowhere.
const DRY_RUN: &str = "a dry run";

/// What came of whom.
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    within: Within,
    /// Those in these states; delivered and bounced are for in_doubt only
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "STATE,…",
        default_value = "in_doubt"
    )]
    state: Vec<DeliveryState>,
    /// What came of them
    #[arg(long, value_enum)]
    r#as: As,
    #[command(flatten)]
    whom: Whom,
}

/// What came of a delivery in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    /// The receiver has it
    Delivered,
    /// The receiver refused it
    Bounced,
    /// Nobody knows, and it is sent once more under the same Message-ID
    Retry,
}

/// Who is to be tried again.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    which: Which,
    /// Those in these states: bounced, failed, expired, cancelled, capped, quarantined, in_doubt
    #[arg(long, required = true, value_delimiter = ',', value_name = "STATE,…")]
    state: Vec<DeliveryState>,
    #[command(flatten)]
    whom: Whom,
}

/// Whom it is about, beside their states; and why.
#[derive(Debug, Args)]
struct Whom {
    /// Only this address; may be given again
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,
    /// Only recipients at this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Only those whose newest reply has this code; 0 is a reason of our own
    #[arg(long, value_name = "CODE")]
    reply_code: Option<u16>,
    /// Only those whose newest reply has this in its text
    #[arg(long, value_name = "TEXT")]
    reply_text: Option<String>,
    /// Why; it stands in receipts and log
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Only count; nothing is changed or sent
    #[arg(long)]
    dry_run: bool,
}

impl Whom {
    /// What is asked for.
    fn resolve(&self, states: Vec<DeliveryState>, into: Resolution) -> Asked {
        Asked {
            states,
            recipients: (!self.address.is_empty()).then(|| self.address.clone()),
            domain: self.domain.clone(),
            reply_code: self.reply_code,
            reply_text: self.reply_text.clone(),
            into,
            reason: self.reason.clone().unwrap_or_else(|| DRY_RUN.to_owned()),
            is_dry_run: self.dry_run,
        }
    }
}

/// `receipt resolve`
pub(crate) async fn resolve(resolve: &Resolve, call: &Call) -> anyhow::Result<Exit> {
    let into = match resolve.r#as {
        As::Delivered => Resolution::Delivered,
        As::Bounced => Resolution::Bounced,
        As::Retry => Resolution::Retry,
    };
    let asked = resolve.whom.resolve(resolve.state.clone(), into);
    let decided = call.at_the_door(Purpose::Change, async |client| {
        decide(client, resolve.within.find(client).await?, &asked).await
    });
    say(decided.await?, into, call)
}

/// `campaign retry`
pub(crate) async fn retry(retry: &Retry, call: &Call) -> anyhow::Result<Exit> {
    let into = Resolution::Retry;
    let asked = retry.whom.resolve(retry.state.clone(), into);
    let decided = call.at_the_door(Purpose::Change, async |client| {
        decide(client, retry.which.find(client).await?, &asked).await
    });
    say(decided.await?, into, call)
}

/// Decides so about a campaign; answers with it as it was before.
async fn decide(
    client: &Client,
    campaign: Campaign,
    asked: &Asked,
) -> anyhow::Result<(Campaign, Resolved)> {
    let resolved = client.resolve(campaign.id, asked).await?;
    Ok((campaign, resolved))
}

/// Says what came of it. Who is left because it was too early makes it done in part.
fn say(
    (campaign, resolved): (Campaign, Resolved),
    into: Resolution,
    call: &Call,
) -> anyhow::Result<Exit> {
    if call.output.is_json() {
        call.output.json(&resolved)?;
    } else {
        call.output.line(sentence(&resolved, into))?;
    }
    if resolved.matched == 0 && resolved.too_early == 0 {
        let next = call.next("receipt list --campaign", campaign.id);
        call.output
            .note(format_args!("nobody fits; who is in which state: {next}"));
    }
    if resolved.too_early == 0 {
        return Ok(Exit::Done);
    }
    let wait = campaign.in_doubt_retry_after_seconds;
    call.output.note(format_args!(
        "{} left as they are, because their first try may still be under way; repeat this when \
         they have been in doubt for {wait} s",
        count(resolved.too_early)
    ));
    Ok(match resolved.is_dry_run {
        true => Exit::Done,
        false => Exit::Partly,
    })
}

fn sentence(resolved: &Resolved, into: Resolution) -> String {
    let whom = counted(resolved.matched, "recipient");
    let become_what = match into {
        Resolution::Delivered => "delivered",
        Resolution::Bounced => "bounced",
        Resolution::Retry => "pending, to be sent again",
        Resolution::Discard => "cancelled",
    };
    if resolved.is_dry_run {
        format!("{whom} would be {become_what}; nothing was changed")
    } else {
        format!("{whom} set to {become_what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_says_that_nothing_was_changed() {
        let check = |is_dry_run, into, expect: &str| {
            let resolved = Resolved {
                matched: 1_200,
                too_early: 0,
                is_dry_run,
            };
            assert_eq!(sentence(&resolved, into), expect);
        };
        check(
            true,
            Resolution::Retry,
            "1,200 recipients would be pending, to be sent again; nothing was changed",
        );
        check(
            false,
            Resolution::Delivered,
            "1,200 recipients set to delivered",
        );
    }
}
