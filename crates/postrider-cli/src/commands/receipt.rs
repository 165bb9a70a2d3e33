//! `postrider receipt`: who got it, and what the other side said.

use std::io::{self, BufWriter, Write};

use clap::{Args, Subcommand};
use postrider_api::{LogEntry, Receipt, Refusal, Reply};
use postrider_types::{DeliveryState, RecipientId};

use super::decide;
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::{Exit, stop};
use crate::figures::table;
use crate::naming::{Whose, Within};

/// The most receipts that one page holds.
const PAGE_MAX: u32 = 100;

/// What can be asked about receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find what became of one address, over all campaigns
    #[command(after_help = "Example:\n  postrider receipt find ada@example.test")]
    Find(Find),
    /// List the receipts of a campaign
    #[command(
        after_help = "Example:\n  postrider receipt list --campaign october --state in_doubt"
    )]
    List(List),
    /// Say what came of deliveries that are in doubt, or send them again
    #[command(
        after_help = "Example:\n  postrider receipt resolve --campaign october --domain a.test --as delivered --reason 'their log has them' --dry-run"
    )]
    Resolve(decide::Resolve),
    /// Print the attempt log from a number on: everything that happened, in order
    #[command(after_help = "Example:\n  postrider receipt feed --after 1200 -o json")]
    Feed(Feed),
    /// Print every recipient of a campaign, one JSON object a line
    #[command(
        after_help = "Example:\n  postrider receipt export --campaign october --data ./data > october.ndjson"
    )]
    Export(Export),
    /// Print what receivers refuse with, grouped, since the service started
    #[command(after_help = "Example:\n  postrider receipt refusals")]
    Refusals,
}

/// Whose receipts.
#[derive(Debug, Args)]
pub(crate) struct Find {
    /// The address
    address: String,
    #[command(flatten)]
    whose: Whose,
}

/// Which receipts.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    within: Within,
    /// Only those in this state
    #[arg(long)]
    state: Option<DeliveryState>,
    /// How many
    #[arg(long, default_value_t = PAGE_MAX)]
    limit: u32,
}

/// Which part of the log.
#[derive(Debug, Args)]
pub(crate) struct Feed {
    /// The number of the last entry that is known already
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// How many entries
    #[arg(long, default_value_t = PAGE_MAX, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    limit: u32,
    #[command(flatten)]
    whose: Whose,
}

/// Whose recipients.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    within: Within,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Find(find) => find_address(find, call).await?,
        Command::List(list) => self::list(list, call).await?,
        Command::Resolve(resolve) => return decide::resolve(resolve, call).await,
        Command::Feed(feed) => self::feed(feed, call).await?,
        Command::Export(Export { within }) => export(within, call).await?,
        Command::Refusals => refusals(call).await?,
    }
    Ok(Exit::Done)
}

async fn find_address(Find { address, whose }: &Find, call: &Call) -> anyhow::Result<()> {
    let page = call.at_the_door(Purpose::Look, async |client| {
        Ok(whose.of(client).receipts_of(address).await?)
    });
    let page = page.await?;
    if page.data.is_empty() {
        let sentence = format!("nothing has happened to {address} yet: it has no receipt");
        return Err(stop(Exit::NotFound, sentence));
    }
    print(&page.data, call)?;
    if page.has_more {
        call.output.note("receipts of older campaigns are left out");
    }
    Ok(())
}

async fn list(list: &List, call: &Call) -> anyhow::Result<()> {
    call.at_the_door(Purpose::Look, async |client| {
        let campaign = list.within.find(client).await?.id;
        let mut from: Option<RecipientId> = None;
        let mut left = list.limit;
        let mut receipts = Vec::new();
        while left > 0 {
            let limit = Some(left.min(PAGE_MAX));
            let page = client.receipts(campaign, list.state, from, limit).await?;
            left -= u32::try_from(page.data.len()).unwrap_or(left).min(left);
            from = page
                .data
                .last()
                .map(|last| RecipientId(last.recipient_id.0 + 1));
            receipts.extend(page.data);
            if !page.has_more {
                return print(&receipts, call);
            }
        }
        print(&receipts, call)?;
        call.output
            .note("more are left out; see --limit, or export all of them");
        Ok(())
    })
    .await
}

