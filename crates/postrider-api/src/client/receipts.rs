//! What became of messages: receipts, the feed, histories and exports.

use postrider_types::{CampaignId, DeliveryState, RecipientId};
use reqwest::Method;

use super::transport::{given, number};
use super::{Client, Export};
use crate::error::ApiError;
use crate::page::{Feed, Page};
use crate::receipt::{LogEntry, Receipt};

impl Client {
    /// The receipts of one address over all campaigns of the tenant, newest campaign first; the
    /// 100 newest.
    ///
    /// # Errors
    /// Here and below: [`ApiError`].
    pub async fn receipts_of(&self, address: &str) -> Result<Page<Receipt>, ApiError> {
        let request = self.request(Method::GET, "/v1/receipts");
        let request = request.query(&[("address", address)]);
        self.ask(request.query(&self.of_whom())).await
    }

    /// What happened after entry number `after` of the attempt log; 0 is from the beginning.
    pub async fn feed(&self, after: u64, limit: Option<u32>) -> Result<Feed<LogEntry>, ApiError> {
        let request = self.request(Method::GET, "/v1/receipts");
        let query = [("after", Some(after.to_string())), ("limit", number(limit))];
        let request = request.query(&given(query));
        self.ask(request.query(&self.of_whom())).await
    }

    /// One page of a campaign's receipts, in order of number from `from` on; only those in
    /// `state` if one is given. Recipients that nothing has happened to have no receipt.
    pub async fn receipts(
        &self,
        campaign: CampaignId,
        state: Option<DeliveryState>,
        from: Option<RecipientId>,
        limit: Option<u32>,
    ) -> Result<Page<Receipt>, ApiError> {
        let path = format!("/v1/campaigns/{campaign}/receipts");
        let query = [
            ("state", state.map(|state| state.name().to_owned())),
            ("from", number(from)),
            ("limit", number(limit)),
        ];
        let request = self.request(Method::GET, &path);
        self.ask(request.query(&given(query))).await
    }

    /// All recipients of a campaign as they stand now, touched or not, as a stream.
    pub async fn export(&self, campaign: CampaignId) -> Result<Export, ApiError> {
        let url = format!("{}/v1/campaigns/{campaign}/export", self.endpoint);
        let response = self.send(self.http.get(url)).await?;
        Ok(Export::new(self.endpoint.clone(), response))
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
}
