//! Sites that cannot be reached.

use postrider_types::Timestamp;

use super::{PoolId, Pools};

impl Pools {
    /// A connection could not be opened.
    pub(in crate::core) fn shut_for(&mut self, pool: PoolId) {
        let not_until = self.pool(pool).contact.not_until();
        self.shut.retain(|(_, shut)| *shut != pool);
        self.shut.insert((not_until, pool));
    }

    /// The first connection was opened, so others may be too.
    pub(in crate::core) fn opened(&mut self, pool: PoolId) {
        self.shut.retain(|(_, shut)| *shut != pool);
        self.release_all(pool);
    }

    /// Lets the ways of those want a connection whose instant has come.
    pub(in crate::core) fn reopen(&mut self, now: Timestamp) {
        self.try_more(now);
        while let Some(&(at, pool)) = self.shut.first()
            && at <= now
        {
            self.shut.pop_first();
            self.release_all(pool);
        }
    }

    /// When the first of them may be tried again, or one more session where there are enough.
    pub(in crate::core) fn reopen_at(&self) -> Option<Timestamp> {
        let first = [self.shut.first(), self.full.first()];
        first.into_iter().flatten().map(|(at, _)| *at).min()
    }
}
