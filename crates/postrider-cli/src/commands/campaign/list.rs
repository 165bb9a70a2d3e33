//! `postrider campaign list`

use clap::Args;

use crate::call::Call;
use crate::door::Purpose;
use crate::figures::{count, table};
use crate::naming::Whose;

/// The most campaigns that a list shows: what one page holds.
const LIST_MAX: u32 = 100;

/// How much to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many, newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIST_MAX)))]
    limit: u32,
    #[command(flatten)]
    whose: Whose,
}

/// Lists them.
pub(super) async fn run(list: &List, call: &Call) -> anyhow::Result<()> {
    let page = call.at_the_door(Purpose::Look, async |client| {
        let client = list.whose.of(client);
        Ok(client.campaigns(None, Some(list.limit)).await?)
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
