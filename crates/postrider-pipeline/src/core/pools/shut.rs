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
        while let Some(&(at, pool)) = self.shut.first()
            && at <= now
        {
            self.shut.pop_first();
            self.release_all(pool);
        }
    }

    /// When the first of them may be tried again.
    pub(in crate::core) fn reopen_at(&self) -> Option<Timestamp> {
        self.shut.first().map(|(at, _)| *at)
    }
}
