//! Requests out, answers in: what all methods of the client share.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;

use super::Client;
use super::tries::{Tries, new_key};
use crate::error::ApiError;
use crate::problem::Problem;

/// The header under which the service knows a request that is sent again.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long an answer may take, other than of an upload or an export.
const ANSWER_AFTER_MAX: Duration = Duration::from_secs(60);

impl Client {
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.endpoint));
        request.timeout(ANSWER_AFTER_MAX)
    }

    /// A request that changes something, under an idempotency key of its own: sent again, it is
    /// done once.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
            .header(IDEMPOTENCY_KEY, new_key())
    }

    /// Makes such a request, again and again where nobody knows what became of it, within
    /// bounds. A body that can be read only once is sent once.
    pub(super) async fn tell<T: DeserializeOwned>(
        &self,
        mut request: RequestBuilder,
    ) -> Result<T, ApiError> {
        let mut tries = Tries::default();
        loop {
            let again = request.try_clone();
            let error = match self.ask(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match (again, tries.wait_after(&error)) {
                (Some(again), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    request = again;
                }
                _ => return Err(error),
            }
        }
    }

    /// The parameter that says whose things are meant.
    pub(super) fn of_whom(&self) -> Vec<(&'static str, String)> {
        given([("tenant", self.tenant.clone())])
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.ask(self.request(Method::GET, path)).await
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ApiError> {
        let response = self.send(request).await?;
        self.read(response).await
    }

    /// An answer that is not a refusal.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await.map_err(|e| self.unreachable(e))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(response).await)
        }
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<T, ApiError> {
        let body = response.bytes().await.map_err(|e| self.unreachable(e))?;
        serde_json::from_slice(&body).map_err(|error| self.foreign(error.to_string()))
    }

    pub(super) async fn refusal(&self, response: Response) -> ApiError {
        let status = response.status();
        match response.bytes().await {
            Ok(body) => match serde_json::from_slice::<Problem>(&body) {
                Ok(problem) => ApiError::Refused(Box::new(problem)),
                Err(_) => self.foreign(format!("status {status} without a problem")),
            },
            Err(error) => self.unreachable(error),
        }
    }

    pub(super) fn unreachable(&self, source: reqwest::Error) -> ApiError {
        ApiError::Unreachable {
            endpoint: self.endpoint.clone(),
            source: source.without_url(),
        }
    }

    fn foreign(&self, reason: String) -> ApiError {
        ApiError::Foreign {
            endpoint: self.endpoint.clone(),
            reason,
        }
    }
}

pub(super) fn number(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// The parameters that have a value.
pub(super) fn given<const N: usize>(
    query: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    let given = query.into_iter();
    given
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
