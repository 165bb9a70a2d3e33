//! A message as it was put together, before it is signed.

use bytes::Bytes;
use postrider_types::Timestamp;

use crate::dkim::{BodyHash, BodyHasher, Identity, write_signatures};
use crate::{Message, RenderError, Segment};

/// The segments of a message, of which the first holds the whole header.
pub(crate) struct Draft {
    segments: Vec<Segment>,
    /// Octets of the header, without the empty line behind it.
    header_bytes: usize,
}

impl Draft {
    pub(crate) fn new(segments: Vec<Segment>, header_bytes: usize) -> Self {
        debug_assert!(
            segments[0].bytes()[header_bytes..].starts_with(b"\r\n"),
            "an empty line is behind the header"
        );
        Self {
            segments,
            header_bytes,
        }
    }

    /// The message as it is.
    pub(crate) fn unsigned(self) -> Message {
        Message::new(self.segments)
    }

    /// The message with signatures on top, as a segment of their own. `body` is its hash.
    ///
    /// # Errors
    /// [`RenderError::Signing`] when a key does not sign.
    pub(crate) fn signed(
        mut self,
        identities: &[Identity],
        body: &BodyHash,
        signed_at: Timestamp,
    ) -> Result<Message, RenderError> {
        let header = &self.segments[0].bytes()[..self.header_bytes];
        let mut signatures = Vec::with_capacity(1024 * identities.len());
        write_signatures(identities, header, body, signed_at, &mut signatures)?;
        let signatures = Segment::Own(Bytes::from(signatures));
        self.segments.insert(0, signatures);
        Ok(Message::new(self.segments))
    }

    /// The hash of the body, of which nothing is copied.
    pub(crate) fn body_hash(&self) -> BodyHash {
        let mut hasher = BodyHasher::new();
        let mut before = self.header_bytes + "\r\n".len();
        for segment in &self.segments {
            let bytes = segment.bytes();
            let (skipped, body) = bytes.split_at(before.min(bytes.len()));
            before -= skipped.len();
            hasher.update(body);
        }
        hasher.finish()
    }
}
