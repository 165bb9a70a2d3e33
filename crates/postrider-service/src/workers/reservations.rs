//! Who holds which places: caps of routes and sites over all workers.
//!
//! A place is granted while the route and the site have room, first come first served: a wish that
//! cannot be granted holds up no other. A place is held until its connection is closed, or until
//! its worker is gone.
//!
//! **Fairness.** Where a wish waits, the worker that holds most of what it waits for is asked to
//! give one up, when it holds at least two more than the one who wishes, or when that one holds
//! nothing at all. At most once a second for each site or route, so with a cap of one, workers
//! take turns of a second.

use std::collections::{HashMap, VecDeque};

use postrider_pipeline::places::Wish;
use postrider_pipeline::settings::RouteId;
use postrider_smtp::site::SiteName;
use postrider_types::Timestamp;

use super::note::PlaceId;
use crate::bounds::YIELD_EVERY;

/// A place: which worker's, and which of its.
pub(super) type Ticket = (u8, PlaceId);

/// What is counted: a whole route, or one site of it.
type Scope = (RouteId, Option<SiteName>);

/// One worker is to give up a place of this site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) worker: u8,
    pub(super) route: RouteId,
    pub(super) site: SiteName,
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    held: HashMap<Ticket, (RouteId, SiteName)>,
    /// In the order in which they came; as many at most as the workers have connections.
    waiting: VecDeque<(Ticket, Wish)>,
    /// How many of each each worker holds; never 0.
    counts: HashMap<Scope, HashMap<u8, usize>>,
    /// When somebody was last asked to give up one of these; only of the last while.
    asked_at: HashMap<Scope, Timestamp>,
}

impl Reservations {
    /// A worker wants a place. Whoever has one now is told by [`Self::grant`].
    pub(super) fn wish(&mut self, ticket: Ticket, wish: Wish) {
        self.waiting.push_back((ticket, wish));
    }

