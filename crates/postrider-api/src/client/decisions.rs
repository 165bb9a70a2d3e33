//! What a person decides and takes out: the routes of operators.

use postrider_types::{CampaignId, EmailId};
use reqwest::Method;

use super::Client;
use super::transport::given;
use crate::campaign::Campaign;
use crate::decision::{Resolve, Resolved};
use crate::error::ApiError;
use crate::page::Page;
use crate::purge::{Erase, Erased, Purge, Purged};
use crate::quarantine::{Lifted, Quarantine};
use crate::receipt::LogEntry;
use crate::tenant::{DeletedTenant, NewTenant, Tenant};

impl Client {
    /// Decides about deliveries of a campaign that are in doubt, in quarantine, or over.
    ///
    /// # Errors
    /// Here and below: [`ApiError`].
    pub async fn resolve(
        &self,
        campaign: CampaignId,
        resolve: &Resolve,
    ) -> Result<Resolved, ApiError> {
        let path = format!("/v1/campaigns/{campaign}/resolve");
        self.ask(self.request(Method::POST, &path).json(resolve))
            .await
    }

    /// Makes a tenant.
    pub async fn create_tenant(&self, name: &str) -> Result<Tenant, ApiError> {
        let name = name.to_owned();
        let request = self.request(Method::POST, "/v1/tenants");
        self.ask(request.json(&NewTenant { name })).await
    }

    /// All tenants by number, deleted ones too: a page of at most 100 behind `after`.
    pub async fn tenants(&self, after: Option<&str>) -> Result<Page<Tenant>, ApiError> {
        let request = self.request(Method::GET, "/v1/tenants");
        let query = [("after", after.map(str::to_owned))];
        self.ask(request.query(&given(query))).await
    }

    /// Deletes a tenant, and ends what waits of its campaigns.
    pub async fn delete_tenant(&self, name: &str) -> Result<DeletedTenant, ApiError> {
        let path = format!("/v1/tenants/{name}/delete");
        self.ask(self.request(Method::POST, &path)).await
    }

    /// One page of a tenant's campaigns, newest first.
    pub async fn campaigns_of(
        &self,
        tenant: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Campaign>, ApiError> {
        let request = self.request(Method::GET, "/v1/campaigns");
        let query = [
            ("tenant", Some(tenant.to_owned())),
            ("after", after.map(str::to_owned)),
            ("limit", Some(limit.to_string())),
        ];
        self.ask(request.query(&given(query))).await
    }

    /// The campaign of a tenant with this name, if there is one.
    pub async fn campaign_of(
        &self,
        tenant: &str,
        name: &str,
    ) -> Result<Option<Campaign>, ApiError> {
        let request = self.request(Method::GET, "/v1/campaigns");
        let query = [("tenant", tenant), ("name", name)];
        let page: Page<Campaign> = self.ask(request.query(&query)).await?;
        Ok(page.data.into_iter().next())
    }

    /// What happened to one recipient of a campaign, oldest first; at most 100 entries.
    pub async fn history(
        &self,
        campaign: CampaignId,
        address: &str,
    ) -> Result<Page<LogEntry>, ApiError> {
        let path = format!("/v1/campaigns/{campaign}/history");
        let request = self.request(Method::GET, &path);
        self.ask(request.query(&[("address", address)])).await
    }

    /// Ends what waits, or is leased and not begun, as cancelled.
    pub async fn purge(&self, purge: &Purge) -> Result<Purged, ApiError> {
        let request = self.request(Method::POST, "/v1/purge");
        self.ask(request.json(purge)).await
    }

    /// What of a tenant is in quarantine.
    pub async fn quarantine(&self, tenant: Option<&str>) -> Result<Quarantine, ApiError> {
        let request = self.request(Method::GET, "/v1/quarantine");
        let query = [("tenant", tenant.map(str::to_owned))];
        self.ask(request.query(&given(query))).await
    }

    /// Lets an email out of quarantine, to be tried again; its campaigns stay paused.
    pub async fn release_email(
        &self,
        email: EmailId,
        tenant: Option<&str>,
    ) -> Result<Lifted, ApiError> {
        self.lift(email, "release", tenant).await
    }

    /// Gives up an email that is in quarantine, with the campaigns that send it.
    pub async fn discard_email(
        &self,
        email: EmailId,
        tenant: Option<&str>,
    ) -> Result<Lifted, ApiError> {
        self.lift(email, "discard", tenant).await
    }

    async fn lift(
        &self,
        email: EmailId,
        verb: &str,
        tenant: Option<&str>,
    ) -> Result<Lifted, ApiError> {
        let path = format!("/v1/quarantine/emails/{email}/{verb}");
        let query = [("tenant", tenant.map(str::to_owned))];
        let request = self.request(Method::POST, &path);
        self.ask(request.query(&given(query))).await
    }

    /// Erases a recipient: what stays of the address is a keyed hash.
    pub async fn erase_recipient(&self, erase: &Erase) -> Result<Erased, ApiError> {
        let request = self.request(Method::POST, "/v1/recipients/erase");
        self.ask(request.json(erase)).await
    }
}
