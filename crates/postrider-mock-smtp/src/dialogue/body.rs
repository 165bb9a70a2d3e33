//! The readers of a message: after DATA up to the dot, and after BDAT by octets.
//!
//! A message is gone as soon as it was seen: what is kept of it is its [`content`].
//! Only CR LF `.` CR LF ends a message after DATA. A bare CR or LF is content, and is counted.

mod chunks;
mod content;

use std::sync::{Arc, LazyLock};

use memchr::memmem;

pub(crate) use chunks::{ChunkReader, Chunks};
pub(crate) use content::Body;

use content::Content;

use crate::control::samples::Samples;

/// The state of reading after DATA, between two pieces of input.
pub(crate) struct BodyReader {
    content: Content,
    is_line_start: bool,
}

/// The only place where a dot at the start of a line can hide; built once for all messages.
static LINE_AND_DOT: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(b"\r\n."));

impl BodyReader {
    pub(crate) fn new(samples: &Arc<Samples>) -> Self {
        Self {
            content: Content::new(samples),
            is_line_start: true,
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
        self.content.finish()
    }

    /// Content that never ends between a CR and its LF.
    fn take(&mut self, piece: &[u8]) {
        if !piece.is_empty() {
            self.is_line_start = piece.ends_with(b"\r\n");
            self.content.take(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::body_hash;

    /// Reads `input` in pieces of `step` bytes, as a slow network would bring it.
    fn read_in_steps(input: &[u8], step: usize) -> (Body, usize) {
        let mut reader = BodyReader::new(&Arc::default());
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
            assert_eq!(body.content_hash, body_hash(b"Message-ID: <2@x.test>\r\n"));
        }
        let (body, _) = read_in_steps(b"\r\nMessage-ID: <2@x.test>\r\n.\r\n", 5);
        assert_eq!(body.message_id, None);
        assert_eq!(body.content_hash, body_hash(b"Message-ID: <2@x.test>\r\n"));
    }

    #[test]
    fn the_content_hash_is_the_same_whatever_the_header_says() {
        let read = |header: &str| {
            let text = format!("{header}\r\n\r\nHello\r\n\r\n..\r\n.\r\n");
            read_in_steps(text.as_bytes(), 3).0
        };
        let (first, second) = (read("To: a@x.test"), read("To: bob@x.test\r\nX: y"));
        assert_eq!(first.content_hash, second.content_hash);
        assert_eq!(first.content_hash, body_hash(b"Hello\r\n\r\n.\r\n"));
        assert_ne!(first.hash, second.hash);
        let (without_end, _) = read_in_steps(b"To: a@x.test\r\n.\r\n", 4);
        assert_eq!(without_end.content_hash, body_hash(b""));
    }
}
