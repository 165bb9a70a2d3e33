//! Header fields: folded at 78 octets where they can be, encoded words where they must be.
//!
//! Nothing here lets a control character through: the callers refuse them, and the writers
//! encode or drop what is left.

use std::io::Write as _;

use encodify::{Fold, rfc2047};
use mail_builder::headers::Header as _;
use mail_builder::headers::address::EmailAddress;
use mail_builder::headers::date::Date;
use postrider_types::bounds::HEADER_VALUE_BYTES_MAX;
use postrider_types::{Mailbox, Timestamp};

use crate::bounds::{FOLDED_BYTES_MAX, UNFOLDED_BYTES_MAX};
use crate::{Field, RenderError};

/// Whether a header may hold this value: nothing that could end its line.
pub(crate) fn has_control(value: &str) -> bool {
    value.chars().any(char::is_control)
}

/// The value, if a header may hold it.
pub(crate) fn checked(field: Field, value: String) -> Result<String, RenderError> {
    if has_control(&value) {
        return Err(RenderError::Control { field });
    }
    if value.len() > HEADER_VALUE_BYTES_MAX {
        return Err(RenderError::TooLarge {
            field,
            bytes_max: HEADER_VALUE_BYTES_MAX,
        });
    }
    Ok(value)
}

/// An unstructured field, such as Subject. ASCII stays as it is, so a structured value in ASCII
/// (`List-Unsubscribe`, `References`) keeps its structure.
pub(crate) fn write_text(name: &str, value: &str, out: &mut Vec<u8>) {
    let column = write_name(name, out);
    if !needs_words(value) {
        write_folded(value, column, out);
        return;
    }
    write_words(value, [rfc2047::Q_TEXT, rfc2047::B], column, out);
    out.extend_from_slice(b"\r\n");
}

/// A field whose value is a structure in ASCII, such as List-Unsubscribe: whatever is in it, it is
/// never written as encoded words, which nobody would take for links.
pub(crate) fn write_structured(name: &str, value: &str, out: &mut Vec<u8>) {
    debug_assert!(value.is_ascii() && stretch_max(value) <= UNFOLDED_BYTES_MAX);
    let column = write_name(name, out);
    write_folded(value, column, out);
}

/// A field with one mailbox, such as From.
pub(crate) fn write_mailbox(name: &str, mailbox: &Mailbox, out: &mut Vec<u8>) {
    let display = mailbox.name.as_deref();
    write_named(name, display, mailbox.address.as_str(), out);
}

/// A field with something in angle brackets, and a phrase before it that people read.
pub(crate) fn write_named(name: &str, phrase: Option<&str>, bracketed: &str, out: &mut Vec<u8>) {
    let column = write_name(name, out);
    match phrase {
        // A quoted string would be right, but many readers decode words inside one.
        Some(phrase) if phrase.contains("=?") => {
            write_words(phrase, [rfc2047::Q_PHRASE, rfc2047::B], column, out);
            out.extend_from_slice(b"\r\n <");
            out.extend_from_slice(bracketed.as_bytes());
            out.extend_from_slice(b">\r\n");
        }
        phrase => EmailAddress {
            name: phrase.map(Into::into),
            email: bracketed.into(),
        }
        .write_header(out, column),
    }
}

/// The field Date (RFC 5322 §3.3), in UTC.
pub(crate) fn write_date(at: Timestamp, out: &mut Vec<u8>) {
    let column = write_name("Date", out);
    let seconds = at.as_micros().div_euclid(1_000_000);
    Date::new(seconds).write_header(out, column);
}

/// A field whose value is ours: printable ASCII that fits on its line.
pub(crate) fn write_plain(name: &str, value: impl std::fmt::Display, out: &mut Vec<u8>) {
    write!(out, "{name}: {value}\r\n").expect("a Vec takes whatever is written");
}

/// Writes `Name: ` and answers the column behind it.
fn write_name(name: &str, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    name.len() + 2
}

fn write_words(
    text: &str,
    [q, b]: [rfc2047::WordEncoder; 2],
    mut column: usize,
    out: &mut Vec<u8>,
) {
    let encoder = if q.payload_len(text) <= b.payload_len(text) {
        q
    } else {
        b
    };
    encoder.encode_words("utf-8", text, &mut column, Fold::HEADER, out);
}

/// Whether a value would not arrive as it is: it is not ASCII, looks like an encoded word, has
/// blanks at an end, or has a stretch that cannot be folded.
fn needs_words(value: &str) -> bool {
    !value.is_ascii()
        || has_word(value)
        || value.starts_with(' ')
        || value.ends_with(' ')
        || stretch_max(value) > UNFOLDED_BYTES_MAX
}

/// Whether a reader may find an encoded word in a text (RFC 2047 §2). Both of its ends are looked
/// for: the first alone is in many a link, as in `/dG9rZW4=?list=7`.
pub(crate) fn has_word(text: &str) -> bool {
    let behind = text.split_once("=?");
    behind.is_some_and(|(_, behind)| behind.contains("?="))
}

