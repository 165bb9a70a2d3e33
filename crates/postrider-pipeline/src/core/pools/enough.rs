//! A server that has enough sessions: it turns another away while those that it has go on.
//!
//! It can be reached, so this is no trouble (`contact`) and nothing waits for it. It is a cap that
//! the server knows and nobody told us, and it is learned: no more connections than stood when
//! another was turned away. One of them that ends is replaced at once. After a growing delay one
//! more is tried, and one more with each that stands, until the next is turned away. Where sessions
//! are short they never stand all at once, so the delay brings one more each time it is over.

use std::time::Duration;

use postrider_types::Timestamp;

use super::{PoolId, Pools};

/// How many sessions a server has been seen to take.
#[derive(Debug)]
pub(super) struct Enough {
    delay_min: Duration,
    delay_max: Duration,
    delay: Duration,
    /// Most connections; unbounded until one was turned away.
    max: usize,
    /// Whether one was turned away since one more was tried.
    is_turned_away: bool,
    /// When one more is tried; `None` when there is no bound.
    more_at: Option<Timestamp>,
}

impl Enough {
    pub(super) const fn new(delay_min: Duration, delay_max: Duration) -> Self {
        Self {
            delay_min,
            delay_max,
            delay: delay_min,
            max: usize::MAX,
            is_turned_away: false,
            more_at: None,
        }
    }

    /// How many connections it may have, of at most `cap`.
    pub(super) fn connections_max(&self, cap: usize) -> usize {
        self.max.min(cap)
    }

    /// Another was turned away while so many stood; says when one more is tried. Several are
    /// turned away at once; only the first of them makes the delay grow.
    fn turned_away(&mut self, standing: usize, now: Timestamp) -> Timestamp {
        self.max = standing.max(1);
        match self.more_at.filter(|_| self.is_turned_away) {
            Some(at) => at,
            None => {
                self.is_turned_away = true;
                let at = now.plus(self.delay);
                self.delay = (self.delay * 2).min(self.delay_max);
                *self.more_at.insert(at)
            }
        }
    }

    /// The delay is over; says when one more is tried after this one, of at most `cap`.
    fn try_more(&mut self, cap: usize, now: Timestamp) -> Option<Timestamp> {
        self.is_turned_away = false;
        self.max = self.max.saturating_add(1);
        self.more_at = (self.max < cap).then(|| now.plus(self.delay));
        self.more_at
    }

    /// A session stands, and so many with it; says whether one more may be tried for it.
    fn stands(&mut self, standing: usize) -> bool {
        if standing < self.max {
            return false;
        }
        self.max = standing;
        if self.is_turned_away {
            return false;
        }
        self.delay = self.delay_min;
        self.max = self.max.saturating_add(1);
        true
    }
}

impl Pools {
    /// A server turned a connection away while so many sessions of it stood.
    pub(in crate::core) fn has_enough(&mut self, pool: PoolId, standing: usize, now: Timestamp) {
        let more_at = self.pool_mut(pool).enough.turned_away(standing, now);
        self.full.insert((more_at, pool));
    }

    /// A session of this pool stands, and so many with it.
    pub(in crate::core) fn stands(&mut self, pool: PoolId, standing: usize) {
        if self.pool_mut(pool).enough.stands(standing) {
            self.release_held(pool);
        }
    }

    /// Lets those have one more connection whose delay is over.
    pub(super) fn try_more(&mut self, now: Timestamp) {
        while let Some(&(at, pool)) = self.full.first()
            && at <= now
        {
            self.full.pop_first();
            let its = self.pool_mut(pool);
            if its.enough.more_at != Some(at) {
                // Another was turned away since.
                continue;
            }
            let (route, cap) = (its.route, its.connections_max);
            if let Some(more_at) = its.enough.try_more(cap, now) {
                self.full.insert((more_at, pool));
            }
            self.release_held(pool);
            // Those whose share was too small while there were fewer.
            self.share_anew(route);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn enough() -> Enough {
        Enough::new(SECOND, 5 * SECOND)
    }

    #[test]
    fn no_more_than_stood_and_one_more_after_a_delay_that_grows_and_is_bounded() {
        let mut enough = enough();
        assert_eq!(enough.connections_max(20), 20);
        let mut now = START;
        for delay in [1, 2, 4, 5, 5] {
            let at = enough.turned_away(5, now);
            assert_eq!(at, now.plus(delay * SECOND));
            assert_eq!(enough.turned_away(5, now), at, "the delay grew twice");
            assert_eq!(enough.connections_max(20), 5);
            now = at;
            enough.try_more(20, now);
            assert_eq!(enough.connections_max(20), 6);
        }
    }

    #[test]
    fn each_that_stands_beyond_it_brings_one_more_and_begins_the_delay_anew() {
        let mut enough = enough();
        enough.turned_away(2, START);
        assert!(!enough.stands(3), "it was on its way");
        assert_eq!(enough.connections_max(20), 3);
        enough.try_more(20, START);
        assert!(!enough.stands(3), "one that was replaced says nothing");
        assert!(enough.stands(4) && enough.stands(5));
        assert_eq!(enough.connections_max(20), 6);
        assert_eq!(enough.turned_away(5, START), START.plus(SECOND));
    }

    #[test]
    fn sessions_that_never_stand_all_at_once_bring_one_more_with_each_delay() {
        let mut enough = enough();
        let mut at = Some(enough.turned_away(2, START));
        let mut most = vec![];
        while let Some(now) = at {
            assert!(!enough.stands(1), "most of them are opening or closing");
            at = enough.try_more(5, now);
            most.push(enough.connections_max(5));
        }
        assert_eq!(most, [3, 4, 5]);
    }
}
