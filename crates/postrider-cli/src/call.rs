//! One call of the command: what holds for all of it.

use postrider_api::Client;
use postrider_types::CampaignId;
use tokio::time::Instant;

use crate::arguments::Globals;
use crate::door::{Door, Purpose};
use crate::output::Output;

/// One call of the command.
pub(crate) struct Call {
    /// The options that hold for every command.
    pub(crate) globals: Globals,
    /// How it speaks.
    pub(crate) output: Output,
    /// When it began.
    pub(crate) started_at: Instant,
}

impl Call {
    /// Another command about a campaign, as a person would type it next.
    pub(crate) fn next(&self, command: &str, campaign: CampaignId) -> String {
        let data = self.globals.data.as_ref();
        let data = data.map(|data| format!(" --data {}", data.display()));
        format!("postrider {command} {campaign}{}", data.unwrap_or_default())
    }

    /// Opens the door to a service, does `work` there, and closes the door behind it.
    pub(crate) async fn at_the_door<T>(
        &self,
        purpose: Purpose,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let door = Door::open(self, purpose, None).await?;
        let done = work(door.client()).await;
        door.close().await;
        done
    }
}
