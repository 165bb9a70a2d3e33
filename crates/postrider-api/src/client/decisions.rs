//! What a person decides and takes out: the routes of operators.

use postrider_types::CampaignId;
use reqwest::Method;

use super::Client;
use super::transport::given;
use crate::decision::{Resolve, Resolved};
use crate::error::ApiError;
use crate::page::Page;
use crate::purge::{Erase, Erased, Purge, Purged};
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
        self.tell(self.post(&path).json(resolve)).await
    }

    /// Makes a tenant.
    pub async fn create_tenant(&self, name: &str) -> Result<Tenant, ApiError> {
        let name = name.to_owned();
        let request = self.post("/v1/tenants");
        self.tell(request.json(&NewTenant { name })).await
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
        self.tell(self.post(&path)).await
    }

    /// Ends what waits, or is leased and not begun, as cancelled.
    pub async fn purge(&self, purge: &Purge) -> Result<Purged, ApiError> {
        let request = self.post("/v1/purge");
        self.tell(request.json(purge)).await
    }

    /// Erases a recipient: what stays of the address is a keyed hash.
    pub async fn erase_recipient(&self, erase: &Erase) -> Result<Erased, ApiError> {
        let erase = Erase {
            tenant: erase.tenant.clone().or_else(|| self.tenant.clone()),
            ..erase.clone()
        };
        let request = self.post("/v1/recipients/erase");
        self.tell(request.json(&erase)).await
    }
}
