//! What a reply means: the words in which the table answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a site is left alone the first time, when the rule does not say.
pub const THROTTLE_SITE_FOR: Duration = Duration::from_secs(60);

/// How long a recipient is left alone at least, and when the rule does not say more.
pub const THROTTLE_RECIPIENT_FOR: Duration = Duration::from_secs(60 * 60);

/// How long a route is suspended when the rule does not say.
pub const SUSPEND_ROUTE_FOR: Duration = Duration::from_secs(60 * 60);

/// What one trouble means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// What it means for the delivery.
    pub class: Class,
    /// What else is to be done, beyond this delivery.
    pub action: Option<Action>,
    /// Which rule said so.
    pub rule: RuleName,
    /// The least wait: of the site, the recipient or the route that `action` names; without an
    /// action, of this delivery. Always there when there is an action other than
    /// [`Action::Suppress`].
    pub retry_after: Option<Duration>,
}

impl Classification {
    /// A class without an action and without a wait.
    pub(super) fn plain(class: Class, rule: &str) -> Self {
        Self {
            class,
            action: None,
            rule: RuleName::new(rule),
            retry_after: None,
        }
    }
}

/// What trouble means for the delivery. What was accepted is no trouble, and no rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Not for now.
    Deferred,
    /// Never, for this message to this recipient.
    Bounced,
    /// It may have been taken or not, and nobody can know.
    InDoubt,
    /// The session ended for reasons that have nothing to do with the message: it goes again at
    /// once, on another connection.
    Neutral,
    /// We refused it ourselves, before anything was asked of the nexthop.
    Failed,
}

/// What is to be done beyond the one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// The address is not to be mailed again. Only ever with [`Class::Bounced`].
    Suppress,
    /// The site rests, and goes on with one connection. The delivery is deferred.
    ThrottleSite,
    /// Nothing more to this recipient for an hour or longer. The delivery is deferred.
    ThrottleRecipient,
    /// Our reputation or our configuration is refused, so everyone else would be too: the route to
    /// this site is suspended and a person is told. The delivery is deferred; nothing is bounced.
    SuspendRoute,
}

impl Class {
    /// The word of the table, the logs and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::InDoubt => "in_doubt",
            Self::Neutral => "neutral",
            Self::Failed => "failed",
        }
    }
}

impl Action {
    /// The word of the table, the logs and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suppress => "suppress",
            Self::ThrottleSite => "throttle_site",
            Self::ThrottleRecipient => "throttle_recipient",
            Self::SuspendRoute => "suspend_route",
        }
    }

    /// How long, when the rule does not say; `None` for what has no end.
    pub(super) const fn default_wait(self) -> Option<Duration> {
        match self {
            Self::Suppress => None,
            Self::ThrottleSite => Some(THROTTLE_SITE_FOR),
            Self::ThrottleRecipient => Some(THROTTLE_RECIPIENT_FOR),
            Self::SuspendRoute => Some(SUSPEND_ROUTE_FOR),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a rule, as logs and metrics carry it: lower-case letters, digits and hyphens.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RuleName(Arc<str>);

impl RuleName {
    pub(super) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
