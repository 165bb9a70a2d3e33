//! What can be wrong with a request: problem details (RFC 9457) with codes that stay.

use std::fmt;

use postrider_types::CampaignState;
use serde::{Deserialize, Serialize};

use crate::campaign::{CampaignVerb, IntakeReport};

/// The media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The answer to a request that was not done, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A name for this kind of problem that is a URI: `urn:postrider:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What this kind of problem is, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable name for programs: one of [`Code`], or one that a newer service has.
    pub code: String,
    /// What is wrong this time and what to do, in a sentence.
    pub detail: String,
    /// Whether the same request may succeed later without anybody changing it.
    #[serde(default)]
    pub is_retryable: bool,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The request's id, which the log of the service has too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// With `payload_too_large`: the most bytes that are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// With `invalid_state`: the state that the campaign is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_state: Option<CampaignState>,
    /// With `invalid_state`: what may be done in that state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<CampaignVerb>>,
    /// When a list was not taken in to its end: what was, until then. Posting the same list
    /// again continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<IntakeReport>>,
    /// Everything that is wrong, where that is more than one thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemItem>,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemItem {
    /// Where: a field as in the request, such as `headers[0].value`.
    pub field: String,
    /// A stable name for programs, such as `subject_empty`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:postrider:problem:{}", code.name()),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.name().to_owned(),
            detail: detail.into(),
            is_retryable: code.is_retryable(),
            instance: None,
            request_id: None,
            limit: None,
            current_state: None,
            allowed: None,
            report: None,
            errors: Vec::new(),
        }
    }
}

impl fmt::Display for Problem {
    /// The sentence, and below it everything that is wrong and not said by it already.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        for item in self.errors.iter().filter(|item| item.detail != self.detail) {
            write!(f, "\n  {}: {}", item.field, item.detail)?;
        }
        Ok(())
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $status:literal, $title:literal;)*) => {
        /// The stable codes. A code never changes its meaning; new ones may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it is written.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// What it is, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// The path, a parameter or the JSON cannot be read.
    InvalidRequest = "invalid_request", 400, "The request cannot be read";
    /// A query parameter that this route does not know.
    UnknownParameter = "unknown_parameter", 400, "There is no such query parameter";
    /// No key, or a wrong one.
    Unauthorized = "unauthorized", 401, "A valid key is needed";
    /// No such route, tenant, campaign, email, chunk or receipt.
    NotFound = "not_found", 404, "There is no such thing";
    /// The route knows other methods.
    MethodNotAllowed = "method_not_allowed", 405, "The route does not know this method";
    /// The state of the campaign, or of the email, does not allow this.
    InvalidState = "invalid_state", 409, "Its state does not allow this";
    /// The audience is sealed and takes no more recipients.
    AudienceSealed = "audience_sealed", 409, "The audience is sealed";
    /// Another campaign has this name.
    NameTaken = "name_taken", 409, "Another campaign has this name";
    /// The tenant was deleted: nothing of it is taken in.
    TenantDeleted = "tenant_deleted", 409, "The tenant was deleted";
    /// The campaign's email is in quarantine.
    EmailQuarantined = "email_quarantined", 409, "The campaign's email is in quarantine";
    /// A request with this idempotency key is still under way.
    IdempotencyRunning = "idempotency_running", 409, "The same request is under way";
    /// More bytes than are taken.
    PayloadTooLarge = "payload_too_large", 413, "The request is too large";
    /// A content type that this route does not take.
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not taken here";
    /// The email cannot be sent to anyone as it is.
    InvalidEmail = "invalid_email", 422, "The email cannot be sent as it is";
    /// The audience cannot be read at all, such as a CSV file without a column `email`.
    InvalidAudience = "invalid_audience", 422, "The audience cannot be read";
    /// A campaign for an email that was never put, or with a name that is none.
    InvalidCampaign = "invalid_campaign", 422, "The campaign cannot be created";
    /// A tenant whose name is none, or that cannot be deleted.
    InvalidTenant = "invalid_tenant", 422, "The tenant cannot be so";
    /// A selection of deliveries that the decision cannot follow.
    InvalidSelection = "invalid_selection", 422, "The deliveries cannot be selected so";
    /// The idempotency key was used for a request with other content.
    IdempotencyMismatch = "idempotency_mismatch", 422, "The idempotency key belongs to another request";
    /// The request broke off before its end.
    Incomplete = "incomplete", 400, "The request broke off";
    /// Something of ours is broken.
    Internal = "internal", 500, "Something is broken on our side";
    /// The store cannot work: nothing was done.
    StoreUnavailable = "store_unavailable", 503, "The store cannot work";
    /// Too much of this is under way already.
    Overloaded = "overloaded", 503, "Too much is under way";
    /// The service is stopping and takes nothing new.
    Draining = "draining", 503, "The service is stopping";
}

impl Code {
    /// The code with this name, if this version knows it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether the same request may succeed later without anybody changing it.
    pub const fn is_retryable(self) -> bool {
        self.status() == 503
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(code));
        }
    }

    #[test]
    fn a_problem_reads_back_as_it_was_written_and_leaves_out_what_it_has_not() {
        let mut problem = Problem::new(Code::InvalidState, "the campaign is finished");
        problem.current_state = Some(CampaignState::Finished);
        problem.allowed = Some(Vec::new());
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["type"], "urn:postrider:problem:invalid_state");
        assert_eq!(json["current_state"], "finished");
        assert!(json.get("limit").is_none());
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }
}
