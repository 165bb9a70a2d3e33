//! Which lanes a worker claims from, when several send for one service.
//!
//! All lanes in which one domain can be have the same number, so a domain belongs to exactly one
//! worker, and the limiter of that worker is the only one that its messages pass: the rate of a
//! domain is one rate, however many workers there are.

use postrider_types::LaneName;
use postrider_types::bounds::TAIL_LANES;
use serde::{Deserialize, Serialize};

/// The lanes of one worker among several. Shares of the same number of workers do not overlap,
/// and together they are all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The number of the worker, from 0.
    number: u8,
    /// How many workers there are, 1 to [`TAIL_LANES`].
    of: u8,
}

impl Share {
    /// Every lane: the share of a worker that is alone.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// The share of worker `number` of `of`; `None` when there is no such worker, or there are
    /// more workers than lanes.
    pub fn new(number: u8, of: u8) -> Option<Self> {
        (number < of && of <= TAIL_LANES).then_some(Self { number, of })
    }

    /// How many workers there are.
    pub const fn of(self) -> u8 {
        self.of
    }

    /// Whether a lane belongs to it.
    pub fn has(self, lane: &LaneName) -> bool {
        // One worker has all, and need not ask for the hash.
        self.of == 1 || lane.number() % self.of == self.number
    }
}

#[cfg(test)]
mod tests {
    use postrider_types::Domain;

    use super::*;

    fn domains() -> impl Iterator<Item = Domain> {
        (0..200).map(|n| format!("d{n}.test").parse().unwrap())
    }

    #[test]
    fn each_lane_of_a_domain_belongs_to_the_same_worker_and_to_no_other() {
        for of in [1, 2, 3, 8, TAIL_LANES] {
            for domain in domains() {
                let lanes = [LaneName::own(&domain), LaneName::tail(&domain)];
                let has = |number| {
                    let share = Share::new(number, of).unwrap();
                    lanes.each_ref().map(|lane| share.has(lane))
                };
                let owners: Vec<_> = (0..of)
                    .filter(|number| has(*number) != [false; 2])
                    .collect();
                assert_eq!(owners.len(), 1, "{domain}: {owners:?} of {of}");
                assert_eq!(has(owners[0]), [true; 2], "{domain}");
            }
        }
    }

    #[test]
    fn nobody_is_left_without_work() {
        for number in 0..4 {
            let share = Share::new(number, 4).unwrap();
            assert!(domains().any(|domain| share.has(&LaneName::own(&domain))));
        }
    }

    #[test]
    fn a_worker_beyond_the_last_has_no_share() {
        assert_eq!(Share::new(2, 2), None);
        assert_eq!(Share::new(0, TAIL_LANES + 1), None);
        assert_eq!(Share::new(0, 1), Some(Share::WHOLE));
    }
}
