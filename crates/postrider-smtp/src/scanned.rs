//! A segment of a message, looked at once and used in any number of messages.
//!
//! What can be known of a segment by itself is found in one pass and kept beside it: flaws inside,
//! the lengths of its first and last line, and where dots begin a line. What depends on the segment
//! before it is left to [`Content::of`](crate::Content::of), which looks at the joints only. So an
//! attachment that all recipients share is searched once, and not once for each of them.

use std::sync::Arc;

use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use postrider_types::{Phase, Scope};

use crate::trouble::Trouble;

/// Longest line of a message in octets, without its CRLF (RFC 5321 §4.5.3.1.6).
const LINE_BYTES_MAX: usize = 998;

/// Bytes looked at in one go: the passes of a scan all find them in the first-level cache.
const SCAN_BLOCK_BYTES: usize = 16 * 1024;

/// Octets and what is known about them. A clone shares both.
#[derive(Debug, Clone)]
pub struct Scanned {
    bytes: Bytes,
    /// Where in them, after a line feed, a dot begins a line; `None` when nowhere.
    dots: Option<Arc<[usize]>>,
    summary: Summary,
}

/// What is known of octets, whatever stands before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Summary {
    /// The first flaw inside.
    flaw: Option<Flaw>,
    /// Line feeds.
    lines: u64,
    carriage_returns: u64,
    /// Octets before the first line feed; all, when there is none.
    head_bytes: usize,
    /// Octets after the last line feed; all, when there is none.
    tail_bytes: usize,
    is_eight_bit: bool,
}

impl Scanned {
    /// Looks at these octets.
    pub fn new(bytes: Bytes) -> Self {
        let mut scan = Scan::default();
        for block in bytes.chunks(SCAN_BLOCK_BYTES) {
            scan.take(block);
        }
        scan.summary.tail_bytes = scan.line_bytes;
        if scan.summary.lines == 0 {
            scan.summary.head_bytes = scan.line_bytes;
        }
        Self {
            dots: (!scan.dots.is_empty()).then(|| scan.dots.into()),
            summary: scan.summary,
            bytes,
        }
    }

    /// The octets.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Bytes of memory that this takes beside the octets.
    pub fn overhead_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.dots())
    }

    /// Where in them, after a line feed, a dot begins a line; in order, and never 0.
    pub(crate) fn dots(&self) -> &[usize] {
        self.dots.as_deref().unwrap_or_default()
    }

    pub(crate) const fn is_eight_bit(&self) -> bool {
        self.summary.is_eight_bit
    }
}

/// Why a content is not canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nul,
    BareCr,
    /// In this line, counted from 1.
    BareLf(u64),
    /// This line, counted from 1.
    LongLine(u64),
    OpenEnd,
}

impl Flaw {
    /// The same, seen from so many lines before.
    const fn after(self, lines: u64) -> Self {
        match self {
            Self::BareLf(line) => Self::BareLf(lines + line),
            Self::LongLine(line) => Self::LongLine(lines + line),
            Self::Nul | Self::BareCr | Self::OpenEnd => self,
        }
    }
}

impl From<Flaw> for Trouble {
    fn from(flaw: Flaw) -> Self {
        let text = match flaw {
            Flaw::Nul => "the message contains a NUL octet".to_owned(),
            Flaw::BareCr => "the message contains a CR that no LF follows".to_owned(),
            Flaw::BareLf(line) => format!("line {line} of the message ends in LF without CR"),
            Flaw::LongLine(line) => {
                format!("line {line} of the message is longer than {LINE_BYTES_MAX} octets")
            }
            Flaw::OpenEnd => "the message does not end with CRLF".to_owned(),
        };
        Self::unsendable(Phase::Mail, Scope::Message, 554, (6, 0), &text)
    }
}

/// The first flaw of these segments together. A line may span any number of them.
pub(crate) fn flaw_of(segments: &[Scanned]) -> Option<Flaw> {
    let (mut lines, mut carriage_returns, mut line_bytes) = (0, 0, 0);
    let mut last = 0;
    for Scanned { bytes, summary, .. } in segments {
        let (Some(&first), Some(&end)) = (bytes.first(), bytes.last()) else {
            continue;
        };
        if first == b'\n' && last != b'\r' {
            return Some(Flaw::BareLf(lines + 1));
        }
        if summary.lines > 0 && is_long(line_bytes + summary.head_bytes) {
            return Some(Flaw::LongLine(lines + 1));
        }
        if let Some(flaw) = summary.flaw {
            return Some(flaw.after(lines));
        }
        line_bytes = match summary.lines {
            0 => line_bytes + summary.tail_bytes,
            _ => summary.tail_bytes,
        };
        lines += summary.lines;
        carriage_returns += summary.carriage_returns;
        last = end;
    }
    // Every LF had its CR, so a CR too many is one that stands alone.
    if carriage_returns != lines {
        return Some(Flaw::BareCr);
    }
    (last != b'\n').then_some(Flaw::OpenEnd)
}

