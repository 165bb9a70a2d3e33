//! `postrider quarantine show`: why something is in quarantine, and what happened to it.

use clap::Args;
use postrider_api::{EmailRecord, QuarantinedChunk};
use postrider_types::{DeliveryState, EmailId};

use crate::call::Call;
use crate::commands::receipt;
use crate::door::Purpose;
use crate::exit::{Exit, stop};
use crate::figures::{count, counted, table};
use crate::naming::Whose;

/// What is looked at.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["campaign", "email", "chunk"])))]
pub(crate) struct Show {
    /// The campaign of a recipient: its name or id
    #[arg(long, requires = "address")]
    campaign: Option<String>,
    /// The recipient's address
    #[arg(long, requires = "campaign")]
    address: Option<String>,
    /// An email
    #[arg(long)]
    email: Option<EmailId>,
    /// The number of a chunk
    #[arg(long)]
    chunk: Option<u64>,
    #[command(flatten)]
    whose: Whose,
}

/// Shows it.
pub(super) async fn run(show: &Show, call: &Call) -> anyhow::Result<()> {
    match (show.email, show.chunk, &show.campaign, &show.address) {
        (Some(email), ..) => of_email(email, &show.whose, call).await,
        (_, Some(chunk), ..) => of_chunk(chunk, &show.whose, call).await,
        (_, _, Some(campaign), Some(address)) => {
            of_recipient(campaign, address, &show.whose, call).await
        }
        _ => Err(stop(
            Exit::Usage,
            "say --email, --chunk, or --campaign with --address",
        )),
    }
}

async fn of_email(email: EmailId, whose: &Whose, call: &Call) -> anyhow::Result<()> {
    let record = call.at_the_door(Purpose::Look, async |client| {
        Ok(whose.of(client).email_record(email).await?)
    });
    let record = record.await?;
    if call.output.is_json() {
        return call.output.json(&record);
    }
    call.output.line(known(&record))?;
    let rows = record.campaigns.iter().map(|campaign| {
        [
            campaign.campaign_id.clone(),
            campaign.name.clone(),
            campaign.state.to_string(),
            count(campaign.quarantined),
            count(campaign.waiting),
        ]
    });
    let heading = ["CAMPAIGN", "NAME", "STATE", "QUARANTINED", "WAITING"];
    let rows: Vec<_> = rows.collect();
    Ok(call.output.line(table(heading, &rows))?)
}

/// What is known against an email.
fn known(EmailRecord { email, .. }: &EmailRecord) -> String {
    let id = email.email_id;
    let first = match email.since {
        Some(since) => format!("{id} is in quarantine since {since}: {}", email.reason),
        None => format!("{id} is not in quarantine, and suspected"),
    };
    format!(
        "{first}\n  {} quarantined one by one\n  {} died while they prepared it",
        counted(email.recipients.into(), "recipient"),
        counted(email.deaths.into(), "worker"),
    )
}

async fn of_chunk(number: u64, whose: &Whose, call: &Call) -> anyhow::Result<()> {
    let chunk = call.at_the_door(Purpose::Look, async |client| {
        Ok(whose.of(client).quarantined_chunk(number).await?)
    });
    let chunk = chunk.await?;
    if call.output.is_json() {
        return call.output.json(&chunk);
    }
    let QuarantinedChunk {
        campaign_id,
        reason,
        since,
        bytes,
        ..
    } = chunk;
    let bytes = count(bytes);
    Ok(call.output.line(format_args!(
        "chunk {number} of {campaign_id} is in quarantine since {since}: {reason}\n  \
         {bytes} bytes of it are kept aside"
    ))?)
}

async fn of_recipient(
    campaign: &str,
    address: &str,
    whose: &Whose,
    call: &Call,
) -> anyhow::Result<()> {
    let found = call.at_the_door(Purpose::Look, async |client| {
        let campaign = whose.find(client, campaign).await?;
        Ok((client.history(campaign.id, address).await?, campaign))
    });
    let (history, campaign) = found.await?;
    receipt::print_entries(&history.data, call)?;
    let now = history.data.last().map(|last| last.state);
    if let Some(state) = now.filter(|state| *state != DeliveryState::Quarantined) {
        let name = campaign.name;
        call.output.note(format_args!(
            "it is not in quarantine: {address} of {name} is {state}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use postrider_api::QuarantinedEmail;

    use super::*;

    #[test]
    fn an_email_that_is_only_suspected_is_said_to_be_free() {
        let check = |since: Option<&str>, expect: &str| {
            let record = EmailRecord {
                email: QuarantinedEmail {
                    email_id: EmailId::of(b""),
                    recipients: 1,
                    deaths: 2,
                    reason: "too large".to_owned(),
                    since: since.map(|at| at.parse().unwrap()),
                },
                campaigns: Vec::new(),
            };
            let text = known(&record);
            assert!(text.contains(expect), "{text}");
            assert!(text.contains("1 recipient quarantined"), "{text}");
            assert!(text.contains("2 workers died"), "{text}");
        };
        check(None, "not in quarantine");
        check(
            Some("2026-11-21T09:30:00Z"),
            "since 2026-11-21T09:30:00.000000Z: too large",
        );
    }
}
