//! Pieces of any size, cut into physical lines.

use memchr::memchr;

use crate::bounds::LINE_BYTES_MAX;

/// Cuts at line feeds. What it holds is at most one line of [`LINE_BYTES_MAX`]; the rest of a
/// longer one is passed over as it comes.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The number of the last line that was cut, from 1.
    number: u64,
    /// The beginning of a line whose end has not come yet.
    carry: Vec<u8>,
    /// The line in `carry` has been handed out.
    is_spent: bool,
    is_too_long: bool,
}

/// A physical line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    /// Its bytes, with the line feed, which the last line gets if it has none.
    Line(&'a [u8]),
    /// It has more than [`LINE_BYTES_MAX`] bytes.
    TooLong,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Lines {
    /// Takes the next line, with its number, off the front of `piece`; `None` when its end is not there yet, and
    /// then all of the piece is taken.
    pub(super) fn cut<'a, 'p: 'a>(&'a mut self, piece: &mut &'p [u8]) -> Option<(u64, Cut<'a>)> {
        if self.is_spent {
            self.carry.clear();
            self.is_spent = false;
        }
        let Some(end) = memchr(b'\n', piece) else {
            self.carry_over(piece);
            *piece = &[];
            return None;
        };
        let (head, rest) = piece.split_at(end + 1);
        *piece = rest;
        if !self.carry.is_empty() || self.is_too_long {
            self.carry_over(head);
            return Some(self.spend());
        }
        self.number += 1;
        Some((self.number, cut_of(self.number, head)))
    }

    /// The last line, when it has no line feed.
    pub(super) fn finish(&mut self) -> Option<(u64, Cut<'_>)> {
        let has_none = self.is_spent || self.carry.is_empty();
        if has_none && !self.is_too_long {
            return None;
        }
        self.carry_over(b"\n");
        Some(self.spend())
    }

    fn carry_over(&mut self, part: &[u8]) {
        self.is_too_long |= self.carry.len() + part.len() > LINE_BYTES_MAX + 1;
        if self.is_too_long {
            self.carry.clear();
        } else {
            self.carry.extend_from_slice(part);
        }
    }

    fn spend(&mut self) -> (u64, Cut<'_>) {
        self.number += 1;
        self.is_spent = true;
        if std::mem::take(&mut self.is_too_long) {
            return (self.number, Cut::TooLong);
        }
        (self.number, cut_of(self.number, &self.carry))
    }
}

fn cut_of(number: u64, line: &[u8]) -> Cut<'_> {
    if line.len() > LINE_BYTES_MAX + 1 {
        return Cut::TooLong;
    }
    let is_first = number == 1;
    Cut::Line(
        line.strip_prefix(BYTE_ORDER_MARK)
            .filter(|_| is_first)
            .unwrap_or(line),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(list: &[u8], piece_bytes: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut numbers = 1..;
        let mut owned = |(number, cut): (u64, Cut<'_>)| {
            assert_eq!(Some(number), numbers.next());
            match cut {
                Cut::Line(line) => Some(line.to_vec()),
                Cut::TooLong => None,
            }
        };
        for mut piece in list.chunks(piece_bytes) {
            while let Some(cut) = lines.cut(&mut piece) {
                found.push(owned(cut));
            }
        }
        found.extend(lines.finish().map(&mut owned));
        assert!(lines.finish().is_none(), "it ends once");
        found
    }

    #[test]
    fn pieces_of_every_size_give_the_same_lines() {
        let list = b"\xef\xbb\xbffirst\r\n\n\xef\xbb\xbfthird\nlast";
        let expect: Vec<_> = [&b"first\r\n"[..], b"\n", b"\xef\xbb\xbfthird\n", b"last\n"]
            .map(|line| Some(line.to_vec()))
            .into();
        for piece_bytes in 1..=list.len() {
            assert_eq!(cuts(list, piece_bytes), expect, "pieces of {piece_bytes}");
        }
    }

    #[test]
    fn a_line_over_the_bound_is_passed_over_without_being_held() {
        let fits = vec![b'a'; LINE_BYTES_MAX];
        let too_long = vec![b'b'; LINE_BYTES_MAX + 1];
        let list = [&fits[..], b"\n", &too_long, b"\nc\n", &too_long].concat();
        let expect = [
            Some([&fits[..], b"\n"].concat()),
            None,
            Some(b"c\n".to_vec()),
            None,
        ];
        for piece_bytes in [7, 4_096, LINE_BYTES_MAX + 1, list.len()] {
            assert_eq!(cuts(&list, piece_bytes), expect, "pieces of {piece_bytes}");
        }
        let mut lines = Lines::default();
        for _ in 0..100 {
            assert_eq!(lines.cut(&mut &too_long[..]), None);
        }
        assert!(lines.carry.capacity() <= LINE_BYTES_MAX + 1);
    }

    #[test]
    fn an_empty_list_has_no_line() {
        assert!(cuts(b"", 1).is_empty());
    }
}
