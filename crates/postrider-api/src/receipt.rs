//! What became of a message: receipts, the feed of attempts, and the export of a campaign.

use postrider_types::{CampaignId, DeliveryState, RecipientId};
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A delivery as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The campaign.
    #[serde(with = "crate::text")]
    pub campaign_id: CampaignId,
    /// The campaign's name.
    pub campaign: String,
    /// The recipient's number in the audience.
    pub recipient_id: RecipientId,
    /// The recipient's address.
    pub recipient: String,
    /// The one current state.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u16,
    /// The Message-ID, the same on every attempt; `None` when the email cannot be read, or the
    /// recipient was erased.
    pub message_id: Option<String>,
    /// The newest reply.
    pub reply: Option<Reply>,
    /// When the first attempt was made since its age last counted anew: when it was taken out of
    /// doubt or quarantine, or retried by a person.
    pub first_attempt_at: Option<Time>,
    /// When a deferred delivery may be tried again.
    pub next_attempt_at: Option<Time>,
    /// How often it was sent again, or made ready for it, while nobody knew what came of the try
    /// before.
    #[serde(default)]
    pub retries_in_doubt: u8,
    /// Whether the recipient may have the message twice.
    #[serde(default)]
    pub is_possible_duplicate: bool,
    /// When the state was last changed.
    pub at: Time,
}

/// A reply of a mail server, or our own reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The three-digit code; 0 when `text` is a reason of our own and no server spoke.
    pub code: u16,
    /// The enhanced status code, such as `5.1.1`, when the server gave one.
    pub enhanced: Option<String>,
    /// The text of all lines, joined by blanks; at most 512 bytes.
    pub text: String,
}

/// One entry of the attempt log; entries never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number, which grows.
    pub number: u64,
    /// The campaign.
    #[serde(with = "crate::text")]
    pub campaign_id: CampaignId,
    /// The recipient's number in the audience.
    pub recipient_id: RecipientId,
    /// The recipient's address.
    pub recipient: String,
    /// The attempt that this is about; 0 when there was none.
    pub attempt: u16,
    /// The state that the delivery went into.
    pub state: DeliveryState,
    /// The reply, or our own reason.
    pub reply: Option<Reply>,
    /// When.
    pub at: Time,
}

/// One line of an export: a recipient of the campaign, touched or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportLine {
    /// The campaign's name.
    pub campaign: String,
    /// The recipient's address.
    pub recipient: String,
    /// The one current state.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u16,
    /// The Message-ID, the same on every attempt; `None` when the email cannot be read, or the
    /// recipient was erased.
    pub message_id: Option<String>,
    /// The newest reply.
    pub reply: Option<Reply>,
    /// When the state was last changed; `None` when nothing has happened yet.
    pub at: Option<Time>,
}
