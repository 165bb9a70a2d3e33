//! What a person decides about deliveries that are in doubt, in quarantine, or over.

use std::fmt;

use postrider_types::DeliveryState;
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/campaigns/{id}/resolve`: deliveries of one campaign that fit every part
/// of the selection, and what comes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// In one of these states; at least one.
    pub states: Vec<DeliveryState>,
    /// Only these addresses, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Vec<String>>,
    /// Only at this domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Only those whose newest reply has this code; 0 is a reason of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_code: Option<u16>,
    /// Only those whose newest reply has this in its text, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_text: Option<String>,
    /// What comes of them.
    pub into: Resolution,
    /// Why, in your words; it stands in receipts and log. At most 400 bytes.
    pub reason: String,
    /// Only count.
    #[serde(default)]
    pub is_dry_run: bool,
}

impl Resolve {
    /// Everybody in one of `states`.
    pub fn all(states: Vec<DeliveryState>, into: Resolution, reason: impl Into<String>) -> Self {
        Self {
            states,
            recipients: None,
            domain: None,
            reply_code: None,
            reply_text: None,
            into,
            reason: reason.into(),
            is_dry_run: false,
        }
    }
}

/// What comes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It was in doubt, and the receiver has it.
    Delivered,
    /// It was in doubt, and the receiver refused it.
    Bounced,
    /// It is sent again; of what is in doubt, only when the doubt is old enough.
    Retry,
    /// It was in quarantine, is given up, and ends cancelled.
    Discard,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Retry => "retry",
            Self::Discard => "discard",
        })
    }
}

/// What a decision did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Deliveries that it changed, or would change.
    pub matched: u64,
    /// Deliveries in doubt that it left alone, because the first try may still be under way;
    /// the campaign's `in_doubt_retry_after_seconds` says how long.
    pub too_early: u64,
    /// Whether nothing was changed.
    pub is_dry_run: bool,
}
