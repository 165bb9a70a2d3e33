//! What is kept of a message while its bytes go by: two hashes, a count, and two header fields.

use std::hash::Hasher;
use std::sync::Arc;

use memchr::memmem;
use twox_hash::XxHash3_64;

use crate::bounds::{
    HEADER_BYTES_MAX, HEADER_VALUE_BYTES_MAX, SAMPLE_BYTES_MAX, TEXT_LINE_BYTES_MAX,
};
use crate::chance::hexadecimal;
use crate::control::samples::Samples;

const CAMPAIGN_FIELD: &str = "X-Postrider-Campaign";
const MESSAGE_ID_FIELD: &str = "Message-ID";

/// What is known of a message when its end has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Unstuffed bytes, the last CR LF included, the dot not.
    pub(crate) bytes: u64,
    /// Of all these bytes.
    pub(crate) hash: String,
    /// Of the bytes after the empty line that ends the header section, wherever that falls: the
    /// same for all recipients of an email whose header alone is personal.
    pub(crate) content_hash: String,
    pub(crate) message_id: Option<String>,
    pub(crate) campaign: Option<String>,
    /// CRs without LF and LFs without CR.
    pub(crate) bare_line_ends: u64,
    /// The whole message, if it is the first of its campaign.
    pub(crate) sample: Option<Vec<u8>>,
    /// Lines of more than 998 bytes and their CR LF.
    pub(crate) long_lines: u64,
}

/// The state between two pieces, which may be cut anywhere.
pub(super) struct Content {
    hasher: XxHash3_64,
    content_hasher: XxHash3_64,
    bytes: u64,
    /// CRs and LFs.
    line_end_bytes: u64,
    /// CRs with their LF.
    line_ends: u64,
    has_open_cr: bool,
    /// Bytes of the line that has not ended.
    open_line_bytes: usize,
    long_lines: u64,
    header: Vec<u8>,
    is_header_complete: bool,
    /// Who may want the whole message.
    samples: Arc<Samples>,
    sample: Option<Vec<u8>>,
}

impl Content {
    pub(super) fn new(samples: &Arc<Samples>) -> Self {
        Self {
            hasher: XxHash3_64::new(),
            content_hasher: XxHash3_64::new(),
            bytes: 0,
            line_end_bytes: 0,
            line_ends: 0,
            has_open_cr: false,
            open_line_bytes: 0,
            long_lines: 0,
            header: Vec::with_capacity(1024),
            is_header_complete: false,
            samples: Arc::clone(samples),
            sample: None,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next bytes of the message.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hasher.write(piece);
        self.count_line_ends(piece);
        let header_bytes = if self.is_header_complete {
            0
        } else {
            self.take_header(piece)
        };
        if self.is_header_complete {
            let content = &piece[header_bytes..];
            self.content_hasher.write(content);
            self.take_sample(content);
        }
    }

    /// The message, after its last byte.
    pub(super) fn finish(self) -> Body {
        Body {
            bytes: self.bytes,
            hash: hexadecimal(self.hasher.finish()),
            content_hash: hexadecimal(self.content_hasher.finish()),
            message_id: field(&self.header, MESSAGE_ID_FIELD),
            campaign: field(&self.header, CAMPAIGN_FIELD),
            bare_line_ends: self.line_end_bytes - 2 * self.line_ends,
            sample: self.sample,
            long_lines: self.long_lines + u64::from(self.open_line_bytes > TEXT_LINE_BYTES_MAX),
        }
    }

    fn count_line_ends(&mut self, piece: &[u8]) {
        self.line_end_bytes += memchr::memchr_iter(b'\r', piece).count() as u64;
        let mut line_start = 0;
        for at in memchr::memchr_iter(b'\n', piece) {
            let follows_cr = match at.checked_sub(1) {
                Some(before) => piece[before] == b'\r',
                None => self.has_open_cr,
            };
            self.line_end_bytes += 1;
            self.line_ends += u64::from(follows_cr);
            let line_bytes = self.open_line_bytes + at + 1 - line_start;
            self.long_lines += u64::from(line_bytes > TEXT_LINE_BYTES_MAX);
            self.open_line_bytes = 0;
            line_start = at + 1;
        }
        self.open_line_bytes = self
            .open_line_bytes
            .saturating_add(piece.len() - line_start);
        if let Some(last) = piece.last() {
            self.has_open_cr = *last == b'\r';
        }
    }

    fn take_sample(&mut self, content: &[u8]) {
        if let Some(sample) = &mut self.sample {
            sample.extend_from_slice(content);
            if sample.len() > SAMPLE_BYTES_MAX {
                self.sample = None;
            }
        }
    }

    /// The header is complete: the message may be wanted as a whole.
    fn begin_sample(&mut self) {
        if self
            .samples
            .wants(field(&self.header, CAMPAIGN_FIELD).as_deref())
        {
            self.sample = Some([self.header.as_slice(), b"\r\n"].concat());
        }
    }

    /// Keeps the header section; answers how many bytes of the piece belong to it.
    ///
    /// A header section longer than its bound is taken to end there.
    fn take_header(&mut self, piece: &[u8]) -> usize {
        let before = self.header.len();
        let room = HEADER_BYTES_MAX - before;
        self.header
            .extend_from_slice(&piece[..piece.len().min(room)]);
        let end = if self.header.starts_with(b"\r\n") {
            self.header.clear();
            Some(2)
        } else {
            let searched = before.saturating_sub(3);
            let found = memmem::find(&self.header[searched..], b"\r\n\r\n");
            found.map(|found| {
                self.header.truncate(searched + found + 2);
                searched + found + 4
            })
        };
        self.is_header_complete = end.is_some() || self.header.len() == HEADER_BYTES_MAX;
        if end.is_some() {
            self.begin_sample();
        }
        end.map_or_else(|| piece.len().min(room), |end| end - before)
    }
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

    #[test]
    fn a_header_without_end_is_kept_to_its_bound() {
        let mut content = Content::new(&Arc::default());
        let lines = b"X: y\r\n".repeat(1000);
        for _ in 0..100 {
            content.take(&lines);
        }
        assert_eq!(content.header.len(), HEADER_BYTES_MAX);
        let all = lines.repeat(100);
        let body = content.finish();
        assert_eq!(body.hash, body_hash(&all));
        assert_eq!(body.content_hash, body_hash(&all[HEADER_BYTES_MAX..]));
    }

    #[test]
    fn line_ends_are_judged_across_pieces_cut_anywhere() {
        for (text, bare) in [("a\r\nb\r\n", 0), ("a\rb\n\r\n\r", 3), ("\n\r\r\n", 2)] {
            for cut in 0..=text.len() {
                let mut content = Content::new(&Arc::default());
                content.take(&text.as_bytes()[..cut]);
                content.take(&text.as_bytes()[cut..]);
                assert_eq!(
                    content.finish().bare_line_ends,
                    bare,
                    "{text:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn a_line_of_more_than_a_thousand_bytes_is_too_long_wherever_it_is_cut() {
        for (bytes, long) in [(998, 0), (999, 1)] {
            let text = format!("short\r\n{}\r\nshort\r\n", "x".repeat(bytes));
            for cut in [0, 7, 8, 500, 1005, 1006, 1007] {
                let mut content = Content::new(&Arc::default());
                content.take(&text.as_bytes()[..cut]);
                content.take(&text.as_bytes()[cut..]);
                assert_eq!(
                    content.finish().long_lines,
                    long,
                    "{bytes} bytes cut at {cut}"
                );
            }
        }
    }
}
