//! The line of deliveries for one destination: the unit of fairness, throttling and suspension.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::bounds::TAIL_LANES;

/// The name of a lane: a domain, or `tail-00` to `tail-63`.
///
/// A domain starts in the tail lane that its hash names, and gets a lane of its own when it is
/// configured, or from its 200th recipient on while its audience has room for another; what sits
/// in the tail lane stays there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneName(Box<str>);

impl LaneName {
    /// The lane that belongs to one domain.
    pub fn own(domain: &Domain) -> Self {
        Self(domain.as_str().into())
    }

    /// The tail lane that a domain without a lane of its own shares with others.
    pub fn tail(domain: &Domain) -> Self {
        let hash = blake3::hash(domain.as_str().as_bytes());
        Self(format!("tail-{:02}", hash.as_bytes()[0] % TAIL_LANES).into())
    }

    /// A lane's name as a store wrote it; it is not checked.
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a tail lane, in which each recipient answers to its own domain's state.
    pub fn is_tail(&self) -> bool {
        // A domain that is the single label `tail-07` counts as one too. That costs it nothing but
        // its own lane: its recipients answer to its own state all the same.
        self.0
            .strip_prefix("tail-")
            .is_some_and(|n| n.len() == 2 && n.parse::<u8>().is_ok())
    }
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_always_has_the_same_tail_lane() {
        let domain: Domain = "example.test".parse().unwrap();
        assert_eq!(LaneName::tail(&domain), LaneName::tail(&domain));
        assert!(LaneName::tail(&domain).is_tail());
        assert!(!LaneName::own(&domain).is_tail());
    }
}
