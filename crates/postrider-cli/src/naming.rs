//! How a person names a campaign: by its id, or by its name, which is unique within a tenant.

use clap::Args;
use postrider_api::{Campaign, Client};
use postrider_types::CampaignId;

use crate::exit::{Exit, stop};

/// Whose things are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Whose {
    /// The tenant whose it is [default: default]
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
}

/// The campaign that a command is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// The campaign's name or id
    pub(crate) campaign: String,
    #[command(flatten)]
    whose: Whose,
}

/// The campaign that is meant, as an option.
#[derive(Debug, Clone, Args)]
pub(crate) struct Within {
    /// The campaign's name or id
    #[arg(long)]
    pub(crate) campaign: String,
    #[command(flatten)]
    whose: Whose,
}

impl Whose {
    /// A client for the things of this tenant.
    pub(crate) fn of(&self, client: &Client) -> Client {
        client.of_tenant(self.tenant.as_deref())
    }

    /// The campaign that a person means: by its id, or else by its name.
    pub(crate) async fn find(&self, client: &Client, which: &str) -> anyhow::Result<Campaign> {
        let found = match which.parse::<CampaignId>() {
            Ok(id) => Some(client.campaign(id).await?),
            Err(_) => self.of(client).campaign_named(which).await?,
        };
        found.ok_or_else(|| stop(Exit::NotFound, self.not_found(which)))
    }

    fn not_found(&self, which: &str) -> String {
        match &self.tenant {
            Some(tenant) => format!(
                "tenant \"{tenant}\" has no campaign \"{which}\"; `postrider campaign list \
                 --tenant {tenant}` shows those that are there"
            ),
            None => format!(
                "there is no campaign \"{which}\"; `postrider campaign list` shows those that are \
                 there, and --tenant NAME looks among those of another tenant"
            ),
        }
    }
}

impl Which {
    /// The campaign, as it is now.
    pub(crate) async fn find(&self, client: &Client) -> anyhow::Result<Campaign> {
        self.whose.find(client, &self.campaign).await
    }
}

impl Within {
    /// The campaign, as it is now.
    pub(crate) async fn find(&self, client: &Client) -> anyhow::Result<Campaign> {
        self.whose.find(client, &self.campaign).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looked_in_one_tenant_is_told_how_to_look_in_another() {
        let check = |tenant: Option<&str>, part: &str| {
            let tenant = tenant.map(str::to_owned);
            let sentence = Whose { tenant }.not_found("october");
            assert!(sentence.contains(part), "{sentence}");
        };
        check(None, "--tenant NAME");
        check(Some("acme"), "campaign list --tenant acme");
    }
}
