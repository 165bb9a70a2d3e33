//! Taking out: what waits, and what is known of one recipient.

use postrider_types::{CampaignId, EmailId};
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/purge`. Exactly one of campaign, email, tenant and lane says what;
/// an email may be that of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Everything of one campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "crate::text::optional")]
    pub campaign: Option<CampaignId>,
    /// Everything of one email, in all campaigns that send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "crate::text::optional")]
    pub email: Option<EmailId>,
    /// Everything of one tenant, or with an email: whose email it is, `default` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Everything that waits in one lane, or was claimed from it, of all tenants: of `tail-07` or
    /// `solo-07` everybody, of a domain its own lane and its recipients in those that it shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Also end what is in doubt, which may have been delivered; not of a lane.
    #[serde(default)]
    pub with_in_doubt: bool,
    /// Only count.
    #[serde(default)]
    pub is_dry_run: bool,
}

/// What was taken out, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// Deliveries that ended cancelled, or would.
    pub matched: u64,
    /// Deliveries that were left alone, because they were between begin and outcome.
    pub busy: u64,
    /// Whether nothing was changed.
    pub is_dry_run: bool,
}

/// The body of `POST /v1/recipients/erase`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Whom.
    pub address: String,
    /// Of which tenant; `default` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Rows in which the address stood.
    pub matched: u64,
    /// Deliveries that were between begin and outcome: erase again when they have ended.
    pub busy: u64,
}
