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

/// A message ready for DATA, in canonical form and not dot-stuffed.
///
/// Cloning it copies no bytes. Line breaks may fall anywhere in the segments, also between a CR
/// and its LF: only their concatenation is a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    segments: Vec<Bytes>,
}

impl Message {
    pub(crate) const fn new(segments: Vec<Bytes>) -> Self {
        Self { segments }
    }

    /// The bytes in order; no segment is empty. What all recipients share is the same memory.
    pub fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// The segments by value, for a transport that consumes them.
    pub fn into_segments(self) -> Vec<Bytes> {
        self.segments
    }

    /// Bytes in all segments, as for the SIZE parameter of MAIL (RFC 1870).
    pub fn len_bytes(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum()
    }

    /// The message in one piece; a copy of everything.
    pub fn to_vec(&self) -> Vec<u8> {
        self.segments.concat()
    }
}
