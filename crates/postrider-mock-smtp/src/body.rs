//! The reader of a message after DATA: finds its end, unstuffs dots, hashes, and keeps what is
//! needed of the header; the rest is gone as soon as it was seen.
//!
//! Only CR LF `.` CR LF ends a message. A bare CR or LF is content, and is counted.

use std::hash::Hasher;
use std::sync::LazyLock;

use memchr::memmem;
use twox_hash::XxHash3_64;

use crate::bounds::{HEADER_BYTES_MAX, HEADER_VALUE_BYTES_MAX};
use crate::chance::hexadecimal;

const CAMPAIGN_FIELD: &str = "X-Postrider-Campaign";
const MESSAGE_ID_FIELD: &str = "Message-ID";

/// What is known of a message when its end has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Unstuffed bytes, the last CR LF included, the dot not.
    pub(crate) bytes: u64,
    pub(crate) hash: String,
    pub(crate) message_id: Option<String>,
    pub(crate) campaign: Option<String>,
    /// CRs without LF and LFs without CR.
    pub(crate) bare_line_ends: u64,
}

/// The state of reading between two pieces of input.
pub(crate) struct BodyReader {
    hasher: XxHash3_64,
    bytes: u64,
    bare_line_ends: u64,
    is_line_start: bool,
    header: Vec<u8>,
    is_header_complete: bool,
}

/// The only place where a dot at the start of a line can hide; built once for all messages.
static LINE_AND_DOT: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(b"\r\n."));

impl BodyReader {
    pub(crate) fn new() -> Self {
        Self {
            hasher: XxHash3_64::new(),
            bytes: 0,
            bare_line_ends: 0,
            is_line_start: true,
            header: Vec::with_capacity(1024),
            is_header_complete: false,
        }
    }

    /// Takes what it can of `input`; answers how much that was, and whether the end was in it.
    ///
    /// What it leaves is less than three bytes, whose meaning depends on what follows.
    pub(crate) fn read(&mut self, input: &[u8]) -> (usize, bool) {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            if self.is_line_start && rest.first() == Some(&b'.') {
                match rest.get(1..3) {
                    Some(b"\r\n") => return (at + 3, true),
                    None if b"\r\n".starts_with(&rest[1..]) => return (at, false),
                    _ => at += 1,
                }
                self.is_line_start = false;
                continue;
            }
            if let Some(found) = LINE_AND_DOT.find(rest) {
                self.take(&rest[..found + 2]);
                self.is_line_start = true;
                at += found + 2;
                continue;
            }
            let is_open = rest.last() == Some(&b'\r');
            let taken = &rest[..rest.len() - usize::from(is_open)];
            self.take(taken);
            return (at + taken.len(), false);
        }
    }

    /// The message, after its end was read.
    pub(crate) fn finish(self) -> Body {
        Body {
            bytes: self.bytes,
            hash: hexadecimal(self.hasher.finish()),
            message_id: field(&self.header, MESSAGE_ID_FIELD),
            campaign: field(&self.header, CAMPAIGN_FIELD),
            bare_line_ends: self.bare_line_ends,
        }
    }

    /// Content that never ends between a CR and its LF.
    fn take(&mut self, content: &[u8]) {
        if content.is_empty() {
            return;
        }
        self.is_line_start = content.ends_with(b"\r\n");
        self.bytes += content.len() as u64;
        self.hasher.write(content);
        self.bare_line_ends += bare_line_ends(content);
        if !self.is_header_complete {
            self.take_header(content);
        }
    }

    fn take_header(&mut self, content: &[u8]) {
        let searched = self.header.len().saturating_sub(3);
        let room = HEADER_BYTES_MAX - self.header.len();
        self.header
            .extend_from_slice(&content[..content.len().min(room)]);
        if self.header.starts_with(b"\r\n") {
            self.header.clear();
            self.is_header_complete = true;
        } else if let Some(end) = memmem::find(&self.header[searched..], b"\r\n\r\n") {
            self.header.truncate(searched + end + 2);
            self.is_header_complete = true;
        }
        self.is_header_complete |= self.header.len() == HEADER_BYTES_MAX;
    }
}

