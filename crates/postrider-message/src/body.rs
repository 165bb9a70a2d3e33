//! Bodies as MIME leaves.
//!
//! A body is lines of text: any of CRLF, CR and LF ends one, and so does the end. It goes as
//! `7bit` when it can, else as quoted-printable or base64, whichever is shorter, so that no
//! server needs 8BITMIME and no line is longer than 76 octets.
//!
//! **No encoded body contains `=_`**, which every boundary does: quoted-printable and base64
//! cannot, and a text that does is not sent as `7bit`.

use std::borrow::Cow;

use encodify::{base64, qp};

/// What every boundary starts with (RFC 2045 §6.7 recommends it for this reason).
pub(crate) const BOUNDARY_PREFIX: &str = "=_";

/// Longest line that goes as `7bit`.
const PLAIN_LINE_BYTES_MAX: usize = 76;

/// Writes the header and the body of a part of type `text/<subtype>`; the last line ends in CRLF.
pub(crate) fn write_leaf(subtype: &str, text: String, out: &mut Vec<u8>) {
    let text = into_lines(text);
    out.extend_from_slice(b"Content-Type: text/");
    out.extend_from_slice(subtype.as_bytes());
    out.extend_from_slice(b"; charset=utf-8\r\nContent-Transfer-Encoding: ");
    if is_plain(&text) {
        out.extend_from_slice(b"7bit\r\n\r\n");
        write_crlf(&text, out);
        return;
    }
    let base64_bytes = base64::MIME.encoded_len(text.len());
    if qp::BODY.encoded_len_within(&text, base64_bytes).is_some() {
        out.extend_from_slice(b"quoted-printable\r\n\r\n");
        qp::BODY.encode_append(&text, out);
    } else {
        out.extend_from_slice(b"base64\r\n\r\n");
        let mut canonical = Vec::with_capacity(text.len() + text.len() / 32);
        write_crlf(&text, &mut canonical);
        base64::MIME.encode_append(&canonical, out);
    }
}

/// The text with LF as its only line ending, also at its end.
fn into_lines(text: String) -> String {
    let mut lines = match normalised(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(lines) => lines,
    };
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines
}

fn normalised(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Whether lines of LF-terminated text may go as they are.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_plain_byte = |&b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\n');
    bytes.iter().all(is_plain_byte)
        && memchr::memmem::find(bytes, BOUNDARY_PREFIX.as_bytes()).is_none()
        && text.split('\n').all(|line| {
            // Blanks at the end of a line are lost on the way (RFC 2045 §6.7, rule 3).
            line.len() <= PLAIN_LINE_BYTES_MAX && !line.ends_with([' ', '\t'])
        })
}

fn write_crlf(lines: &str, out: &mut Vec<u8>) {
    out.reserve(lines.len() + lines.len() / 32);
    let bytes = lines.as_bytes();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        out.extend_from_slice(&bytes[start..end]);
        out.extend_from_slice(b"\r\n");
        start = end + 1;
    }
    debug_assert_eq!(start, bytes.len(), "the last line is ended");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let mut out = Vec::new();
        write_leaf("plain", text.to_owned(), &mut out);
        let out = String::from_utf8(out).unwrap();
        let start = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ";
        assert_eq!(out.strip_prefix(start).unwrap(), expect, "{text:?}");
    }

    #[test]
    fn short_ascii_lines_go_as_they_are_and_end_in_crlf() {
        check("Hi", "7bit\r\n\r\nHi\r\n");
        check("", "7bit\r\n\r\n\r\n");
        check("a\n\nb\n", "7bit\r\n\r\na\r\n\r\nb\r\n");
    }

    #[test]
    fn every_kind_of_line_ending_becomes_crlf() {
        check(
            "a\rb\nc\r\nd\n\re",
            "7bit\r\n\r\na\r\nb\r\nc\r\nd\r\n\r\ne\r\n",
        );
        check(
            "more ä\rb\r\n",
            "quoted-printable\r\n\r\nmore =C3=A4\r\nb\r\n",
        );
    }

    #[test]
    fn what_would_be_harmed_on_the_way_is_encoded() {
        check("a \nb", "quoted-printable\r\n\r\na=20\r\nb\r\n");
        check("a\0b", "quoted-printable\r\n\r\na=00b\r\n");
        check("--=_x", "quoted-printable\r\n\r\n--=3D_x\r\n");
        let long = "x".repeat(77);
        let broken = format!("quoted-printable\r\n\r\n{}=\r\nxx\r\n", &long[..75]);
        check(&long, &broken);
    }

    #[test]
    fn mostly_foreign_text_goes_as_base64() {
        check(
            "안녕하세요 세계",
            "base64\r\n\r\n7JWI64WV7ZWY7IS47JqUIOyEuOqzhA0K\r\n",
        );
    }
}
