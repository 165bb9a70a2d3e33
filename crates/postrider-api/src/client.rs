//! A client of the API: one method for each route, errors that keep what the service said.
//!
//! The client speaks plain HTTP to a service on the same machine or network, and uses no proxy,
//! so that the key goes nowhere else. Uploads and exports are streams of any size. What changes
//! something goes under an idempotency key, and is sent again when its answer is lost (`tries`).

mod campaigns;
mod decisions;
mod export;
mod quarantine;
mod receipts;
#[cfg(test)]
mod tests;
mod transport;
mod tries;
mod upload;

use std::time::Duration;

use postrider_types::EmailId;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::email::{Email, NewAttachment, NewEmail, PutEmail};
use crate::error::ApiError;
use crate::pool::Pools;
use crate::refusal::Refusals;
use crate::service::{Readiness, Version};
use crate::worker::Workers;

pub use export::Export;

/// How long a connection may take to be made.
const CONNECT_AFTER_MAX: Duration = Duration::from_secs(5);

/// How long a connection is kept that nothing is asked over: less than the service keeps it.
const IDLE_AFTER_MAX: Duration = Duration::from_secs(30);

/// A service, and the key to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    /// Without a slash at its end.
    endpoint: String,
    /// Whose things are meant; `None` is `default`.
    tenant: Option<String>,
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
            .pool_idle_timeout(IDLE_AFTER_MAX)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ApiError::Settings(error.to_string()))?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            tenant: None,
            http,
        })
    }

    /// Where the service is looked for.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The same for the things of one tenant: what is made and listed, and names that are looked
    /// for. Without a name, of `default`. What has an id of its own is found whosever it is.
    #[must_use]
    pub fn of_tenant(&self, name: Option<&str>) -> Self {
        Self {
            tenant: name.map(str::to_owned),
            ..self.clone()
        }
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
        let request = self.post("/v1/emails").query(&self.of_whom());
        let request = if attachments.is_empty() {
            request.json(email)
        } else {
            request.multipart(upload::form(email, attachments)?)
        };
        self.tell(request).await
    }

    /// An email, without its bodies.
    pub async fn email(&self, email: EmailId) -> Result<Email, ApiError> {
        let request = self.request(Method::GET, &format!("/v1/emails/{email}"));
        self.ask(request.query(&self.of_whom())).await
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
