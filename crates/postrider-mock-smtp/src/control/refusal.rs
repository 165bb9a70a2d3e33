//! Requests that are not carried out: a status and a sentence.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::bounds::CONTROL_BODY_BYTES_MAX;
use crate::control::wire::Problem;
use crate::error::MockError;

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { status, sentence }
    }

    /// The caller's mistake.
    pub(super) fn bad(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// Our own trouble.
    pub(super) fn failed(error: &dyn Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, chain(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = self.sentence;
        (self.status, Json(Problem { error })).into_response()
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        let status = rejection.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            let sentence = format!(
                "a request holds at most {CONTROL_BODY_BYTES_MAX} bytes; send a longer list in several"
            );
            return Self::new(status, sentence);
        }
        Self::new(status, rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<MockError> for Refusal {
    fn from(error: MockError) -> Self {
        match error {
            MockError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, chain(&error)),
            MockError::Value { .. } | MockError::Key { .. } | MockError::Profile(_) => {
                Self::bad(chain(&error))
            }
            error => Self::failed(&error),
        }
    }
}

/// An error and all that is behind it.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

pub(super) async fn unknown_path(uri: Uri) -> Refusal {
    let sentence = format!("there is nothing at {}", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, sentence)
}

pub(super) async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    let sentence = format!("{method} is not what {} is for", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
}
