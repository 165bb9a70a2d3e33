//! Giving up a connection for another worker, which waits for its place.
//!
//! An idle one goes at once. Otherwise one that is busy carries on with what it has, and nothing
//! more: a place is never taken from under a message.

use postrider_smtp::site::SiteName;

use super::Core;
use crate::settings::RouteId;

impl Core {
    /// Somebody else waits for a place of this site.
    pub(super) fn give_up_place(&mut self, route: RouteId, site: &SiteName) {
        let Some(pool) = self.lines.pools.known(route, site) else {
            return;
        };
        match self.connections.longest_idle_of_pool(route, pool) {
            Some(idle) => self.quit_idle(idle),
            None => self.connections.wear_out(pool),
        }
    }
}
