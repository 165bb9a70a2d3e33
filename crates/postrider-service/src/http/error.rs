//! The one place where what went wrong becomes a status, a stable code and a sentence.
//!
//! What the caller can act on is said in full. What is our own fault is said in one sentence
//! here, and its chain of causes goes to the log under the request's id.

use std::error::Error;

use axum::extract::multipart::MultipartError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use postrider_api::{CampaignVerb, Code, Problem, ProblemItem};
use postrider_pipeline::engine::EngineError;
use postrider_pipeline::intake::IntakeError;
use postrider_pipeline::report::chain;
use postrider_store::{Refused, StoreError};
use postrider_types::CampaignState;
use postrider_types::id::IdError;

use super::{silence, view};

/// A request that is not done, and why.
///
/// As a response it has no body yet: `super::request` knows the path and the request's id, and
/// writes it.
#[derive(Debug, Clone)]
pub(crate) struct HttpError {
    /// What the caller is told.
    pub(crate) problem: Box<Problem>,
    /// What only the log is told.
    pub(crate) cause: Option<String>,
}

impl HttpError {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            problem: Box::new(Problem::new(code, detail)),
            cause: None,
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let detail = format!("the request has more than {bytes_max} bytes, the most taken here");
        Self::new(Code::PayloadTooLarge, detail).with_limit(bytes_max)
    }

    pub(crate) fn no_campaign() -> Self {
        let detail = "there is no such campaign; GET /v1/campaigns lists those there are";
        Self::new(Code::NotFound, detail)
    }

    pub(crate) fn no_tenant() -> Self {
        let detail = "there is no such tenant; GET /v1/tenants lists those there are";
        Self::new(Code::NotFound, detail)
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail = "something is broken on our side; the log has more under this request's id";
        Self {
            problem: Box::new(Problem::new(Code::Internal, detail)),
            cause: Some(cause.into()),
        }
    }

    /// A body that ended before its time, with what is known of why.
    pub(crate) fn broke_off(detail: &str, error: &(dyn Error + 'static)) -> Self {
        let detail = match silence::behind(error) {
            Some(silence) => format!("{detail}; {silence}"),
            None => detail.to_owned(),
        };
        Self {
            cause: Some(chain(error)),
            ..Self::new(Code::Incomplete, detail)
        }
    }

    /// An email that cannot be sent: all of its problems.
    pub(crate) fn invalid_email(errors: Vec<ProblemItem>) -> Self {
        let too_large = errors.iter().find(|item| item.code == "email_too_large");
        let mut error = match too_large {
            Some(item) => Self::new(Code::PayloadTooLarge, item.detail.clone()),
            None => {
                let things = if errors.len() == 1 { "thing" } else { "things" };
                let detail = format!("{} {things} in the email must be changed", errors.len());
                Self::new(Code::InvalidEmail, detail)
            }
        };
        error.problem.errors = errors;
        error
    }

    /// Says the limit with what was too large.
    pub(crate) fn with_limit(mut self, bytes_max: usize) -> Self {
        if self.problem.status == Code::PayloadTooLarge.status() {
            self.problem.limit = Some(bytes_max as u64);
        }
        self
    }

    /// A campaign that cannot be created because of one of its fields.
    pub(crate) fn invalid_campaign(field: &str, code: &str, detail: &str) -> Self {
        let mut error = Self::new(Code::InvalidCampaign, detail);
        error.problem.errors.push(ProblemItem {
            field: field.to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        });
        error
    }

    /// A body of a form that cannot be read.
    pub(crate) fn form(error: &MultipartError, bytes_max: usize) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(bytes_max),
            StatusCode::INTERNAL_SERVER_ERROR => Self::internal(error.body_text()),
            _ => Self::invalid(format!("the form cannot be read: {}", error.body_text())),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status);
        let mut response = status
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        let cause = chain(&error);
        let detail = match error {
            StoreError::Unwritable { .. } => {
                "the store cannot write, so nothing was done; try again when the disk has room"
            }
            StoreError::Closed => "the store is closed because the service is stopping",
            _ => return Self::internal(cause),
        };
        Self {
            problem: Box::new(Problem::new(Code::StoreUnavailable, detail)),
            cause: Some(cause),
        }
    }
}

