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

use std::ops::Range;

use bytes::Bytes;

use crate::scanned::{Scanned, flaw_of};
use crate::stuffing::Stuffed;
use crate::trouble::Trouble;

/// The octets of one message, ready for DATA but for dot-stuffing.
#[derive(Debug, Clone)]
pub struct Content {
    /// None is empty.
    segments: Vec<Scanned>,
    bytes: usize,
    is_eight_bit: bool,
}

impl Content {
    /// A content out of segments that are canonical together. A segment may begin and end
    /// anywhere, even between CR and LF; empty ones are dropped.
    ///
    /// # Errors
    /// Permanent trouble with the message, in words for a person, when it is not canonical.
    pub fn new(segments: Vec<Bytes>) -> Result<Self, Trouble> {
        Self::of(segments.into_iter().map(Scanned::new).collect())
    }

    /// The same out of segments that were looked at before, so that only their joints are.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn of(mut segments: Vec<Scanned>) -> Result<Self, Trouble> {
        if let Some(flaw) = flaw_of(&segments) {
            return Err(flaw.into());
        }
        segments.retain(|segment| !segment.bytes().is_empty());
        Ok(Self {
            bytes: segments.iter().map(|s| s.bytes().len()).sum(),
            is_eight_bit: segments.iter().any(Scanned::is_eight_bit),
            segments,
        })
    }

    /// Its size as SIZE counts it: without the dots that are doubled on the way and without the
    /// terminator (RFC 1870 §3).
    pub const fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// The same, as a length.
    pub(crate) const fn len(&self) -> usize {
        self.bytes
    }

    /// Whether any octet is above 127, so that the server must offer 8BITMIME.
    pub const fn is_eight_bit(&self) -> bool {
        self.is_eight_bit
    }

    /// The slices to write by BDAT: from this octet on, and up to that one. None of them is empty.
    pub(crate) fn slices(&self, octets: Range<usize>) -> impl Iterator<Item = &[u8]> {
        let mut at = 0;
        let slices = self.segments.iter().map(move |segment| {
            let segment = segment.bytes();
            let begin = at;
            at += segment.len();
            let cut = |octet: usize| octet.saturating_sub(begin).min(segment.len());
            &segment[cut(octets.start)..cut(octets.end)]
        });
        slices.filter(|slice| !slice.is_empty())
    }

    /// The slices to write after DATA.
    pub(crate) fn stuffed(&self) -> Stuffed<'_> {
        Stuffed::new(&self.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_types::Scope;
    use proptest::prelude::*;

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

    #[test]
    fn chunks_are_cut_anywhere_and_copy_nothing() {
        let segments = ["abcd", "", "ef", "\r\n"].map(|part| Bytes::from_static(part.as_bytes()));
        let content = Content::new(segments.to_vec()).unwrap();
        for from in 0..=8 {
            for end in from..=8 {
                let slices: Vec<&[u8]> = content.slices(from..end).collect();
                let expect = &b"abcdef\r\n"[from..end];
                assert_eq!(slices.concat(), expect);
                assert!(slices.iter().all(|slice| !slice.is_empty()));
            }
        }
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_the_verdict_and_the_octets_on_the_wire_are_the_same(
            parts in prop::collection::vec(
                prop_oneof![
                    9 => Just("\r\n"), 3 => Just("."), 3 => Just("a"), 1 => Just("\n"),
                    1 => Just("\r"), 1 => Just("\u{fc}"), 1 => Just("\0"),
                ],
                0..24,
            ),
            line in prop_oneof![Just(0), 990_usize..1_010],
            cuts in prop::collection::vec(0_usize..1_100, 0..6),
        ) {
            let text = format!("{}{}\r\n", "x".repeat(line), parts.concat()).into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let segments = cuts.windows(2).map(|cut| Bytes::copy_from_slice(&text[cut[0]..cut[1]]));
            let cut = Content::of(segments.map(Scanned::new).collect());
            let whole = Content::new(vec![Bytes::from(text.clone())]);
            prop_assert_eq!(cut.is_ok(), whole.is_ok());
            if let (Ok(cut), Ok(whole)) = (cut, whole) {
                prop_assert_eq!(cut.bytes(), whole.bytes());
                prop_assert_eq!(cut.is_eight_bit(), whole.is_eight_bit());
                let wire = |content: &Content| content.stuffed().collect::<Vec<_>>().concat();
                prop_assert_eq!(wire(&cut), wire(&whole));
            }
        }
    }
}
