//! The message as it goes on the wire, checked once so that nothing can be smuggled in it.
//!
//! A content is a list of segments, so that what is rendered for one recipient and what is shared
//! by all (a big attachment) stand side by side without being copied. It is canonical or it does
//! not exist: every line ends in CRLF, there is no other CR or LF and no NUL, no line is longer
//! than 998 octets, and the last line is complete, so that the terminator is always `.` CRLF
//! (RFC 5321 §2.3.8, §4.5.3.1.6). Whoever reads a bare LF as the end of a line cannot be made to
//! see an end of data that we did not write.
//!
//! Not here: making a message canonical. That is the message crate's work, before signing.

use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use postrider_types::{Phase, Scope};

use crate::stuffing::Stuffed;
use crate::trouble::Trouble;

/// Longest line of a message in octets, without its CRLF (RFC 5321 §4.5.3.1.6).
const LINE_BYTES_MAX: usize = 998;

/// Bytes looked at in one go: the passes of a scan all find them in the first-level cache.
const SCAN_BLOCK_BYTES: usize = 16 * 1024;

/// The octets of one message, ready for DATA but for dot-stuffing.
#[derive(Debug, Clone)]
pub struct Content {
    /// None is empty.
    segments: Vec<Bytes>,
    bytes: u64,
    is_eight_bit: bool,
}

impl Content {
    /// A content out of segments that are canonical together. A segment may begin and end
    /// anywhere, even between CR and LF; empty ones are dropped.
    ///
    /// # Errors
    /// Permanent trouble with the message, in words for a person, when it is not canonical.
    pub fn new(segments: Vec<Bytes>) -> Result<Self, Trouble> {
        let mut scan = Scan::default();
        let blocks = segments.iter().flat_map(|s| s.chunks(SCAN_BLOCK_BYTES));
        let flaw = blocks
            .map(|block| scan.take(block))
            .find_map(Result::err)
            .or_else(|| scan.flaw_at_end());
        if let Some(flaw) = flaw {
            return Err(flaw.into());
        }
        let mut segments = segments;
        segments.retain(|segment| !segment.is_empty());
        Ok(Self {
            bytes: segments.iter().map(|segment| segment.len() as u64).sum(),
            is_eight_bit: scan.is_eight_bit,
            segments,
        })
    }

    /// Its size as SIZE counts it: without the dots that are doubled on the way and without the
    /// terminator (RFC 1870 §3).
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether any octet is above 127, so that the server must offer 8BITMIME.
    pub const fn is_eight_bit(&self) -> bool {
        self.is_eight_bit
    }

    /// The slices to write.
    pub(crate) fn stuffed(&self) -> Stuffed<'_> {
        Stuffed::new(&self.segments)
    }
}

/// Why a content is not canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nul,
    BareCr,
    /// In this line, counted from 1.
    BareLf(u64),
    /// This line, counted from 1.
    LongLine(u64),
    OpenEnd,
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

/// One pass over the segments in order. A line may span any number of blocks.
#[derive(Debug, Default)]
struct Scan {
    /// The last octet seen; 0 before the first.
    last: u8,
    /// Octets since the last LF.
    line_bytes: usize,
    carriage_returns: u64,
    lines: u64,
    is_eight_bit: bool,
}

impl Scan {
    fn take(&mut self, block: &[u8]) -> Result<(), Flaw> {
        if memchr(0, block).is_some() {
            return Err(Flaw::Nul);
        }
        self.is_eight_bit |= !block.is_ascii();
        self.carriage_returns += memchr_iter(b'\r', block).count() as u64;
        let mut start = 0;
        for line_feed in memchr_iter(b'\n', block) {
            let before = match line_feed.checked_sub(1) {
                Some(index) => block[index],
                None => self.last,
            };
            if before != b'\r' {
                return Err(Flaw::BareLf(self.lines + 1));
            }
            if self.line_bytes + (line_feed - start) > LINE_BYTES_MAX + 1 {
                return Err(Flaw::LongLine(self.lines + 1));
            }
            self.lines += 1;
            self.line_bytes = 0;
            start = line_feed + 1;
        }
        self.line_bytes += block.len() - start;
        self.last = *block.last().unwrap_or(&self.last);
        Ok(())
    }

    /// Every LF had its CR, so a CR too many is one that stands alone.
    fn flaw_at_end(&self) -> Option<Flaw> {
        if self.carriage_returns != self.lines {
            return Some(Flaw::BareCr);
        }
        (self.last != b'\n').then_some(Flaw::OpenEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(bytes: &[u8]) -> Option<Flaw> {
        let mut scan = Scan::default();
        bytes
            .chunks(1)
            .find_map(|byte| scan.take(byte).err())
            .or_else(|| scan.flaw_at_end())
    }

    fn check(bytes: &[u8], expect: Option<Flaw>) {
        assert_eq!(flaw(bytes), expect, "octet by octet: {bytes:?}");
        let whole = Content::new(vec![Bytes::copy_from_slice(bytes)]);
        assert_eq!(whole.is_err(), expect.is_some(), "in one piece: {bytes:?}");
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
    }

    #[test]
    fn a_refused_content_is_permanent_trouble_with_the_message() {
        let trouble = Content::new(vec![Bytes::from_static(b"a\nb\r\n")]).unwrap_err();
        assert!(trouble.is_permanent() && trouble.is_local() && !trouble.closes_session());
        assert_eq!(trouble.scope(), Scope::Message);
        assert_eq!(
            trouble.to_string(),
            "not sent: 554 5.6.0 line 1 of the message ends in LF without CR"
        );
    }

    #[test]
    fn size_and_eight_bit_are_known_over_all_segments() {
        let segments = [&b"a: b\r"[..], b"", b"\n\r\n", b".\xc3\xbc\r\n"];
        let content = Content::new(segments.map(Bytes::from_static).to_vec()).unwrap();
        assert_eq!(content.bytes(), 13);
        assert!(content.is_eight_bit());
        assert_eq!(content.segments.len(), 3);
    }
}
