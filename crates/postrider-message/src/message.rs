//! What rendering takes beside the variables, and what it gives.

use bytes::Bytes;
use postrider_types::{Address, CampaignId, Timestamp};

use crate::MessageId;

/// What the header says about one delivery. The same at every attempt, so that every attempt has
/// the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// Whom it is to; also the variable `email` of every template.
    pub to: &'a Address,
    /// Its Message-ID.
    pub message_id: &'a MessageId,
    /// Its Date; not the time of the attempt.
    pub date: Timestamp,
    /// Its campaign, for the field `X-Postrider-Campaign`.
    pub campaign: CampaignId,
}

/// A stretch of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Made for this recipient.
    Own(Bytes),
    /// The same memory for every recipient of the email: one of
    /// [`Prepared::shared`](crate::Prepared::shared), by its index there. Whoever looks at every
    /// octet does so once an email, and not once a message.
    Shared(usize, Bytes),
}

impl Segment {
    /// The octets.
    pub const fn bytes(&self) -> &Bytes {
        match self {
            Self::Own(bytes) | Self::Shared(_, bytes) => bytes,
        }
    }

    /// The octets by value.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Own(bytes) | Self::Shared(_, bytes) => bytes,
        }
    }
}

/// A message ready for DATA, in canonical form and not dot-stuffed.
///
/// Cloning it copies no bytes. Line breaks may fall anywhere in the segments, also between a CR
/// and its LF: only their concatenation is a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    segments: Vec<Segment>,
}

impl Message {
    pub(crate) const fn new(segments: Vec<Segment>) -> Self {
        Self { segments }
    }

    /// The segments in order; none is empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segments by value, for a transport that consumes them.
    pub fn into_segments(self) -> impl Iterator<Item = Segment> {
        self.segments.into_iter()
    }

    /// Bytes in all segments, as for the SIZE parameter of MAIL (RFC 1870).
    pub fn len_bytes(&self) -> usize {
        self.segments.iter().map(|s| s.bytes().len()).sum()
    }

    /// The message in one piece; a copy of everything.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.len_bytes());
        for segment in &self.segments {
            whole.extend_from_slice(segment.bytes());
        }
        whole
    }
}
