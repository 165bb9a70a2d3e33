//! Lines of ways, and their turns.

use super::{PoolId, Pools, Queue, WayId};
use crate::core::hands::StrandId;
use crate::settings::RouteId;

impl Pools {
    pub(in crate::core) fn line_up(&mut self, way: WayId, strand: StrandId) {
        self.in_line += 1;
        let own = self.ways.get_mut(&way).expect("ways in use are kept");
        own.in_line.push_back(strand);
        self.changed.insert(way);
    }

    /// Takes the first strand out of a line.
    pub(in crate::core) fn next(&mut self, way: WayId) -> Option<StrandId> {
        let strand = self.ways.get_mut(&way)?.in_line.pop_front()?;
        self.in_line -= 1;
        Some(strand)
    }

    /// Takes out of a line whoever is not to stay.
    pub(in crate::core) fn retain(&mut self, way: WayId, stays: impl Fn(&StrandId) -> bool) {
        if let Some(way) = self.ways.get_mut(&way) {
            let before = way.in_line.len();
            way.in_line.retain(stays);
            self.in_line -= before - way.in_line.len();
        }
    }

    /// The strands in a line, first to last.
    pub(in crate::core) fn line(&self, way: WayId) -> impl Iterator<Item = &StrandId> {
        self.ways.get(&way).into_iter().flat_map(|way| &way.in_line)
    }

    /// How many stand in a line.
    pub(in crate::core) fn len(&self, way: WayId) -> usize {
        self.ways.get(&way).map_or(0, |way| way.in_line.len())
    }

    /// Whether nobody stands in any line.
    pub(in crate::core) const fn is_empty(&self) -> bool {
        self.in_line == 0
    }

    /// Empties the lines of a pool.
    pub(in crate::core) fn take_lines(&mut self, pool: PoolId) -> Vec<StrandId> {
        let ways = self.pool(pool).ways.clone();
        let mut taken = Vec::new();
        for way in ways {
            while let Some(strand) = self.next(way) {
                taken.push(strand);
            }
        }
        taken
    }

    /// Something of this way has changed: it is to be looked at.
    pub(in crate::core) fn change(&mut self, way: WayId) {
        self.changed.insert(way);
    }

    /// Whether any way is to be looked at.
    pub(in crate::core) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The next way that is to be looked at.
    pub(in crate::core) fn next_changed(&mut self) -> Option<WayId> {
        self.changed.pop_first()
    }

    /// Lets a way whose line is not empty stand among those that want a connection, unless it
    /// stands somewhere already.
    pub(in crate::core) fn want(&mut self, way: WayId) {
        let Some(own) = self.ways.get_mut(&way) else {
            return;
        };
        if own.queue == Queue::Nowhere && !own.in_line.is_empty() {
            own.queue = Queue::Wanting;
            let route = self.pools[&own.pool].route;
            self.routes[route.0].wanting.push_back(way);
        }
    }

    /// The way of a route whose turn it is to get a connection; it stands nowhere then.
    pub(in crate::core) fn next_wanting(&mut self, route: RouteId) -> Option<WayId> {
        loop {
            let way = self.routes[route.0].wanting.pop_front()?;
            let Some(own) = self.ways.get_mut(&way) else {
                continue;
            };
            own.queue = Queue::Nowhere;
            if !own.in_line.is_empty() {
                return Some(way);
            }
        }
    }

    /// How many ways of a route want a connection, at most.
    pub(in crate::core) fn wanting(&self, route: RouteId) -> usize {
        self.routes[route.0].wanting.len()
    }

    /// How many ways of a pool wait until one of its connections is closed, at most.
    pub(in crate::core) fn held(&self, pool: PoolId) -> usize {
        self.pool(pool).held.len()
    }

    /// Puts a way that was looked at into a queue; among those that want, into the first place.
    pub(in crate::core) fn put(&mut self, way: WayId, queue: Queue) {
        let Some(own) = self.ways.get_mut(&way) else {
            return;
        };
        own.queue = queue;
        let pool = self
            .pools
            .get_mut(&own.pool)
            .expect("pools in use are kept");
        let route = &mut self.routes[pool.route.0];
        match queue {
            Queue::Nowhere => {}
            Queue::Wanting => route.wanting.push_front(way),
            Queue::Short => route.short.push(way),
            Queue::Held => pool.held.push_back(way),
            Queue::Parked => pool.parked.push(way),
        }
    }

    /// The shares of a route have changed.
    pub(in crate::core) fn share_anew(&mut self, route: RouteId) {
        let short = std::mem::take(&mut self.routes[route.0].short);
        self.release(short);
    }

    /// A connection of a pool is closed, or can be: the next way that waits for that and has
    /// somebody in its line wants one.
    pub(in crate::core) fn release_held(&mut self, pool: PoolId) {
        while let Some(way) = self
            .pools
            .get_mut(&pool)
            .and_then(|pool| pool.held.pop_front())
        {
            self.release([way]);
            if self.len(way) > 0 {
                return;
            }
        }
    }

    /// The site of a pool may be tried: all of its ways are looked at.
    pub(super) fn release_all(&mut self, pool: PoolId) {
        let pool = self.pool_mut(pool);
        let parked = std::mem::take(&mut pool.parked);
        let held = std::mem::take(&mut pool.held);
        self.release(parked.into_iter().chain(held));
    }

    pub(super) fn release(&mut self, ways: impl IntoIterator<Item = WayId>) {
        for way in ways {
            if let Some(own) = self.ways.get_mut(&way) {
                own.queue = Queue::Nowhere;
                self.changed.insert(way);
            }
        }
    }
}