async fn feed(feed: &Feed, call: &Call) -> anyhow::Result<()> {
    let entries = call.at_the_door(Purpose::Look, async |client| {
        let client = feed.whose.of(client);
        Ok(client.feed(feed.after, Some(feed.limit)).await?)
    });
    let entries = entries.await?;
    print_entries(&entries.data, call)?;
    if entries.has_more {
        call.output
            .note(format_args!("more follows: --after {}", entries.next));
    }
    Ok(())
}

/// Entries of the attempt log, as they happened.
pub(crate) fn print_entries(entries: &[LogEntry], call: &Call) -> anyhow::Result<()> {
    if call.output.is_json() {
        return entries.iter().try_for_each(|each| call.output.json(each));
    }
    let rows: Vec<_> = entries.iter().map(entry_row).collect();
    let heading = [
        "NUMBER",
        "AT",
        "CAMPAIGN",
        "RECIPIENT",
        "ATTEMPT",
        "STATE",
        "REPLY",
    ];
    Ok(call.output.line(table(heading, &rows))?)
}

async fn export(within: &Within, call: &Call) -> anyhow::Result<()> {
    call.at_the_door(Purpose::Look, async |client| {
        let campaign = within.find(client).await?;
        let mut export = client.export(campaign.id).await?;
        let mut stdout = BufWriter::new(io::stdout().lock());
        while let Some(line) = export.next_line().await? {
            stdout.write_all(&line)?;
        }
        Ok(stdout.flush()?)
    })
    .await
}

async fn refusals(call: &Call) -> anyhow::Result<()> {
    let refusals = call.at_the_door(Purpose::Look, async |client| Ok(client.refusals().await?));
    let refusals = refusals.await?.data;
    if call.output.is_json() {
        return refusals.iter().try_for_each(|each| call.output.json(each));
    }
    let rows: Vec<_> = refusals.iter().map(refusal_row).collect();
    let heading = ["COUNT", "CLASS", "ACTION", "RULE", "REPLY"];
    Ok(call.output.line(table(heading, &rows))?)
}

fn refusal_row(refusal: &Refusal) -> [String; 5] {
    [
        refusal.count.to_string(),
        refusal.class.clone(),
        refusal.action.clone().unwrap_or_default(),
        refusal.rule.clone(),
        refusal.line.clone(),
    ]
}

fn print(receipts: &[Receipt], call: &Call) -> anyhow::Result<()> {
    if call.output.is_json() {
        return receipts.iter().try_for_each(|each| call.output.json(each));
    }
    let rows: Vec<_> = receipts.iter().map(receipt_row).collect();
    let heading = ["CAMPAIGN", "RECIPIENT", "STATE", "ATTEMPTS", "AT", "REPLY"];
    Ok(call.output.line(table(heading, &rows))?)
}

fn receipt_row(receipt: &Receipt) -> [String; 6] {
    [
        receipt.campaign.clone(),
        receipt.recipient.clone(),
        receipt.state.to_string(),
        receipt.attempts.to_string(),
        receipt.at.to_string(),
        said(receipt.reply.as_ref()),
    ]
}

fn entry_row(entry: &LogEntry) -> [String; 7] {
    [
        entry.number.to_string(),
        entry.at.to_string(),
        entry.campaign_id.to_string(),
        entry.recipient.clone(),
        entry.attempt.to_string(),
        entry.state.to_string(),
        said(entry.reply.as_ref()),
    ]
}

/// A reply on one line; our own reasons have no code.
fn said(reply: Option<&Reply>) -> String {
    let Some(reply) = reply else {
        return String::new();
    };
    let enhanced = reply.enhanced.as_deref().unwrap_or_default();
    let code = match reply.code {
        0 => String::new(),
        code => code.to_string(),
    };
    let parts = [code.as_str(), enhanced, reply.text.as_str()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_our_own_has_no_code() {
        let reply = |code, enhanced: Option<&str>, text: &str| Reply {
            code,
            enhanced: enhanced.map(str::to_owned),
            text: text.to_owned(),
        };
        let refused = reply(550, Some("5.1.1"), "no such user");
        assert_eq!(said(Some(&refused)), "550 5.1.1 no such user");
        assert_eq!(said(Some(&reply(0, None, "lost"))), "lost");
        assert_eq!(said(None), "");
    }
}
