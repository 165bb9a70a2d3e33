//! `postrider quarantine release` and `discard`: the way out.

use clap::Args;
use postrider_api::{Client, LiftRequest, Lifted, Resolution, Resolve};
use postrider_types::{CampaignId, DeliveryState, EmailId};

use crate::call::Call;
use crate::commands::confirm::confirm;
use crate::door::Purpose;
use crate::exit::{Exit, stop};
use crate::figures::counted;
use crate::naming::Whose;

/// What is to leave the quarantine.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["campaign", "email", "chunk"])))]
pub(crate) struct Lift {
    /// The recipients of this campaign that are in quarantine: its name or id
    #[arg(long)]
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
    /// Whoever was quarantined with the chunk of this number
    #[arg(long)]
    chunk: Option<u64>,
    #[command(flatten)]
    whose: Whose,
    /// Only count; nothing is changed
    #[arg(long)]
    dry_run: bool,
}

/// What is to be given up.
#[derive(Debug, Args)]
pub(crate) struct Discard {
    #[command(flatten)]
    pub(super) lift: Lift,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// What is meant, found.
enum What {
    Recipients(CampaignId),
    Email(EmailId),
    Chunk(u64),
}

/// Does it; what is not confirmed is counted first, and asked about.
pub(super) async fn run(
    lift: &Lift,
    into: Resolution,
    is_confirmed: bool,
    call: &Call,
) -> anyhow::Result<()> {
    if lift.campaign.is_some() && lift.reason.is_none() && !lift.dry_run {
        let sentence = "say why with --reason TEXT: it stands in receipts and log; --dry-run \
                        needs none";
        return Err(stop(Exit::Usage, sentence));
    }
    let lifted = call.at_the_door(Purpose::Change, async |client| {
        let what = lift.what(client).await?;
        if !is_confirmed && !lift.dry_run {
            let would = lift.ask(client, &what, into, true).await?;
            let whom = counted(would.matched, "recipient");
            confirm(&format!(
                "what is discarded is final: {whom} will not get it"
            ))?;
        }
        lift.ask(client, &what, into, lift.dry_run).await
    });
    let lifted = lifted.await?;
    if call.output.is_json() {
        return call.output.json(&lifted);
    }
    Ok(call.output.line(sentence(lifted, into))?)
}

impl Lift {
    async fn what(&self, client: &Client) -> anyhow::Result<What> {
        match (&self.campaign, self.email, self.chunk) {
            (Some(campaign), ..) => {
                let found = self.whose.find(client, campaign).await?;
                Ok(What::Recipients(found.id))
            }
            (_, Some(email), _) => Ok(What::Email(email)),
            (_, _, Some(chunk)) => Ok(What::Chunk(chunk)),
            _ => Err(stop(Exit::Usage, "say --campaign, --email or --chunk")),
        }
    }

    async fn ask(
        &self,
        client: &Client,
        what: &What,
        into: Resolution,
        is_dry_run: bool,
    ) -> anyhow::Result<Lifted> {
        let client = self.whose.of(client);
        let request = LiftRequest { is_dry_run };
        let lifted = match (what, into) {
            (What::Recipients(campaign), into) => {
                let resolved = client
                    .resolve(*campaign, &self.resolve(into, is_dry_run))
                    .await?;
                Lifted {
                    matched: resolved.matched,
                    is_dry_run,
                }
            }
            (What::Email(email), Resolution::Discard) => {
                client.discard_email(*email, request).await?
            }
            (What::Email(email), _) => client.release_email(*email, request).await?,
            (What::Chunk(chunk), Resolution::Discard) => {
                client.discard_chunk(*chunk, request).await?
            }
            (What::Chunk(chunk), _) => client.release_chunk(*chunk, request).await?,
        };
        Ok(lifted)
    }

    fn resolve(&self, into: Resolution, is_dry_run: bool) -> Resolve {
        let reason = self
            .reason
            .clone()
            .unwrap_or_else(|| "a dry run".to_owned());
        Resolve {
            recipients: (!self.address.is_empty()).then(|| self.address.clone()),
            is_dry_run,
            ..Resolve::all(vec![DeliveryState::Quarantined], into, reason)
        }
    }
}

fn sentence(lifted: Lifted, into: Resolution) -> String {
    let whom = counted(lifted.matched, "recipient");
    match (into, lifted.is_dry_run) {
        (Resolution::Discard, false) => format!("{whom} ended cancelled"),
        (Resolution::Discard, true) => format!("{whom} would end cancelled; nothing was changed"),
        (_, false) => format!("{whom} left the quarantine"),
        (_, true) => format!("{whom} would leave the quarantine; nothing was changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_says_that_nothing_was_changed() {
        let check = |is_dry_run, into, expect: &str| {
            let matched = 2;
            let lifted = Lifted {
                matched,
                is_dry_run,
            };
            assert_eq!(sentence(lifted, into), expect);
        };
        check(
            true,
            Resolution::Retry,
            "2 recipients would leave the quarantine; nothing was changed",
        );
        check(false, Resolution::Retry, "2 recipients left the quarantine");
        check(
            true,
            Resolution::Discard,
            "2 recipients would end cancelled; nothing was changed",
        );
        check(false, Resolution::Discard, "2 recipients ended cancelled");
    }
}