    /// A worker holds or wants a place no more.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        match self.held.remove(&ticket) {
            Some((route, site)) => {
                self.uncount((route, Some(site)), ticket.0);
                self.uncount((route, None), ticket.0);
            }
            None => self.waiting.retain(|(waiting, _)| *waiting != ticket),
        }
    }

    /// A worker is gone, and its connections are closed.
    pub(super) fn gone(&mut self, worker: u8) {
        self.held.retain(|ticket, _| ticket.0 != worker);
        self.waiting.retain(|(ticket, _)| ticket.0 != worker);
        self.counts.retain(|_, by_worker| {
            by_worker.remove(&worker);
            !by_worker.is_empty()
        });
    }

    /// Whether anybody waits.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Gives out what there is to those who wait.
    pub(super) fn grant(&mut self) -> Vec<Ticket> {
        let mut granted = Vec::new();
        let waiting = std::mem::take(&mut self.waiting);
        for (ticket, wish) in waiting {
            if self.shortage(&wish).is_some() {
                self.waiting.push_back((ticket, wish));
                continue;
            }
            *self.count((wish.route, None), ticket.0) += 1;
            *self.count((wish.route, Some(wish.site.clone())), ticket.0) += 1;
            self.held.insert(ticket, (wish.route, wish.site));
            granted.push(ticket);
        }
        granted
    }

    /// Who is to give up a place for those who wait.
    pub(super) fn requests(&mut self, now: Timestamp) -> Vec<Request> {
        self.asked_at
            .retain(|_, asked_at| asked_at.plus(YIELD_EVERY) > now);
        let mut requests = Vec::new();
        for (ticket, wish) in &self.waiting {
            let Some(scope) = self.shortage(wish) else {
                continue;
            };
            if self.asked_at.contains_key(&scope) {
                continue;
            }
            let Some(request) = self.request(ticket.0, &scope) else {
                continue;
            };
            self.asked_at.insert(scope, now);
            requests.push(request);
        }
        requests
    }

    /// What has no room for a wish, if anything has none.
    fn shortage(&self, wish: &Wish) -> Option<Scope> {
        let site = (wish.route, Some(wish.site.clone()));
        let route = (wish.route, None);
        let is_full = |scope: &Scope, max: usize| self.total(scope) >= max;
        if is_full(&site, wish.site_max) {
            return Some(site);
        }
        is_full(&route, wish.route_max).then_some(route)
    }

    fn total(&self, scope: &Scope) -> usize {
        let by_worker = self.counts.get(scope);
        by_worker.map_or(0, |by_worker| by_worker.values().sum())
    }

    /// Which place is to be given up for a wish of `worker`, if fairness says so.
    fn request(&self, worker: u8, scope: &Scope) -> Option<Request> {
        let by_worker = self.counts.get(scope)?;
        let own = by_worker.get(&worker).copied().unwrap_or(0);
        let others = by_worker.iter().filter(|(other, _)| **other != worker);
        let (&holder, &most) = others.max_by_key(|(other, count)| (**count, **other))?;
        if own > 0 && most < own + 2 {
            return None;
        }
        let site = match scope {
            (_, Some(site)) => site.clone(),
            (route, None) => self.largest_site(*route, holder)?,
        };
        Some(Request {
            worker: holder,
            route: scope.0,
            site,
        })
    }

    /// The site of a route to which a worker has most connections.
    fn largest_site(&self, route: RouteId, worker: u8) -> Option<SiteName> {
        let sites = self.counts.iter().filter_map(|(scope, by_worker)| {
            let site = scope.1.as_ref().filter(|_| scope.0 == route)?;
            Some((by_worker.get(&worker)?, site))
        });
        sites.max().map(|(_, site)| site.clone())
    }

    fn count(&mut self, scope: Scope, worker: u8) -> &mut usize {
        let by_worker = self.counts.entry(scope).or_default();
        by_worker.entry(worker).or_default()
    }

    fn uncount(&mut self, scope: Scope, worker: u8) {
        let count = self.count(scope.clone(), worker);
        *count -= 1;
        if *count == 0
            && let Some(by_worker) = self.counts.get_mut(&scope)
        {
            by_worker.remove(&worker);
            if by_worker.is_empty() {
                self.counts.remove(&scope);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn wish(site: &str, route_max: usize, site_max: usize) -> Wish {
        Wish {
            route: RouteId::DEFAULT,
            route_max,
            site: SiteName::of_host(site),
            site_max,
        }
    }

    /// Numbers its tickets.
    #[derive(Default)]
    struct Scene {
        reservations: Reservations,
        last: u64,
    }

    impl Scene {
        fn wish(&mut self, worker: u8, wish: Wish) -> Ticket {
            self.last += 1;
            let ticket = (worker, PlaceId(self.last));
            self.reservations.wish(ticket, wish);
            ticket
        }

        /// Lets a worker have so many.
        fn hold(&mut self, worker: u8, count: usize, of: &Wish) -> Vec<Ticket> {
            let tickets: Vec<_> = (0..count).map(|_| self.wish(worker, of.clone())).collect();
            assert_eq!(self.reservations.grant(), tickets);
            tickets
        }

        fn asked(&mut self, after_ms: u64) -> Vec<(u8, String)> {
            let now = START.plus(Duration::from_millis(after_ms));
            let requests = self.reservations.requests(now).into_iter();
            requests
                .map(|request| (request.worker, request.site.to_string()))
                .collect()
        }
    }

    #[test]
    fn all_workers_together_hold_no_more_than_a_site_and_a_route_allow() {
        let mut scene = Scene::default();
        let site = wish("a.test", 3, 2);
        scene.hold(0, 2, &site);
        let late = scene.wish(1, site);
        let other = scene.wish(1, wish("b.test", 3, 2));
        let third = scene.wish(0, wish("c.test", 3, 2));
        assert_eq!(scene.reservations.grant(), [other], "the site is full");
        scene.reservations.give_back(other);
        assert_eq!(scene.reservations.grant(), [third], "the route is full");
        scene.reservations.gone(0);
        assert_eq!(scene.reservations.grant(), [late]);
    }

    #[test]
    fn whoever_wants_no_place_any_more_gets_none() {
        let mut scene = Scene::default();
        let site = wish("a.test", 9, 1);
        let held = scene.hold(0, 1, &site);
        let waiting = scene.wish(1, site);
        scene.reservations.give_back(waiting);
        assert!(!scene.reservations.is_waited_for());
        scene.reservations.give_back(held[0]);
        assert!(scene.reservations.grant().is_empty());
    }

    #[test]
    fn who_has_nothing_gets_a_place_from_who_has_most_and_nobody_is_hurried() {
        let mut scene = Scene::default();
        let site = wish("a.test", 9, 3);
        scene.hold(0, 2, &site);
        scene.hold(1, 1, &site);
        scene.wish(2, site.clone());
        scene.wish(2, site);
        assert_eq!(scene.asked(0), [(0, "a.test".to_owned())]);
        assert!(scene.asked(999).is_empty());
        assert_eq!(scene.asked(1_000), [(0, "a.test".to_owned())]);
    }

    #[test]
    fn with_a_cap_of_one_workers_take_turns() {
        let mut scene = Scene::default();
        let site = wish("a.test", 9, 1);
        let first = scene.hold(0, 1, &site);
        let second = scene.wish(1, site.clone());
        assert_eq!(scene.asked(0), [(0, "a.test".to_owned())]);
        scene.reservations.give_back(first[0]);
        scene.wish(0, site);
        assert_eq!(scene.reservations.grant(), [second]);
        assert_eq!(scene.asked(1_000), [(1, "a.test".to_owned())]);
    }

    #[test]
    fn an_even_share_is_left_alone() {
        let mut scene = Scene::default();
        let site = wish("a.test", 9, 5);
        scene.hold(0, 3, &site);
        scene.hold(1, 2, &site);
        scene.wish(1, site);
        assert!(scene.asked(0).is_empty());
    }

    #[test]
    fn on_a_full_route_a_place_of_the_largest_site_is_given_up() {
        let mut scene = Scene::default();
        scene.hold(0, 1, &wish("a.test", 3, 2));
        scene.hold(0, 2, &wish("b.test", 3, 2));
        scene.wish(1, wish("c.test", 3, 2));
        assert_eq!(scene.asked(0), [(0, "b.test".to_owned())]);
    }
}
