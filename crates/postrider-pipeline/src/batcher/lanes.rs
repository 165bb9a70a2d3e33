//! Which lane the next recipient of a domain belongs to.

use std::collections::{HashMap, HashSet};

use postrider_types::bounds::OWN_LANE_FROM;
use postrider_types::{Address, Domain, LaneName};

use crate::bounds::{DOMAINS_COUNTED_MAX, OWN_LANES_MAX};

/// Counts the recipients of one audience by domain, until the domain has a lane of its own.
///
/// At most [`DOMAINS_COUNTED_MAX`] domains are counted. When one more comes, each of them loses
/// one recipient from its count, and is forgotten with its last (Misra and Gries, 1982). So a
/// large domain still gets its lane, a little later than with its 200th recipient. When
/// [`OWN_LANES_MAX`] domains have a lane of their own, whoever comes later stays in its tail
/// lane; a configured domain always has its own.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The domains with a lane of their own.
    own: HashMap<Domain, LaneName>,
    own_max: usize,
    counted: HashMap<Domain, Counted>,
    counted_max: usize,
}

#[derive(Debug)]
struct Counted {
    recipients: u32,
    tail: LaneName,
}

impl Lanes {
    pub(super) fn new(configured: HashSet<Domain>) -> Self {
        let own = configured.into_iter().map(|domain| {
            let lane = LaneName::own(&domain);
            (domain, lane)
        });
        let own: HashMap<_, _> = own.collect();
        Self {
            own_max: OWN_LANES_MAX,
            own,
            counted: HashMap::new(),
            counted_max: DOMAINS_COUNTED_MAX,
        }
    }

    /// The lane of one more recipient.
    pub(super) fn next(&mut self, address: &Address) -> LaneName {
        if let Some(lane) = self.own.get(address.domain()) {
            return lane.clone();
        }
        if let Some(counted) = self.counted.get_mut(address.domain()) {
            counted.recipients = counted.recipients.saturating_add(1);
            let is_large = counted.recipients >= OWN_LANE_FROM && self.own.len() < self.own_max;
            if !is_large {
                return counted.tail.clone();
            }
            self.counted.remove(address.domain());
            let domain = address.to_domain();
            let lane = LaneName::own(&domain);
            self.own.insert(domain, lane.clone());
            return lane;
        }
        let domain = address.to_domain();
        let tail = LaneName::tail(&domain);
        if self.counted.len() == self.counted_max {
            self.discount();
        }
        if self.counted.len() < self.counted_max {
            let counted = Counted {
                recipients: 1,
                tail: tail.clone(),
            };
            self.counted.insert(domain, counted);
        }
        tail
    }

    /// Costs as much as there are counts, but takes as much from their sum, which grows by one
    /// with each recipient.
    fn discount(&mut self) {
        self.counted.retain(|_, counted| {
            counted.recipients -= 1;
            counted.recipients > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(configured: &[&str]) -> Lanes {
        Lanes::new(
            configured
                .iter()
                .map(|domain| domain.parse().unwrap())
                .collect(),
        )
    }

    fn next(lanes: &mut Lanes, domain: &str) -> LaneName {
        lanes.next(&format!("ada@{domain}").parse().unwrap())
    }

    #[test]
    fn a_domain_gets_a_lane_of_its_own_with_its_200th_recipient() {
        let mut lanes = lanes(&[]);
        for number in 1..=OWN_LANE_FROM + 1 {
            let lane = next(&mut lanes, "example.test");
            assert_eq!(lane.is_tail(), number < OWN_LANE_FROM, "recipient {number}");
        }
        assert_eq!(next(&mut lanes, "example.test").as_str(), "example.test");
        assert!(next(&mut lanes, "other.test").is_tail());
    }

    #[test]
    fn a_configured_domain_has_its_lane_from_the_first_recipient_on() {
        let mut lanes = lanes(&["slow.test"]);
        assert_eq!(next(&mut lanes, "slow.test").as_str(), "slow.test");
        assert_eq!(next(&mut lanes, "slow.test").as_str(), "slow.test");
    }

    #[test]
    fn among_more_domains_than_are_counted_a_large_one_still_gets_its_lane() {
        let mut lanes = lanes(&[]);
        lanes.counted_max = 8;
        for number in 0..1_000 {
            next(&mut lanes, &format!("small-{number}.test"));
            next(&mut lanes, "large.test");
            assert!(lanes.counted.len() <= 8);
        }
        assert!(!next(&mut lanes, "large.test").is_tail());
    }

    #[test]
    fn beyond_the_most_lanes_a_newcomer_stays_in_its_tail_lane() {
        let mut lanes = lanes(&["a.test"]);
        lanes.own_max = 1;
        for _ in 0..2 * OWN_LANE_FROM {
            assert!(next(&mut lanes, "b.test").is_tail());
        }
        assert!(!next(&mut lanes, "a.test").is_tail());
    }
}
