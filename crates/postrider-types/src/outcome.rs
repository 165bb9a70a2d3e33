//! What came of an attempt, or of giving one up.

use serde::{Deserialize, Serialize};

use crate::state::DeliveryState;
use crate::time::Timestamp;

/// What a worker records for a delivery. A 550 is a value of this, never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 2xx to the final dot.
    Delivered,
    /// Refused for now, or unreachable: waits until `next_attempt_at`.
    Deferred {
        /// When it may be tried again.
        next_attempt_at: Timestamp,
    },
    /// Refused for good.
    Bounced,
    /// The connection was lost after the first octet of the terminator was written.
    InDoubt,
    /// Begun, but its own worker knows that the terminator was never written: pending again, and
    /// the attempt is not charged.
    Returned,
    /// Older than the give-up age, so not tried again. Its reply, if it has one, is what was said
    /// last.
    Expired,
    /// The message cannot be built, or the server cannot take it: no retry helps, and nothing was
    /// sent.
    Failed,
}

impl Outcome {
    /// The state that a delivery is in after this.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Delivered => DeliveryState::Delivered,
            Self::Deferred { .. } => DeliveryState::Deferred,
            Self::Bounced => DeliveryState::Bounced,
            Self::InDoubt => DeliveryState::InDoubt,
            Self::Returned => DeliveryState::Pending,
            Self::Expired => DeliveryState::Expired,
            Self::Failed => DeliveryState::Failed,
        }
    }
}
