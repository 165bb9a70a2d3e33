//! The quarantine: what is in it, why, and the way back.

use postrider_types::EmailId;
use reqwest::Method;

use super::Client;
use super::transport::given;
use crate::error::ApiError;
use crate::quarantine::{EmailRecord, LiftRequest, Lifted, Quarantine, QuarantinedChunk};

impl Client {
    /// One page of what of the tenant is in quarantine, of at most 100 entries; `after` is the
    /// `next` of the page before.
    ///
    /// # Errors
    /// Here and below: [`ApiError`].
    pub async fn quarantine(&self, after: Option<&str>) -> Result<Quarantine, ApiError> {
        let request = self.request(Method::GET, "/v1/quarantine");
        let request = request.query(&given([("after", after.map(str::to_owned))]));
        self.ask(request.query(&self.of_whom())).await
    }

    /// What is known against an email, and which campaigns send it.
    pub async fn email_record(&self, email: EmailId) -> Result<EmailRecord, ApiError> {
        let path = format!("/v1/quarantine/emails/{email}");
        let request = self.request(Method::GET, &path);
        self.ask(request.query(&self.of_whom())).await
    }

    /// A chunk that could not be read.
    pub async fn quarantined_chunk(&self, chunk: u64) -> Result<QuarantinedChunk, ApiError> {
        let path = format!("/v1/quarantine/chunks/{chunk}");
        let request = self.request(Method::GET, &path);
        self.ask(request.query(&self.of_whom())).await
    }

    /// Lets an email out of quarantine, to be tried again; its campaigns stay paused.
    pub async fn release_email(
        &self,
        email: EmailId,
        lift: LiftRequest,
    ) -> Result<Lifted, ApiError> {
        self.lift(format!("emails/{email}/release"), lift).await
    }

    /// Gives up an email that is in quarantine, with the campaigns that send it.
    pub async fn discard_email(
        &self,
        email: EmailId,
        lift: LiftRequest,
    ) -> Result<Lifted, ApiError> {
        self.lift(format!("emails/{email}/discard"), lift).await
    }

    /// Tries again whoever was quarantined with a chunk and can still be read elsewhere.
    pub async fn release_chunk(&self, chunk: u64, lift: LiftRequest) -> Result<Lifted, ApiError> {
        self.lift(format!("chunks/{chunk}/release"), lift).await
    }

    /// Gives up whoever was quarantined with a chunk.
    pub async fn discard_chunk(&self, chunk: u64, lift: LiftRequest) -> Result<Lifted, ApiError> {
        self.lift(format!("chunks/{chunk}/discard"), lift).await
    }

    async fn lift(&self, what: String, lift: LiftRequest) -> Result<Lifted, ApiError> {
        let request = self.post(&format!("/v1/quarantine/{what}"));
        let request = request.query(&self.of_whom());
        self.tell(request.json(&lift)).await
    }
}
