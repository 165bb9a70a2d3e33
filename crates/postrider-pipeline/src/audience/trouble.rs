//! What can be wrong with a line, and with a list as a whole.

use postrider_types::AddressError;
use postrider_types::chunk::VariablesTooLarge;

use crate::bounds::{COLUMNS_MAX, LINE_BYTES_MAX, RECORD_LINES_MAX};

/// A line that was left out, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The physical line of the list on which it begins, from 1; a header counts.
    pub line: u64,
    /// What is wrong, as a stable code.
    pub code: &'static str,
    /// What is wrong, for people; never holds the address.
    pub detail: String,
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineTrouble {
    #[error(
        "the line, or a quoted field over several lines, has more than {LINE_BYTES_MAX} bytes or \
             {RECORD_LINES_MAX} line breaks"
    )]
    TooLong,
    #[error("the line is not UTF-8")]
    Utf8,
    #[error("a quoted field is not closed, or text follows its closing quote")]
    Quotes,
    #[error("the line has {}, and the header has {expected}", fields(*found))]
    Fields { found: usize, expected: usize },
    #[error("the line is not JSON: {0}")]
    Json(String),
    #[error(transparent)]
    Shape(#[from] Shape),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Variables(#[from] VariablesTooLarge),
}

/// JSON that is not an object with one `email` string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Shape {
    #[error("the line is not a JSON object")]
    NotAnObject,
    #[error("the object has no \"email\"")]
    NoEmail,
    #[error("the \"email\" is not a string")]
    EmailNotText,
    #[error("the object has more than one \"email\"")]
    TwoEmails,
}

impl LineTrouble {
    const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "line_too_long",
            Self::Utf8 => "invalid_utf8",
            Self::Quotes => "unclosed_quote",
            Self::Fields { .. } => "wrong_field_count",
            Self::Json(_) => "invalid_json",
            Self::Shape(Shape::NotAnObject) => "not_an_object",
            Self::Shape(Shape::NoEmail) => "missing_email",
            Self::Shape(Shape::EmailNotText) => "email_not_a_string",
            Self::Shape(Shape::TwoEmails) => "duplicate_email_key",
            Self::Address(error) => error.code(),
            Self::Variables(_) => "variables_too_large",
        }
    }

    pub(crate) fn on(&self, line: u64) -> BadLine {
        BadLine {
            line,
            code: self.code(),
            detail: self.to_string(),
        }
    }
}

/// Why nothing of a list can be read: its header is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A CSV without a line.
    #[error("the list is empty; a CSV begins with a header line that names an \"email\" column")]
    NoHeader,
    /// A header that is too long, is not UTF-8, or has an open quote.
    #[error(
        "the first line cannot be read as a CSV header: it must be UTF-8, with its quotes closed, \
         at most {LINE_BYTES_MAX} bytes and at most {COLUMNS_MAX} columns"
    )]
    Header,
    /// No column is named `email`.
    #[error(
        "the list has no \"email\" column; a CSV begins with a header line, and this one names {}",
        quoted(found)
    )]
    NoEmailColumn {
        /// The columns that there are.
        found: Vec<String>,
    },
    /// Two columns have one name, or both mean `email`.
    #[error("the column \"{column}\" is there twice, among {}", quoted(found))]
    DuplicateColumn {
        /// The name.
        column: String,
        /// The columns that there are.
        found: Vec<String>,
    },
    /// A column has no name.
    #[error("column {number} has no name, among {}", quoted(found))]
    UnnamedColumn {
        /// Its number, from 1.
        number: usize,
        /// The columns that there are.
        found: Vec<String>,
    },
}

impl ListError {
    /// The stable code in reports and API answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoHeader => "missing_header",
            Self::Header => "invalid_header",
            Self::NoEmailColumn { .. } => "missing_email_column",
            Self::DuplicateColumn { .. } => "duplicate_column",
            Self::UnnamedColumn { .. } => "unnamed_column",
        }
    }
}

/// Columns for a sentence: the first few of them, in quotes.
fn quoted(columns: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    const NAME_CHARS_MAX: usize = 60;
    let shown = columns.iter().take(SHOWN_MAX).map(|column| {
        let name: String = column.chars().take(NAME_CHARS_MAX).collect();
        format!("{name:?}")
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if columns.len() > SHOWN_MAX {
        text.push_str(&format!(" and {} more", columns.len() - SHOWN_MAX));
    }
    text
}

/// So many fields, in words.
fn fields(count: usize) -> String {
    match count {
        1 => "1 field".to_owned(),
        count => format!("{count} fields"),
    }
}
