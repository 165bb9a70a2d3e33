//! Dot-stuffing without copying: the content as slices, in which every dot that begins a line comes
//! twice (RFC 5321 §4.5.2).
//!
//! Nothing is searched here: where dots begin a line is known of each segment, and what remains is
//! whether a segment begins one. A dot inside a segment ends one slice and begins the next.

use crate::scanned::Scanned;

/// The slices to write, in order. None of them is empty.
#[derive(Clone)]
pub(crate) struct Stuffed<'a> {
    segments: std::slice::Iter<'a, Scanned>,
    /// What is left of the current segment.
    rest: &'a [u8],
    /// Where in the segment `rest` begins.
    at: usize,
    /// The dots in `rest` that come twice, but for a first one that has come once.
    dots: &'a [usize],
    /// Whether the next segment begins a line.
    is_line_start: bool,
}

impl<'a> Stuffed<'a> {
    /// Stuffs segments that are one canonical content together; none may be empty.
    pub(crate) fn new(segments: &'a [Scanned]) -> Self {
        Self {
            segments: segments.iter(),
            rest: &[],
            at: 0,
            dots: &[],
            is_line_start: true,
        }
    }
}

impl<'a> Iterator for Stuffed<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            let segment = self.segments.next()?;
            (self.rest, self.at, self.dots) = (segment.bytes(), 0, segment.dots());
            let is_line_start = std::mem::replace(&mut self.is_line_start, false);
            if is_line_start && self.rest.starts_with(b".") {
                return Some(b".");
            }
        }
        if let Some((dot, dots)) = self.dots.split_first() {
            let slice = &self.rest[..=dot - self.at];
            self.rest = &self.rest[dot - self.at..];
            (self.at, self.dots) = (*dot, dots);
            return Some(slice);
        }
        self.is_line_start = self.rest.ends_with(b"\n");
        Some(std::mem::take(&mut self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn stuff(segments: &[&[u8]]) -> Vec<u8> {
        let segments: Vec<Scanned> = segments
            .iter()
            .filter(|segment| !segment.is_empty())
            .map(|segment| Scanned::new(Bytes::copy_from_slice(segment)))
            .collect();
        Stuffed::new(&segments).collect::<Vec<_>>().concat()
    }

    /// What a server does with the lines that it receives (RFC 5321 §4.5.2).
    fn unstuff(wire: &[u8]) -> Vec<u8> {
        wire.split_inclusive(|byte| *byte == b'\n')
            .flat_map(|line| line.strip_prefix(b".").unwrap_or(line))
            .copied()
            .collect()
    }

    #[test]
    fn only_a_dot_at_the_start_of_a_line_is_doubled() {
        assert_eq!(stuff(&[b".\r\n"]), b"..\r\n");
        assert_eq!(stuff(&[b"a.b\r\n.c\r\n..d\r\n"]), b"a.b\r\n..c\r\n...d\r\n");
        assert_eq!(stuff(&[b"\r\n\r\n.\r\n"]), b"\r\n\r\n..\r\n");
        assert_eq!(stuff(&[b"plain\r\n"]), b"plain\r\n");
    }

    #[test]
    fn a_dot_is_doubled_across_the_border_of_two_segments() {
        assert_eq!(stuff(&[b"a\r\n", b".b\r\n"]), b"a\r\n..b\r\n");
        assert_eq!(stuff(&[b"a\r", b"\n", b".", b".b\r\n"]), b"a\r\n...b\r\n");
        assert_eq!(stuff(&[b"a", b".b\r\n"]), b"a.b\r\n");
    }

    #[test]
    fn a_content_without_leading_dots_is_one_slice_per_segment() {
        let segments = [
            Scanned::new(Bytes::from_static(b"a: b\r\n\r\n")),
            Scanned::new(Bytes::from_static(b"c.\r\n")),
        ];
        let slices: Vec<_> = Stuffed::new(&segments).collect();
        assert_eq!(slices, [b"a: b\r\n\r\n".as_slice(), b"c.\r\n"]);
        assert_eq!(slices[1].as_ptr(), segments[1].bytes().as_ptr());
    }

    proptest! {
        #[test]
        fn a_server_reads_back_what_was_given_however_it_is_cut(
            lines in prop::collection::vec("[.a]{0,4}", 1..20),
            cuts in prop::collection::vec(0_usize..100, 0..6),
        ) {
            let content: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(content.len())).collect();
            cuts.extend([0, content.len()]);
            cuts.sort_unstable();
            let segments: Vec<&[u8]> = cuts.windows(2).map(|pair| &content[pair[0]..pair[1]]).collect();
            let wire = stuff(&segments);
            prop_assert!(!wire.windows(5).any(|window| window == b"\r\n.\r\n"));
            prop_assert!(!wire.starts_with(b".\r\n"));
            prop_assert_eq!(unstuff(&wire), content);
        }
    }
}
