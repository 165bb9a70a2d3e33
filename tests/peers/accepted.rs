//! What a server took, and how it is found in the files that servers keep.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

/// One message that a server answered with 250.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The reverse path, without angle brackets.
    pub mail_from: String,
    /// The forward paths that it accepted, in order, without angle brackets.
    pub rcpt_tos: Vec<String>,
    /// The message with its CRLFs, without dot-stuffing, and without what the server added.
    pub data: Vec<u8>,
}

/// The journal of a server of ours in another language: a JSON object a line.
pub(super) fn in_journal(journal: &Path) -> Vec<Accepted> {
    #[derive(Deserialize)]
    struct Entry {
        mail_from: String,
        rcpt_tos: Vec<String>,
        data_base64: String,
    }
    let journal = std::fs::read_to_string(journal).expect("the journal can be read");
    let entries = journal.lines().map(|line| {
        let entry: Entry = serde_json::from_str(line).expect("a whole entry");
        let data = BASE64_STANDARD.decode(entry.data_base64).expect("base64");
        Accepted {
            mail_from: entry.mail_from,
            rcpt_tos: entry.rcpt_tos,
            data,
        }
    });
    entries.collect()
}

/// The same text with CRLF for each LF: servers keep lines as Unix has them.
pub(super) fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => data.extend_from_slice(&[line, b"\r\n"].concat()),
            None => data.extend_from_slice(line),
        }
    }
    data
}

/// Takes the first header field off, with the lines that continue it.
pub(super) fn split_field(text: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        if end > 0 && !line.starts_with(b"\t") && !line.starts_with(b" ") {
            break;
        }
        end += line.len();
    }
    text.split_at(end)
}

/// The value of a header field without continuation, when it is the one of that name.
pub(super) fn value_of(field: &[u8], name: &str) -> Option<String> {
    let value = field.strip_prefix(name.as_bytes())?.strip_prefix(b": ")?;
    let value = String::from_utf8_lossy(value).trim_end().to_owned();
    Some(value.trim_matches(['<', '>']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_taken_with_the_lines_that_continue_it() {
        let (field, rest) = split_field(b"Received: a\n\tb\n c\nTo: x\n\n y\n");
        assert_eq!(field, b"Received: a\n\tb\n c\n");
        assert_eq!(split_field(rest), (&b"To: x\n"[..], &b"\n y\n"[..]));
        assert_eq!(split_field(b""), (&b""[..], &b""[..]));
    }

    #[test]
    fn a_value_has_no_brackets_and_no_line_end() {
        assert_eq!(
            value_of(b"Return-Path: <a@b.test>\n", "Return-Path"),
            Some("a@b.test".to_owned())
        );
        assert_eq!(value_of(b"Return-Path: <a>\n", "Return"), None);
    }
}
