//! A client of the API: one method for each route, errors that keep what the service said.
//!
//! The client speaks plain HTTP to a service on the same machine or network, and uses no proxy,
//! so that the key goes nowhere else. Uploads and exports are streams of any size.

mod decisions;
mod export;
#[cfg(test)]
mod tests;
mod transport;
mod upload;

use std::time::Duration;

use postrider_types::{CampaignId, DeliveryState, EmailId, RecipientId};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use tokio::io::AsyncRead;

use crate::campaign::{Campaign, CampaignVerb, IntakeReport, NewCampaign};
use crate::email::{Email, NewAttachment, NewEmail, PutEmail};
use crate::error::ApiError;
use crate::page::{Feed, Page};
use crate::pool::Pools;
use crate::receipt::{LogEntry, Receipt};
use crate::refusal::Refusals;
use crate::service::{Readiness, Version};
use crate::worker::Workers;

pub use export::Export;
use transport::{given, number};

/// How long a connection may take to be made.
const CONNECT_AFTER_MAX: Duration = Duration::from_secs(5);

/// A service, and the key to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    /// Without a slash at its end.
    endpoint: String,
    http: reqwest::Client,
}

/// How an audience is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceFormat {
    /// A header line with a column `email`, then a line for each recipient.
    Csv,
    /// A JSON object with a field `email` on each line.
    Ndjson,
}

impl AudienceFormat {
    /// The content type that says so.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// What becomes of an audience after its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterIntake {
    /// More may come.
    LeaveOpen,
    /// It is complete.
    Seal,
}

impl Client {
    /// A client of the service at `endpoint`, such as `http://127.0.0.1:8420`.
    ///
    /// # Errors
    /// [`ApiError::Settings`] when the endpoint is not such an address, or the key cannot be sent.
    pub fn new(endpoint: &str, key: &str) -> Result<Self, ApiError> {
        let endpoint = endpoint.trim_end_matches('/');
        if !endpoint.starts_with("http://") {
            return Err(ApiError::Settings(format!(
                "\"{endpoint}\" is not an endpoint such as http://127.0.0.1:8420"
            )));
        }
        let bearer = HeaderValue::try_from(format!("Bearer {}", key.trim()));
        let mut bearer = bearer.map_err(|_| {
            ApiError::Settings("the key contains characters that no key has".to_owned())
        })?;
        bearer.set_sensitive(true);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_AFTER_MAX)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ApiError::Settings(error.to_string()))?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            http,
        })
    }

    /// Where the service is looked for.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Puts an email; the same content gives the same id, however often it is put.
    ///
    /// # Errors
    /// Here and below: [`ApiError`].
    pub async fn put_email(
        &self,
        email: &NewEmail,
        attachments: &[NewAttachment],
    ) -> Result<PutEmail, ApiError> {
        self.put_email_of(None, email, attachments).await
    }

    /// Puts an email of a tenant; without a name, of `default`.
    pub async fn put_email_of(
        &self,
        tenant: Option<&str>,
        email: &NewEmail,
        attachments: &[NewAttachment],
    ) -> Result<PutEmail, ApiError> {
        let query = given([("tenant", tenant.map(str::to_owned))]);
        let request = self.request(Method::POST, "/v1/emails").query(&query);
        let request = if attachments.is_empty() {
            request.json(email)
        } else {
            request.multipart(upload::form(email, attachments)?)
        };
        self.ask(request).await
    }

    /// An email, without its bodies.
    pub async fn email(&self, email: EmailId) -> Result<Email, ApiError> {
        self.get(&format!("/v1/emails/{email}")).await
    }

    /// Makes a campaign in state draft.
    pub async fn create_campaign(&self, campaign: &NewCampaign) -> Result<Campaign, ApiError> {
        let request = self.request(Method::POST, "/v1/campaigns");
        self.ask(request.json(campaign)).await
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
        self.ask(request.query(&given(query))).await
    }

    /// The campaign with this name, if there is one.
    pub async fn campaign_named(&self, name: &str) -> Result<Option<Campaign>, ApiError> {
        let request = self.request(Method::GET, "/v1/campaigns");
        let page: Page<Campaign> = self.ask(request.query(&[("name", name)])).await?;
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
        self.ask(self.request(Method::POST, &path)).await
    }

    /// The receipts of one address over all campaigns, newest campaign first; the 100 newest.
    pub async fn receipts_of(&self, address: &str) -> Result<Page<Receipt>, ApiError> {
        let request = self.request(Method::GET, "/v1/receipts");
        self.ask(request.query(&[("address", address)])).await
    }

    /// What happened after entry number `after` of the attempt log; 0 is from the beginning.
    pub async fn feed(&self, after: u64, limit: Option<u32>) -> Result<Feed<LogEntry>, ApiError> {
        let request = self.request(Method::GET, "/v1/receipts");
        let query = [("after", Some(after.to_string())), ("limit", number(limit))];
        self.ask(request.query(&given(query))).await
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

    /// Whether the service's event loop turns.
    pub async fn live(&self) -> Result<(), ApiError> {
        self.send(self.request(Method::GET, "/livez")).await?;
        Ok(())
    }

    /// Whether the service takes work now; also an answer, not an error, when it does not.
    pub async fn ready(&self) -> Result<Readiness, ApiError> {
        let request = self.request(Method::GET, "/readyz");
        let response = request.send().await.map_err(|e| self.unreachable(e))?;
        match response.status() {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => self.read(response).await,
            _ => Err(self.refusal(response).await),
        }
    }

    /// The metrics as text.
    pub async fn metrics(&self) -> Result<String, ApiError> {
        let response = self.send(self.request(Method::GET, "/metrics")).await?;
        response.text().await.map_err(|e| self.unreachable(e))
    }

    /// What receivers refuse with, grouped, since the service started.
    pub async fn refusals(&self) -> Result<Refusals, ApiError> {
        self.get("/v1/refusals").await
    }

    /// Where connections lead, and what cannot be reached.
    pub async fn pools(&self) -> Result<Pools, ApiError> {
        self.get("/v1/pools").await
    }

    /// Who sends, when that is not the service itself.
    pub async fn workers(&self) -> Result<Workers, ApiError> {
        self.get("/v1/workers").await
    }

    /// The version of the service.
    pub async fn version(&self) -> Result<Version, ApiError> {
        self.get("/v1/version").await
    }
}