/// Whether so many octets before a line feed, the CR among them, are too many.
const fn is_long(bytes: usize) -> bool {
    bytes > LINE_BYTES_MAX + 1
}

/// One pass over a segment, block by block.
#[derive(Debug, Default)]
struct Scan {
    summary: Summary,
    dots: Vec<usize>,
    /// Octets of the blocks before.
    taken: usize,
    /// Octets since the last line feed.
    line_bytes: usize,
    /// The last octet; `None` before the first, which has only its joint.
    last: Option<u8>,
}

impl Scan {
    fn take(&mut self, block: &[u8]) {
        if memchr(0, block).is_some() {
            self.summary.flaw.get_or_insert(Flaw::Nul);
        }
        self.summary.is_eight_bit |= !block.is_ascii();
        self.summary.carriage_returns += memchr_iter(b'\r', block).count() as u64;
        if self.last == Some(b'\n') && block.starts_with(b".") {
            self.dots.push(self.taken);
        }
        let mut start = 0;
        for line_feed in memchr_iter(b'\n', block) {
            let before = line_feed
                .checked_sub(1)
                .map_or(self.last, |index| Some(block[index]));
            self.end_line(self.line_bytes + line_feed - start, before);
            start = line_feed + 1;
            if block.get(start) == Some(&b'.') {
                self.dots.push(self.taken + start);
            }
        }
        self.line_bytes += block.len() - start;
        self.taken += block.len();
        self.last = block.last().copied().or(self.last);
    }

    fn end_line(&mut self, line_bytes: usize, before: Option<u8>) {
        let summary = &mut self.summary;
        let line = summary.lines + 1;
        if summary.lines == 0 {
            summary.head_bytes = line_bytes;
        } else if is_long(line_bytes) {
            summary.flaw.get_or_insert(Flaw::LongLine(line));
        }
        if before.is_some_and(|octet| octet != b'\r') {
            summary.flaw.get_or_insert(Flaw::BareLf(line));
        }
        summary.lines = line;
        self.line_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(bytes: &[u8], segment_bytes: usize) -> Option<Flaw> {
        let segments = bytes
            .chunks(segment_bytes)
            .map(|segment| Scanned::new(Bytes::copy_from_slice(segment)));
        flaw_of(&segments.collect::<Vec<_>>())
    }

    fn check(bytes: &[u8], expect: Option<Flaw>) {
        assert_eq!(flaw(bytes, 1), expect, "octet by octet: {bytes:?}");
        assert_eq!(flaw(bytes, 2), expect, "in pairs: {bytes:?}");
        assert_eq!(flaw(bytes, usize::MAX), expect, "in one piece: {bytes:?}");
    }

    #[test]
    fn a_canonical_content_is_taken() {
        check(b"\r\n", None);
        check(b"Subject: a\r\n\r\nb\r\n.\r\n", None);
        check("Subject: \u{fc}\r\n".as_bytes(), None);
    }

    #[test]
    fn a_line_end_that_is_not_crlf_is_refused() {
        check(b"a\nb\r\n", Some(Flaw::BareLf(1)));
        check(b"a\r\n\nb\r\n", Some(Flaw::BareLf(2)));
        check(b"a\rb\r\n", Some(Flaw::BareCr));
        check(b"a\r\r\n", Some(Flaw::BareCr));
        check(b"a\r\n.\n", Some(Flaw::BareLf(2)));
        check(b"a\r\n.\r", Some(Flaw::BareCr));
        check(b"\n", Some(Flaw::BareLf(1)));
    }

    #[test]
    fn a_nul_or_an_open_end_is_refused() {
        check(b"a\0\r\n", Some(Flaw::Nul));
        check(b"a", Some(Flaw::OpenEnd));
        check(b"a\r\nb", Some(Flaw::OpenEnd));
        check(b"", Some(Flaw::OpenEnd));
    }

    #[test]
    fn a_line_of_998_octets_is_taken_and_one_more_is_refused() {
        check(format!("{}\r\n", "a".repeat(998)).as_bytes(), None);
        let long = format!("a\r\n{}\r\n", "a".repeat(999));
        check(long.as_bytes(), Some(Flaw::LongLine(2)));
        let first = format!("{}\r\n", "a".repeat(999));
        check(first.as_bytes(), Some(Flaw::LongLine(1)));
    }

    #[test]
    fn what_spans_two_blocks_of_a_segment_is_seen() {
        for before in SCAN_BLOCK_BYTES - 3..SCAN_BLOCK_BYTES + 1 {
            let mut text = "\r\n".repeat(before / 2);
            if before % 2 == 1 {
                text.insert(0, 'a');
            }
            text.push_str("\r\n.b\r\n");
            let scanned = Scanned::new(Bytes::from(text));
            assert_eq!(scanned.dots(), [before + 2]);
            assert_eq!(flaw_of(&[scanned]), None);
        }
    }
}
