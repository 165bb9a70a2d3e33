//! Why the rules say no to a request.

use std::borrow::Cow;

use postrider_types::{CampaignId, CampaignState, DeliveryState, TenantId};
use serde::{Deserialize, Serialize};

/// Why the rules say no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refused {
    /// The lease ran out, was ended, or never was.
    #[error("the lease is over")]
    LeaseOver,
    /// The delivery is not in a state that this may follow.
    #[error("the delivery is {state}")]
    Delivery {
        /// The state it is in.
        state: DeliveryState,
    },
    /// The lease still has deliveries between begin and outcome.
    #[error("an attempt under this lease has no outcome yet")]
    StillAttempting,
    /// The campaign is not in a state that allows this.
    #[error("the campaign is {state}")]
    Campaign {
        /// The state it is in.
        state: CampaignState,
    },
    /// The campaign was cancelled, and what had not begun is still being ended: this may be asked
    /// again when that is done.
    #[error("the campaign is being cancelled; ask again when nothing of it is open any more")]
    Cancelling,
    /// The audience is sealed.
    #[error("the audience is sealed")]
    Sealed,
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NoCampaign,
    /// There is no such email.
    #[error("there is no such email")]
    NoEmail,
    /// Another campaign has this name.
    #[error("{campaign} has this name already")]
    NameTaken {
        /// The campaign that has it.
        campaign: CampaignId,
    },
    /// There is no such tenant.
    #[error("there is no such tenant")]
    NoTenant,
    /// The tenant was deleted.
    #[error("the tenant was deleted")]
    TenantDeleted,
    /// Another tenant has this name.
    #[error("tenant {tenant} has this name already")]
    TenantTaken {
        /// The tenant that has it.
        tenant: TenantId,
    },
    /// The campaign's email is quarantined; it must be released first.
    #[error("the campaign's email is quarantined; release the email first")]
    EmailQuarantined,
    /// A chunk over its bounds, an email under a wrong id, or a delivery outside the lease.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
}
