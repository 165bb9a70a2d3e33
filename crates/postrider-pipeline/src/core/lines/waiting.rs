//! Strands that wait for an instant.

use std::sync::Arc;

use postrider_types::{LeaseToken, Timestamp};

use super::Lines;
use crate::core::hands::StrandId;

impl Lines {
    /// Lets a strand wait for an instant.
    pub(in crate::core) fn wait(&mut self, strand: StrandId, domain: &Arc<str>, until: Timestamp) {
        self.place(strand, domain);
        self.waiting.insert((until, strand));
    }

    /// Puts those whose instant has come into their lines.
    pub(in crate::core) fn wake(&mut self, now: Timestamp) {
        self.now = now;
        while let Some(&(until, strand)) = self.waiting.first()
            && until <= now
        {
            self.waiting.pop_first();
            self.enter(strand);
        }
    }

    /// When the first of those that wait for an instant wakes.
    pub(in crate::core) fn next_at(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// The strand that wakes last, and when.
    pub(in crate::core) fn last_to_wake(&self) -> Option<(Timestamp, StrandId)> {
        self.waiting.last().copied()
    }

    /// When the first of a chunk's strands wakes.
    pub(in crate::core) fn first_to_wake(&self, hand: LeaseToken) -> Option<Timestamp> {
        let mut waiting = self.waiting.iter();
        let first = waiting.find(|(_, strand)| strand.hand == hand);
        first.map(|(until, _)| *until)
    }

    /// Takes out the strands of a chunk that wait for an instant after `after`.
    pub(in crate::core) fn take_waiting(
        &mut self,
        hand: LeaseToken,
        after: Timestamp,
    ) -> Vec<(StrandId, Arc<str>, Timestamp)> {
        let is_meant =
            |(until, strand): &(Timestamp, StrandId)| *until > after && strand.hand == hand;
        let waiting: Vec<_> = self.waiting.extract_if(.., is_meant).collect();
        let mut taken = Vec::new();
        for (until, strand) in waiting {
            let place = self.displace(strand);
            taken.extend(place.map(|place| (strand, place.domain, until)));
        }
        taken
    }

    /// A slot of this domain was given back: those who wait for a later one stand in line again.
    pub(in crate::core) fn ask_again(&mut self, domain: &str) {
        let placed = &self.placed;
        let is_meant = |(_, strand): &(Timestamp, StrandId)| {
            placed
                .get(strand)
                .is_some_and(|place| *place.domain == *domain)
        };
        let woken: Vec<_> = self.waiting.extract_if(.., is_meant).collect();
        woken.into_iter().for_each(|(_, strand)| self.enter(strand));
    }
}
