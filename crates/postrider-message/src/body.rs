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

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are; only lines that [`is_plain`].
    SevenBit,
    /// Whatever they are.
    QuotedPrintable,
    /// Whatever they are; only a whole body.
    Base64,
}

impl Encoding {
    /// The one for a whole body of LF-terminated lines.
    fn of(lines: &str) -> Self {
        if is_plain(lines) {
            return Self::SevenBit;
        }
        let base64_bytes = base64::MIME.encoded_len(lines.len());
        match qp::BODY.encoded_len_within(lines, base64_bytes) {
            Some(_) => Self::QuotedPrintable,
            None => Self::Base64,
        }
    }

    /// Its name in Content-Transfer-Encoding.
    const fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// Writes LF-terminated lines.
    pub(crate) fn write(self, lines: &str, out: &mut Vec<u8>) {
        match self {
            Self::SevenBit => write_crlf(lines, out),
            Self::QuotedPrintable => {
                qp::BODY.encode_append(lines, out);
            }
            Self::Base64 => {
                let mut canonical = Vec::new();
                write_crlf(lines, &mut canonical);
                base64::MIME.encode_append(&canonical, out);
            }
        }
    }
}

/// Writes the header and the body of a part of type `text/<subtype>`; the last line ends in CRLF.
pub(crate) fn write_leaf(subtype: &str, text: String, out: &mut Vec<u8>) {
    let lines = into_lines(text);
    let encoding = Encoding::of(&lines);
    write_head(subtype, encoding, out);
    encoding.write(&lines, out);
}

/// Writes the header of such a part, with the empty line behind it.
pub(crate) fn write_head(subtype: &str, encoding: Encoding, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Type: text/");
    out.extend_from_slice(subtype.as_bytes());
    out.extend_from_slice(b"; charset=utf-8\r\nContent-Transfer-Encoding: ");
    out.extend_from_slice(encoding.name().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
}

/// The text with LF as its only line ending, also at its end.
pub(crate) fn into_lines(text: String) -> String {
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

/// Whether LF-terminated lines may go as they are.
pub(crate) fn is_plain(lines: &str) -> bool {
    let bytes = lines.as_bytes();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]) {
        if !is_plain_line(&bytes[start..end]) {
            return false;
        }
        start = (end + 1).min(bytes.len());
    }
    memchr::memmem::find(bytes, BOUNDARY_PREFIX.as_bytes()).is_none()
}

fn is_plain_line(line: &[u8]) -> bool {
    // All octets are looked at, because that is faster than to stop at the first.
    let is_plain = |b: &u8| (b' '..=b'~').contains(b) | (*b == b'\t');
    line.len() <= PLAIN_LINE_BYTES_MAX
        && line.iter().fold(true, |so_far, b| so_far & is_plain(b))
        // Blanks at the end of a line are lost on the way (RFC 2045 §6.7, rule 3).
        && !line.ends_with(b" ")
        && !line.ends_with(b"\t")
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
