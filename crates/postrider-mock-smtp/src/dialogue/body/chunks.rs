//! The reader of BDAT: exactly the octets that the command announced, and not one more.
//!
//! The chunks of one message are one [`Chunks`]; each BDAT is one [`ChunkReader`] over it. Octets
//! that are not wanted (no transaction, too large, DATA was used) are read to their end before the
//! refusal may leave (RFC 3030 §2), so a reader without a message discards.

use std::sync::Arc;

use crate::control::samples::Samples;
use crate::dialogue::body::Body;
use crate::dialogue::body::content::Content;

/// A message that comes in chunks: what has come of it so far.
pub(crate) struct Chunks {
    content: Content,
    is_untouched: bool,
}

/// The octets of one BDAT that are still to come.
pub(crate) struct ChunkReader {
    left: u64,
}

impl Chunks {
    pub(crate) fn new(samples: &Arc<Samples>) -> Self {
        Self {
            content: Content::new(samples),
            is_untouched: true,
        }
    }

    /// Whether no octet of it was looked at.
    pub(crate) fn is_untouched(&self) -> bool {
        self.is_untouched
    }

    pub(crate) fn touch(&mut self) {
        self.is_untouched = false;
    }

    /// Octets so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.content.bytes()
    }

    /// The message, after its last chunk.
    pub(crate) fn finish(self) -> Body {
        self.content.finish()
    }
}

impl ChunkReader {
    pub(crate) fn new(octets: u64) -> Self {
        Self { left: octets }
    }

    /// Takes what it can of `input`, into the message if it is wanted; answers how much that was,
    /// and whether the chunk is complete.
    pub(crate) fn read(&mut self, input: &[u8], wanted: Option<&mut Chunks>) -> (usize, bool) {
        let taken = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        if let Some(message) = wanted {
            message.content.take(&input[..taken]);
        }
        self.left -= taken as u64;
        (taken, self.left == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::body_hash;

    #[test]
    fn a_chunk_takes_its_octets_and_leaves_what_follows() {
        let mut message = Chunks::new(&Arc::default());
        let mut reader = ChunkReader::new(5);
        assert_eq!(reader.read(b"ab\r", Some(&mut message)), (3, false));
        assert_eq!(reader.read(b"\n.BDAT", Some(&mut message)), (2, true));
        assert_eq!(
            ChunkReader::new(0).read(b"x", Some(&mut message)),
            (0, true)
        );
        let body = message.finish();
        assert_eq!((body.bytes, body.bare_line_ends), (5, 0));
        assert_eq!(body.hash, body_hash(b"ab\r\n."), "dots are not stuffed");
    }

    #[test]
    fn chunks_hash_as_one_message_wherever_they_are_cut() {
        let text = b"Message-ID: <1@x>\r\nX-Postrider-Campaign: c\r\n\r\nHello\r\n..\r\n";
        for cut in 0..=text.len() {
            let mut message = Chunks::new(&Arc::default());
            for chunk in [&text[..cut], &text[cut..]] {
                let mut reader = ChunkReader::new(chunk.len() as u64);
                reader.read(chunk, Some(&mut message));
            }
            assert_eq!(message.bytes(), text.len() as u64);
            let body = message.finish();
            assert_eq!(body.hash, body_hash(text), "cut at {cut}");
            assert_eq!(
                body.content_hash,
                body_hash(b"Hello\r\n..\r\n"),
                "cut at {cut}"
            );
            assert_eq!(body.message_id.as_deref(), Some("<1@x>"), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_wanted_is_read_to_its_end() {
        let mut reader = ChunkReader::new(u64::MAX);
        assert_eq!(reader.read(&[0; 100], None), (100, false));
        let mut reader = ChunkReader::new(100);
        assert_eq!(reader.read(&[0; 101], None), (100, true));
    }
}
