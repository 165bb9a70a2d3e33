//! What a client was told to do when nobody knows whether a message was taken.

use serde::{Deserialize, Serialize};

/// What the client was told to do with a message whose reply does not arrive. The mock behaves the
/// same whatever it is; only the [verdict](crate::control::wire::Verdict) goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtPolicy {
    /// To hold it in doubt: a second copy is one too many.
    #[default]
    Hold,
    /// To send it once more, under the same Message-ID: for each reply that did not arrive, one
    /// more copy is as it should be.
    Retry,
    /// To count it as delivered: a receipt may say so although nothing was accepted.
    AssumeDelivered,
}
