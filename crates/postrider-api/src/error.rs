//! Why a call of the client gave nothing.

use std::io;

use crate::problem::Problem;

/// A call that did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nothing answers at the endpoint, or the connection was lost before the answer was there.
    #[error("the service at {endpoint} cannot be reached")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// The service says no, and why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Something answers that is not this API.
    #[error("the answer of {endpoint} is not one of Postrider's ({reason})")]
    Foreign {
        /// Who answered.
        endpoint: String,
        /// What is strange about it.
        reason: String,
    },
    /// What the caller gave cannot be used: the endpoint, the key, or a content type.
    #[error("{0}")]
    Settings(String),
    /// What was to be uploaded could not be read to its end. What was accepted until then is
    /// kept, and sending all of it again changes nothing.
    #[error("the audience could not be read to its end")]
    Input(#[source] io::Error),
}

/// What kind of thing went wrong, for exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nothing answers.
    Unreachable,
    /// No key, or a wrong one.
    Unauthorized,
    /// No such campaign or email.
    NotFound,
    /// The state of things does not allow it, or a name is taken.
    InvalidState,
    /// What was sent is wrong, or too large.
    Invalid,
    /// Everything else: our own fault, a service that is stopping, a file that cannot be read.
    Other,
}

impl ApiError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. } => ErrorKind::Unreachable,
            Self::Refused(problem) => match problem.status {
                401 | 403 => ErrorKind::Unauthorized,
                404 => ErrorKind::NotFound,
                409 => ErrorKind::InvalidState,
                400..=499 => ErrorKind::Invalid,
                _ => ErrorKind::Other,
            },
            Self::Settings(_) => ErrorKind::Invalid,
            Self::Foreign { .. } | Self::Input(_) => ErrorKind::Other,
        }
    }

    /// What the service said, when it was the service that said no.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => problem.is_retryable,
            Self::Foreign { .. } | Self::Settings(_) | Self::Input(_) => false,
        }
    }
}
