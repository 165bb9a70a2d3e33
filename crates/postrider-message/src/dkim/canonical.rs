//! The form `relaxed` of fields and bodies (RFC 6376 §3.4.2, §3.4.4).
//!
//! Both take a canonical message: every line ends in CRLF, and there is no other CR or LF. A body
//! comes in pieces that may end anywhere, and no piece is copied: what is in its final form
//! already goes into the hash as it lies there.

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// The hash of a relaxed body, for the tag `bh=`.
pub(crate) type BodyHash = [u8; SHA256_OUTPUT_LEN];

/// Writes a whole field with its CRLF in relaxed form: the name in lower case, the value on one
/// line, each run of white space as one blank, and none at the ends.
pub(super) fn write_field(field: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', field).unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let mut words = value
        .get(1..)
        .unwrap_or_default()
        .split(|byte| b" \t\r\n".contains(byte))
        .filter(|word| !word.is_empty());
    out.extend_from_slice(words.next().unwrap_or_default());
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
    out.extend_from_slice(b"\r\n");
}

/// Hashes a body piece by piece.
///
/// White space and line ends are held back until something follows: white space before a line end
/// does not count, and neither do line ends before the end of the body.
pub(crate) struct BodyHasher {
    context: Context,
    /// Whether white space was seen since the last line end or other octet.
    is_gap: bool,
    /// Line ends since the last other octet.
    line_ends: usize,
    is_empty: bool,
}

impl BodyHasher {
    pub(crate) fn new() -> Self {
        Self {
            context: Context::new(&SHA256),
            is_gap: false,
            line_ends: 0,
            is_empty: true,
        }
    }

    /// Takes the next piece.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            rest = match first {
                b' ' | b'\t' => {
                    self.is_gap = true;
                    &rest[1..]
                }
                b'\r' => &rest[1..],
                b'\n' => {
                    self.is_gap = false;
                    self.line_ends += 1;
                    &rest[1..]
                }
                _ => {
                    self.release();
                    let (clean, rest) = rest.split_at(clean_bytes(rest));
                    self.context.update(clean);
                    rest
                }
            };
        }
    }

    /// The hash. A body that is not empty ends with one line end.
    pub(crate) fn finish(mut self) -> BodyHash {
        if !self.is_empty {
            self.context.update(b"\r\n");
        }
        let digest = self.context.finish();
        digest.as_ref().try_into().expect("SHA-256 has its length")
    }

    /// Hashes what was held back, because something follows.
    fn release(&mut self) {
        const LINE_ENDS: &[u8] = b"\r\n\r\n\r\n\r\n";
        while self.line_ends > 0 {
            let count = self.line_ends.min(LINE_ENDS.len() / 2);
            self.context.update(&LINE_ENDS[..2 * count]);
            self.line_ends -= count;
        }
        if std::mem::take(&mut self.is_gap) {
            self.context.update(b" ");
        }
        self.is_empty = false;
    }
}

/// How many octets from the start of `rest` on are in relaxed form whatever comes behind them.
/// At least one, because the first is neither white space nor part of a line end.
fn clean_bytes(rest: &[u8]) -> usize {
    let is_plain = |byte: Option<&u8>| byte.is_some_and(|byte| !b" \t\r\n".contains(byte));
    for at in memchr::memchr3_iter(b' ', b'\t', b'\r', rest) {
        let is_clean = match rest[at] {
            b' ' => is_plain(rest.get(at + 1)),
            b'\r' => is_plain(rest.get(at + 2)),
            _ => false,
        };
        if !is_clean {
            return at;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use encodify::base64;
    use proptest::prelude::*;

    fn check_field(field: &str, expect: &str) {
        let mut out = Vec::new();
        write_field(field.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect, "{field:?}");
    }

    /// The relaxed body, by the words of the RFC, one line after another.
    fn relaxed(body: &str) -> String {
        let lines = body.split("\r\n").map(|line| {
            let mut out = String::new();
            for c in line.trim_end_matches([' ', '\t']).chars() {
                match c {
                    ' ' | '\t' if out.ends_with(' ') => {}
                    ' ' | '\t' => out.push(' '),
                    c => out.push(c),
                }
            }
            out + "\r\n"
        });
        let body: String = lines.collect();
        match body.trim_end_matches("\r\n") {
            "" => String::new(),
            rest => format!("{rest}\r\n"),
        }
    }

    fn hash(pieces: &[&[u8]]) -> BodyHash {
        let mut hasher = BodyHasher::new();
        for piece in pieces {
            hasher.update(piece);
        }
        hasher.finish()
    }

    fn plain_hash(text: &str) -> BodyHash {
        let mut context = Context::new(&SHA256);
        context.update(text.as_bytes());
        context.finish().as_ref().try_into().unwrap()
    }

    #[test]
    fn fields_are_as_in_the_example_of_the_rfc() {
        check_field("A: X\r\n", "a:X\r\n");
        check_field("B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n");
        check_field("C:\r\n", "c:\r\n");
        check_field("X-D:a:b\r\n \r\n c\r\n", "x-d:a:b c\r\n");
    }

    #[test]
    fn bodies_are_as_in_the_example_of_the_rfc() {
        assert_eq!(
            hash(&[b" C \r\nD \t E\r\n\r\n\r\n"]),
            plain_hash(" C\r\nD E\r\n")
        );
        let text = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        // RFC 8463, appendix A.
        let expect = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
        assert_eq!(base64::STANDARD.encode(hash(&[text.as_bytes()])), expect);
    }

    #[test]
    fn a_body_of_blank_lines_is_empty() {
        for body in ["", "\r\n", "\r\n\r\n", " \t\r\n\r\n  \r\n"] {
            let hash = base64::STANDARD.encode(hash(&[body.as_bytes()]));
            // RFC 6376 §3.4.4.
            assert_eq!(
                hash, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "{body:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_body_hashes_to_its_relaxed_form_however_it_is_cut(
            lines in prop::collection::vec("[ab \t]{0,6}", 0..12),
            cuts in prop::collection::vec(0_usize..100, 0..6),
        ) {
            let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(hash(&pieces), plain_hash(&relaxed(&body)));
        }
    }
}
