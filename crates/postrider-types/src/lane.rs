//! The line of deliveries for one destination: the unit of fairness, throttling and suspension.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::bounds::TAIL_LANES;

/// The name of a lane: a domain, `tail-00` to `tail-63`, or `solo-00` to `solo-63`.
///
/// A domain starts in the tail lane that its hash names, and gets a lane of its own when it is
/// configured, or from its 200th recipient on while its audience has room for another; what sits
/// in the tail lane stays there. Whoever was in the hands of a worker that died goes on in the
/// solo lane of the same number, where each is worked on alone.
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
        Self(format!("{TAIL}{:02}", number_of(domain.as_str())).into())
    }

    /// The solo lane of a domain: for recipients that a worker died with.
    pub fn solo(domain: &Domain) -> Self {
        Self(format!("{SOLO}{:02}", number_of(domain.as_str())).into())
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
    ///
    /// A domain that is the single label `tail-07` counts as one too. That costs it nothing but
    /// its own lane: its recipients answer to its own state all the same.
    pub fn is_tail(&self) -> bool {
        shared_number(&self.0, TAIL).is_some()
    }

    /// Whether it is a solo lane, in which a death of the worker is the recipient's own.
    ///
    /// A domain that is the single label `solo-07` counts as one too, and is sent to one by one.
    pub fn is_solo(&self) -> bool {
        shared_number(&self.0, SOLO).is_some()
    }

    /// The number of the tail lane to which its domains belong, below
    /// [`TAIL_LANES`]: the same for all lanes in which one domain can
    /// wait.
    pub fn number(&self) -> u8 {
        let shared = shared_number(&self.0, TAIL).or_else(|| shared_number(&self.0, SOLO));
        shared.unwrap_or_else(|| number_of(&self.0))
    }
}

/// What the names of tail lanes begin with; two digits follow.
const TAIL: &str = "tail-";

/// What the names of solo lanes begin with; two digits follow.
const SOLO: &str = "solo-";

fn number_of(domain: &str) -> u8 {
    blake3::hash(domain.as_bytes()).as_bytes()[0] % TAIL_LANES
}

/// The number in the name of a lane that domains share.
fn shared_number(name: &str, kind: &str) -> Option<u8> {
    let digits = name.strip_prefix(kind).filter(|digits| digits.len() == 2)?;
    digits.parse().ok().filter(|number| *number < TAIL_LANES)
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

    #[test]
    fn all_lanes_of_one_domain_have_one_number() {
        for name in ["example.test", "a.test", "xn--bcher-kva.test"] {
            let domain: Domain = name.parse().unwrap();
            let number = LaneName::own(&domain).number();
            assert_eq!(LaneName::tail(&domain).number(), number);
            assert_eq!(LaneName::solo(&domain).number(), number);
            assert!(number < TAIL_LANES);
        }
    }

    #[test]
    fn a_lane_is_of_one_kind() {
        let check = |name: &str, is_tail: bool, is_solo: bool| {
            let lane = LaneName::from_stored(name);
            assert_eq!(
                (lane.is_tail(), lane.is_solo()),
                (is_tail, is_solo),
                "{name}"
            );
        };
        check("tail-00", true, false);
        check("tail-63", true, false);
        check("tail-64", false, false);
        check("solo-07", false, true);
        check("solo-7", false, false);
        check("example.test", false, false);
    }
}
