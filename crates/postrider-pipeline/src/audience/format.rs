//! The two forms that a list may have.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

/// How the lines of a list are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fields with commas between them, under a header line that names an `email` column.
    Csv,
    /// One JSON object a line, with a key `email`.
    Ndjson,
}

impl Format {
    /// The format that the ending of a file's name says: `.csv`, `.ndjson` or `.jsonl`.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(OsStr::to_str)?;
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// The format that a `Content-Type` names; its parameters, such as `charset`, do not matter.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next()?.trim();
        match media_type.to_ascii_lowercase().as_str() {
            "text/csv" | "application/csv" => Some(Self::Csv),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// The name in messages: `CSV` or `NDJSON`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Ndjson => "NDJSON",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_ending_names_its_format_in_any_case() {
        let check = |path: &str, expect| assert_eq!(Format::of_path(Path::new(path)), expect);
        check("people.csv", Some(Format::Csv));
        check("dir.csv/people.NDJSON", Some(Format::Ndjson));
        check("people.jsonl", Some(Format::Ndjson));
        check("people.json", None);
        check("people", None);
    }

    #[test]
    fn a_content_type_names_its_format_whatever_its_parameters() {
        let check = |text: &str, expect| assert_eq!(Format::of_content_type(text), expect);
        check("text/csv", Some(Format::Csv));
        check("Text/CSV; charset=utf-8; header=present", Some(Format::Csv));
        check("application/x-ndjson", Some(Format::Ndjson));
        check("application/json", None);
        check("", None);
    }
}
