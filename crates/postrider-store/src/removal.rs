//! The words of what a person has taken out: purge, sweep, retention and erasure.
//!
//! Each of them is a *walk*: the same request again and again, from where the last answer says,
//! until there is no next place. One step takes a few milliseconds of the writer
//! ([`STEP_COST_MAX`](crate::bounds::STEP_COST_MAX)), so others notice nothing.

use postrider_types::{CampaignId, Domain, EmailId, LaneName, TenantId};
use serde::{Deserialize, Serialize};

/// What stands in place of a text that may hold an erased address.
pub const ERASED_TEXT: &str = "erased";

/// What a purge ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PurgeTarget {
    /// Everything of one campaign.
    Campaign(CampaignId),
    /// Everything of one email, in all campaigns that send it.
    Email(TenantId, EmailId),
    /// Everything of one tenant.
    Tenant(TenantId),
    /// Everything that waits in one lane, or was claimed from it.
    Lane(LaneName),
    /// Everything for one domain: its own lane, and its recipients in the lanes that it shares.
    Domain(Domain),
}

/// Where a walk goes on: a place that only the store reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// The campaign in which it goes on.
    pub(crate) campaign: CampaignId,
    /// The lane of a domain in which it goes on, by its place in the order of the walk.
    pub(crate) lane: u8,
    /// The table in which it goes on, by its place in the order of the walk.
    pub(crate) stage: u8,
    /// The key in that table after which it goes on.
    pub(crate) place: u64,
}

impl Cursor {
    /// Where every walk begins.
    pub const START: Self = Self::at(CampaignId(0));

    /// The first place of a campaign.
    pub(crate) const fn at(campaign: CampaignId) -> Self {
        Self {
            campaign,
            lane: 0,
            stage: 0,
            place: 0,
        }
    }
}

/// What one step of a walk did, or would do in a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    /// What it ended, erased or deleted: deliveries, and for retention rows of any kind.
    pub matched: u64,
    /// Deliveries that it left alone because they are between begin and outcome, and campaigns
    /// that it left alone because they cannot be read: it may be asked again.
    pub busy: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}