/// Writes an ASCII value, with each line as long as it may be.
fn write_folded(value: &str, mut column: usize, out: &mut Vec<u8>) {
    let mut written = 0;
    for end in fold_points(value).chain([value.len()]) {
        let stretch = &value.as_bytes()[written..end];
        if written > 0 && column + stretch.len() > FOLDED_BYTES_MAX {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.extend_from_slice(stretch);
        column += stretch.len();
        written = end;
    }
    out.extend_from_slice(b"\r\n");
}

/// The longest stretch without a place to fold.
fn stretch_max(value: &str) -> usize {
    let ends = fold_points(value).chain([value.len()]);
    let (longest, _) = ends.fold((0, 0), |(longest, start), end| {
        (longest.max(end - start), end)
    });
    longest
}

/// Where a line may be folded: before each blank that is alone, because many readers make one
/// blank of a folded run.
fn fold_points(value: &str) -> impl Iterator<Item = usize> {
    let windows = value.as_bytes().windows(3).enumerate();
    windows.filter_map(|(i, w)| (w[0] != b' ' && w[1] == b' ' && w[2] != b' ').then_some(i + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::LINE_BYTES_MAX;

    fn check_text(value: &str, expect: &str) {
        let mut out = Vec::new();
        write_text("Subject", value, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect, "{value:?}");
    }

    fn check_mailbox(name: Option<&str>, expect: &str) {
        let mut out = Vec::new();
        let mailbox = Mailbox {
            name: name.map(str::to_owned),
            address: "ada@example.test".parse().unwrap(),
        };
        write_mailbox("From", &mailbox, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect, "{name:?}");
    }

    #[test]
    fn ascii_stays_readable_and_is_folded_between_words() {
        check_text("Hello", "Subject: Hello\r\n");
        let words = "word ".repeat(20);
        let folded = format!(
            "Subject: {}\r\n {}\r\n",
            ["word"; 14].join(" "),
            ["word"; 6].join(" ")
        );
        check_text(words.trim_end(), &folded);
    }

    #[test]
    fn what_would_not_arrive_as_it_is_becomes_encoded_words() {
        check_text(
            "Many greetings, Zoë",
            "Subject: =?utf-8?Q?Many_greetings,_Zo=C3=AB?=\r\n",
        );
        check_text("=?x?Q?y?=", "Subject: =?utf-8?B?PT94P1E/eT89?=\r\n");
        check_text(" a", "Subject: =?utf-8?Q?_a?=\r\n");
    }

    #[test]
    fn a_word_too_long_for_a_line_is_encoded() {
        let mut out = Vec::new();
        write_text("X-A", &"x".repeat(4000), &mut out);
        assert!(out.split(|&b| b == b'\n').all(|line| line.len() <= 78));
    }

    #[test]
    fn what_only_begins_like_an_encoded_word_stays_as_it_is() {
        for value in [
            "a =? b",
            "<https://example.test/dG9rZW4=?list=7>",
            "?= =?",
            "=?=",
        ] {
            check_text(value, &format!("Subject: {value}\r\n"));
        }
    }

    #[test]
    fn no_display_name_makes_a_line_too_long() {
        for name in ["\\".repeat(512), "\"".repeat(512), "x".repeat(512)] {
            let mut out = Vec::new();
            write_named("From", Some(&name), "ada@example.test", &mut out);
            let longest = out.split(|&b| b == b'\n').map(<[u8]>::len).max();
            assert!(longest <= Some(LINE_BYTES_MAX), "{name:.3} {longest:?}");
        }
    }

    #[test]
    fn a_long_link_keeps_its_form() {
        let link = format!("<https://example.test/{}>", "a".repeat(200));
        check_text(&link, &format!("Subject: {link}\r\n"));
    }

    #[test]
    fn display_names_are_quoted_or_encoded() {
        check_mailbox(None, "From: <ada@example.test>\r\n");
        check_mailbox(
            Some("Lovelace, \"Ada\""),
            "From: \"Lovelace, \\\"Ada\\\"\" <ada@example.test>\r\n",
        );
        check_mailbox(
            Some("Zoë <eve@evil.test>"),
            "From: =?utf-8?Q?Zo=C3=AB_=3Ceve=40evil=2Etest=3E?= <ada@example.test>\r\n",
        );
        check_mailbox(
            Some("=?x?Q?y?="),
            "From: =?utf-8?B?PT94P1E/eT89?=\r\n <ada@example.test>\r\n",
        );
    }

    #[test]
    fn dates_are_in_the_form_of_rfc_5322() {
        let mut out = Vec::new();
        write_date(Timestamp::from_micros(1_700_000_000_999_999), &mut out);
        assert_eq!(out, b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    }

    #[test]
    fn a_control_character_is_refused() {
        for value in [
            "a\r\nBcc: x",
            "a\nb",
            "a\rb",
            "a\0b",
            "a\tb",
            "a\u{85}b",
            "a\x7f",
        ] {
            let checked = checked(Field::Subject, value.to_owned());
            assert!(
                matches!(checked, Err(RenderError::Control { .. })),
                "{value:?}"
            );
        }
        // Narrowed to a byte these would be CR and LF (CVE-2025-7962).
        assert!(!has_control("\u{760d}\u{760a}"));
    }
}