fn bare_line_ends(content: &[u8]) -> u64 {
    let carriage_returns = memchr::memchr_iter(b'\r', content).count();
    let (mut pairs, mut bare_feeds) = (0_usize, 0_u64);
    for at in memchr::memchr_iter(b'\n', content) {
        if at > 0 && content[at - 1] == b'\r' {
            pairs += 1;
        } else {
            bare_feeds += 1;
        }
    }
    bare_feeds + (carriage_returns - pairs) as u64
}

/// The first field of that name, unfolded (RFC 5322 §2.2.3), shortened to its bound.
fn field(header: &[u8], name: &str) -> Option<String> {
    let mut lines = header.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| {
        let (given, value) = line.split_at_checked(name.len())?;
        value
            .strip_prefix(b":")
            .filter(|_| given.eq_ignore_ascii_case(name.as_bytes()))
    })?;
    let mut text = String::from_utf8_lossy(value.trim_ascii()).into_owned();
    for line in lines.take_while(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
        text.push(' ');
        text.push_str(&String::from_utf8_lossy(line.trim_ascii()));
    }
    text.truncate(text.floor_char_boundary(HEADER_VALUE_BYTES_MAX));
    Some(text.trim_ascii().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::body_hash;

    /// Reads `input` in pieces of `step` bytes, as a slow network would bring it.
    fn read_in_steps(input: &[u8], step: usize) -> (Body, usize) {
        let mut reader = BodyReader::new();
        let (mut start, mut end) = (0, 0);
        loop {
            end = (end + step).min(input.len());
            let (taken, is_end) = reader.read(&input[start..end]);
            start += taken;
            if is_end {
                return (reader.finish(), start);
            }
            assert!(end < input.len(), "the end was not found");
        }
    }

    fn check(input: &[u8], unstuffed: &[u8], bare: u64) {
        for step in 1..=input.len() {
            let (body, taken) = read_in_steps(input, step);
            assert_eq!(body.hash, body_hash(unstuffed), "in steps of {step}");
            assert_eq!(body.bytes, unstuffed.len() as u64, "in steps of {step}");
            assert_eq!(body.bare_line_ends, bare, "in steps of {step}");
            assert_eq!(taken, input.len(), "in steps of {step}");
        }
    }

    #[test]
    fn dots_are_unstuffed_and_the_end_is_found_however_the_bytes_arrive() {
        check(b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", 0);
        check(b".\r\n", b"", 0);
        check(b"..\r\n.\r\n", b".\r\n", 0);
        check(b".x\r\n\r\n.\r\n", b"x\r\n\r\n", 0);
    }

    #[test]
    fn only_a_dot_between_two_cr_lf_ends_a_message() {
        check(
            b"a\n.\nb\r.\rc\r\n.\rd\r\n.\r\n",
            b"a\n.\nb\r.\rc\r\n\rd\r\n",
            5,
        );
        check(b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", 1);
    }

    #[test]
    fn what_follows_the_end_is_left() {
        let (_, taken) = read_in_steps(b"a\r\n.\r\nMAIL", 10);
        assert_eq!(taken, 6);
    }

    #[test]
    fn fields_are_found_in_the_header_only() {
        let text = b"Subject: x\r\nMESSAGE-id:\r\n <1@x.test>\r\nx-postrider-campaign: cmp_1 \r\n\r\nMessage-ID: <2@x.test>\r\n.\r\n";
        for step in [1, 7, text.len()] {
            let (body, _) = read_in_steps(text, step);
            assert_eq!(body.message_id.as_deref(), Some("<1@x.test>"));
            assert_eq!(body.campaign.as_deref(), Some("cmp_1"));
        }
        let (body, _) = read_in_steps(b"\r\nMessage-ID: <2@x.test>\r\n.\r\n", 5);
        assert_eq!(body.message_id, None);
    }

    #[test]
    fn a_header_without_end_is_kept_to_its_bound() {
        let mut reader = BodyReader::new();
        for _ in 0..100 {
            reader.read(&b"X: y\r\n".repeat(1000));
        }
        assert_eq!(reader.header.len(), HEADER_BYTES_MAX);
    }
}
