//! Answers that are kept for a while under a key of the caller's, so that a request that is sent
//! again because its answer was lost is answered as it was.

use bytes::Bytes;
use postrider_types::Timestamp;
use serde::{Deserialize, Serialize};

/// An answer that is kept. What it means is for the caller to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// A hash of the caller's key; keeping another answer under it replaces this one.
    pub key: [u8; 32],
    /// A hash of what was asked.
    pub asked: [u8; 32],
    /// The status of the answer.
    pub status: u16,
    /// The answer itself, at most [`ANSWER_BYTES_MAX`](crate::bounds::ANSWER_BYTES_MAX).
    pub body: Bytes,
    /// When it was given.
    pub at: Timestamp,
}
