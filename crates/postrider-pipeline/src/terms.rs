//! What a campaign is created with, beside its name and email.

use std::time::Duration;

use postrider_types::{InDoubtPolicy, Timestamp};

/// The terms of a new campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What happens to deliveries in doubt.
    pub in_doubt: InDoubtPolicy,
    /// How old a doubt must be before its delivery may be sent again; fixed with the campaign.
    /// More than the deadline of the dot and a lease together, because until then the first try
    /// may still be under way.
    pub in_doubt_retry_after: Duration,
    /// When it starts by itself; without one it waits to be started.
    pub send_at: Option<Timestamp>,
}

impl Terms {
    /// Nothing by itself: what is in doubt is held, and a person starts the campaign. A person's
    /// retry of what is in doubt waits 15 minutes: the ten of the dot (RFC 5321 §4.5.3.2.6), a
    /// lease, and a margin.
    pub const HOLD: Self = Self {
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
}
