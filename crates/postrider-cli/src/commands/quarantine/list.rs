//! `postrider quarantine list`: all pages of it.

use clap::Args;
use postrider_api::{Client, Quarantine};

use crate::call::Call;
use crate::door::Purpose;
use crate::figures::{count, table};
use crate::naming::Whose;

/// Whose quarantine.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    whose: Whose,
}

/// Lists it.
pub(super) async fn run(list: &List, call: &Call) -> anyhow::Result<()> {
    let found = call.at_the_door(Purpose::Look, async |client| {
        all(&list.whose.of(client)).await
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
    let heading = ["WHAT", "ID", "RECIPIENTS", "WHY"];
    call.output.line(table(heading, &rows))?;
    if !found.campaigns.is_empty() {
        call.output.note(
            "who they are, and why: postrider receipt list --state quarantined --campaign ID",
        );
    }
    Ok(())
}

/// Every page as one.
async fn all(client: &Client) -> anyhow::Result<Quarantine> {
    let mut all = client.quarantine(None).await?;
    while let Some(after) = all.next.take() {
        let page = client.quarantine(Some(&after)).await?;
        all.emails.extend(page.emails);
        all.chunks.extend(page.chunks);
        all.campaigns.extend(page.campaigns);
        all.next = page.next;
    }
    all.has_more = false;
    Ok(all)
}

fn rows(found: &Quarantine) -> Vec<[String; 4]> {
    let emails = found.emails.iter().map(|email| {
        [
            "email".to_owned(),
            email.email_id.to_string(),
            count(email.recipients.into()),
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
            format!("{} ({})", campaign.campaign_id, campaign.name),
            count(campaign.recipients),
            "one by one".to_owned(),
        ]
    });
    emails.chain(chunks).chain(campaigns).collect()
}
