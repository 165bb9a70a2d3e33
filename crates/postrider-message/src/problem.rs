//! What can be wrong with an email, and what can go wrong for one recipient.

use std::fmt;

use serde::Serialize;

use crate::Field;
use crate::dkim::Selector;

/// One thing that is wrong with an email, as a value for reports and API answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The part of the email that it is about.
    pub field: Field,
    /// A stable name for programs, such as `subject_empty`.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

impl Problem {
    pub(crate) fn new(field: Field, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            code,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// An email that cannot be sent to anyone. Holds everything that is wrong with it, at least one
/// problem, in the order of the email's fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", sentence(.problems))]
pub struct PrepareError {
    problems: Vec<Problem>,
}

impl PrepareError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        debug_assert!(!problems.is_empty(), "an error has a reason");
        Self { problems }
    }

    /// Everything that is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Everything that is wrong, to put into an answer.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

fn sentence(problems: &[Problem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Why an email cannot be rendered for one recipient. Trying again gives the same error, so the
/// delivery ends as `failed`; other recipients are not concerned.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The stored merge variables are not a JSON object.
    #[error("the merge variables are not a JSON object")]
    Variables(#[source] serde_json::Error),
    /// A template uses a variable that the recipient does not have.
    #[error("{field}{}: {} is not defined", on_line(*.line), named(.variable.as_deref()))]
    Undefined {
        /// The template.
        field: Field,
        /// The line in it, from 1.
        line: Option<usize>,
        /// The variable as the template spells it, when it is known.
        variable: Option<String>,
    },
    /// A template fails on these variables.
    #[error("{field}{}: {reason}", on_line(*.line))]
    Template {
        /// The template.
        field: Field,
        /// The line in it, from 1.
        line: Option<usize>,
        /// What the template engine says.
        reason: String,
    },
    /// A template runs longer than [`RENDER_FUEL`](crate::bounds::RENDER_FUEL) allows.
    #[error("{field}: the template takes too many steps")]
    OutOfFuel {
        /// The template.
        field: Field,
    },
    /// A rendered part is larger than it may be.
    #[error("{field}: the rendered text is larger than {bytes_max} bytes")]
    TooLarge {
        /// The template.
        field: Field,
        /// The bound.
        bytes_max: usize,
    },
    /// A rendered link is not one that may stand in a header.
    #[error("{field}: the rendered value is not {expected}")]
    Link {
        /// The link's template.
        field: Field,
        /// What it must be, as a phrase, with what helps.
        expected: &'static str,
    },
    /// The message could not be signed.
    #[error("the message could not be signed with the key of selector {selector}")]
    Signing {
        /// The selector of the key.
        selector: Selector,
    },
    /// A rendered header value has a line break or another control character in it.
    #[error("{field}: the rendered value contains a control character")]
    Control {
        /// The header's template.
        field: Field,
    },
}

impl RenderError {
    /// The stable code of this error in reports and API answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Variables(_) => "variables_invalid",
            Self::Undefined { .. } => "variable_missing",
            Self::Template { .. } => "template_failed",
            Self::OutOfFuel { .. } => "template_too_long",
            Self::TooLarge { .. } => "rendered_too_large",
            Self::Link { .. } => "link_invalid",
            Self::Signing { .. } => "not_signed",
            Self::Control { .. } => "control_character",
        }
    }
}

fn on_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

fn named(variable: Option<&str>) -> String {
    variable.map_or_else(
        || "a variable".to_owned(),
        |name| format!("the variable \"{name}\""),
    )
}