impl From<Refused> for HttpError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoCampaign => Self::no_campaign(),
            Refused::NoEmail => Self::invalid_campaign(
                "email_id",
                "unknown_email",
                "there is no such email; put it first with POST /v1/emails",
            ),
            Refused::NameTaken { campaign } => {
                let detail = format!("{campaign} has this name already; names are unique");
                Self::new(Code::NameTaken, detail)
            }
            Refused::Sealed => {
                let detail = "the audience is sealed; nobody can be added any more";
                Self::new(Code::AudienceSealed, detail)
            }
            Refused::Campaign { state } => {
                let allowed = CampaignVerb::allowed(state);
                let names: Vec<_> = allowed.iter().map(|verb| verb.name()).collect();
                let detail = match names.as_slice() {
                    [] => format!(
                        "the campaign is {state}, and stays so unless deliveries of it are retried"
                    ),
                    names => format!("the campaign is {state}; allowed: {}", names.join(", ")),
                };
                let mut error = Self::new(Code::InvalidState, detail);
                error.problem.current_state = Some(state);
                error.problem.allowed = Some(allowed.to_vec());
                error
            }
            Refused::Cancelling => {
                let detail = "the campaign is being cancelled; ask again when nothing of it is \
                              pending, attempting or deferred any more";
                let mut error = Self::new(Code::InvalidState, detail);
                error.problem.current_state = Some(CampaignState::Cancelled);
                error.problem.allowed = Some(Vec::new());
                error
            }
            Refused::NoTenant => Self::no_tenant(),
            Refused::TenantDeleted => {
                let detail = "the tenant was deleted; nothing of it is taken in any more";
                Self::new(Code::TenantDeleted, detail)
            }
            Refused::TenantTaken { tenant } => {
                let detail = format!("tenant {tenant} has this name already; names are unique");
                Self::new(Code::NameTaken, detail)
            }
            Refused::EmailQuarantined => {
                let detail = "the campaign's email is in quarantine; look why with GET \
                              /v1/quarantine, and release it first";
                Self::new(Code::EmailQuarantined, detail)
            }
            Refused::Malformed(detail) => Self::invalid_campaign("name", "invalid_name", &detail),
            Refused::LeaseOver | Refused::Delivery { .. } | Refused::StillAttempting => {
                Self::internal(refused.to_string())
            }
        }
    }
}

impl From<EngineError> for HttpError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refused) => refused.into(),
            EngineError::Store(error) => error.into(),
            EngineError::Email(error) => Self::invalid_email(view::email_problems(&error)),
        }
    }
}

impl From<IntakeError> for HttpError {
    fn from(error: IntakeError) -> Self {
        let detail = error.to_string();
        let report = error.report().filter(|report| report.lines > 0);
        let report = report.map(|report| Box::new(view::report(report, false)));
        let mut error = match error {
            IntakeError::List(error) => {
                let mut problem = Self::new(Code::InvalidAudience, detail);
                problem.problem.errors.push(ProblemItem {
                    field: "line 1".to_owned(),
                    code: error.code().to_owned(),
                    detail: error.to_string(),
                });
                problem
            }
            IntakeError::Refused { source, .. } => source.into(),
            IntakeError::Input { source, .. } => Self::broke_off(&detail, &source),
            IntakeError::Store { source, .. } => source.into(),
            IntakeError::Spill { source, .. } => Self {
                cause: Some(chain(&source)),
                ..Self::new(Code::StoreUnavailable, detail)
            },
            IntakeError::Busy(_) => Self::new(Code::Overloaded, detail),
        };
        error.problem.report = report;
        error
    }
}

impl From<IdError> for HttpError {
    fn from(error: IdError) -> Self {
        Self::invalid(error.to_string())
    }
}
