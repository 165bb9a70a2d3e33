//! Campaigns: making, finding, filling and steering them.

use postrider_types::CampaignId;
use reqwest::Method;
use tokio::io::AsyncRead;

use super::transport::{IDEMPOTENCY_KEY, given, number};
use super::tries::new_key;
use super::{AfterIntake, AudienceFormat, Client, upload};
use crate::campaign::{Campaign, CampaignVerb, IntakeReport, NewCampaign, ScheduleCampaign};
use crate::error::ApiError;
use crate::page::Page;
use crate::time::Time;

impl Client {
    /// Makes a campaign in state draft.
    ///
    /// # Errors
    /// Here and below: [`ApiError`].
    pub async fn create_campaign(&self, campaign: &NewCampaign) -> Result<Campaign, ApiError> {
        let campaign = NewCampaign {
            tenant: campaign.tenant.clone().or_else(|| self.tenant.clone()),
            ..campaign.clone()
        };
        let request = self.post("/v1/campaigns");
        self.tell(request.json(&campaign)).await
    }

    /// One page of campaigns, newest first; `after` is the `next` of the page before, and `limit`
    /// is 1 to 999, by default 100, here and below.
    pub async fn campaigns(
        &self,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<Campaign>, ApiError> {
        let request = self.request(Method::GET, "/v1/campaigns");
        let query = [
            ("after", after.map(str::to_owned)),
            ("limit", number(limit)),
        ];
        let query = self.of_whom().into_iter().chain(given(query));
        self.ask(request.query(&query.collect::<Vec<_>>())).await
    }

    /// The campaign with this name, if there is one.
    pub async fn campaign_named(&self, name: &str) -> Result<Option<Campaign>, ApiError> {
        let request = self.request(Method::GET, "/v1/campaigns");
        let request = request.query(&[("name", name)]).query(&self.of_whom());
        let page: Page<Campaign> = self.ask(request).await?;
        Ok(page.data.into_iter().next())
    }

    /// A campaign.
    pub async fn campaign(&self, campaign: CampaignId) -> Result<Campaign, ApiError> {
        self.get(&format!("/v1/campaigns/{campaign}")).await
    }

    /// Adds recipients to an audience, from a file or stream of any size.
    ///
    /// Bad lines are in the report and stop nothing. Posting the same lines again adds nobody.
    ///
    /// # Errors
    /// [`ApiError::Input`] when `lines` cannot be read to its end; otherwise as above.
    pub async fn add_recipients(
        &self,
        campaign: CampaignId,
        format: AudienceFormat,
        lines: impl AsyncRead + Send + 'static,
        then: AfterIntake,
    ) -> Result<IntakeReport, ApiError> {
        let path = format!("/v1/campaigns/{campaign}/recipients");
        let (body, failure) = upload::body(lines);
        let seal = (then == AfterIntake::Seal).then_some(("seal", "true"));
        let request = self
            .http
            .post(format!("{}{path}", self.endpoint))
            .header("content-type", format.content_type())
            .header(IDEMPOTENCY_KEY, new_key())
            .query(&seal.as_slice())
            .body(body);
        let report = self.ask(request).await;
        match failure.take() {
            Some(failure) => Err(ApiError::Input(failure)),
            None => report,
        }
    }

    /// Seals, starts, pauses, resumes or cancels a campaign.
    pub async fn change_campaign(
        &self,
        campaign: CampaignId,
        verb: CampaignVerb,
    ) -> Result<Campaign, ApiError> {
        let path = format!("/v1/campaigns/{campaign}/{verb}");
        self.tell(self.post(&path)).await
    }

    /// Says when a draft starts by itself; without a time, not before a person starts it.
    pub async fn schedule_campaign(
        &self,
        campaign: CampaignId,
        send_at: Option<Time>,
    ) -> Result<Campaign, ApiError> {
        let path = format!("/v1/campaigns/{campaign}/schedule");
        let request = self.post(&path);
        self.tell(request.json(&ScheduleCampaign { send_at })).await
    }
}
