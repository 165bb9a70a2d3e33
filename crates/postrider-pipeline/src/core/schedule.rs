//! Which message goes next, on which connection; and when a chunk in hand ends.

use std::sync::Arc;
use std::time::Duration;

use postrider_types::{LeaseToken, Timestamp};

use super::Core;
use super::connections::{Busy, Progress};
use super::event::{ConnectionId, Effect, Job};
use super::hands::{Hand, Stage, StrandId};
use super::judge::end_of_bucket;
use super::limits::{Taken, Verdict};
use super::lines::Room;
use super::pools::WayId;
use crate::bounds::{DOMAINS_PRUNE, PREFETCH_BELOW};

/// What became of a strand that was asked for a message.
enum Turn {
    /// Here is one, and the slot that it took.
    Message(usize, Taken),
    /// None before this instant.
    Wait(Timestamp),
    /// None until there is room.
    NoRoom(Room),
    /// Nobody is left.
    Empty,
}

impl Core {
    /// Gives idle connections messages, and opens more while messages are left. Only ways are
    /// looked at of which something has changed.
    pub(super) fn assign(&mut self, now: Timestamp) {
        if self.asked.trouble().is_some() {
            return;
        }
        while self.lines.pools.is_changed() {
            while let Some(way) = self.lines.pools.next_changed() {
                self.occupy_idle(way, now);
            }
            self.open_connections(now);
        }
        self.open_connections(now);
    }

    /// Gives the idle connections of a way messages.
    fn occupy_idle(&mut self, way: WayId, now: Timestamp) {
        if !self.lines.pools.has_way(way) {
            return;
        }
        let pool = self.lines.pools.pool_of(way);
        if self.lines.pools.is_parked(way) {
            self.leave_for_site(way, pool, now);
        }
        while self.connections.is_idle(way) {
            let Some(busy) = self.next_message(way, None, now) else {
                break;
            };
            self.lines.take_off(pool, &busy.domain);
            let job = busy.job();
            let connection = self.connections.occupy(way, busy);
            self.effects.push(Effect::Transmit(connection, job));
        }
        if self.connections.is_idle(way) {
            // It can be closed for another set of hosts of a pool that is full.
            self.lines.pools.release_held(pool);
        } else {
            self.lines.pools.want(way);
        }
    }

    /// Lets a dot out whose begin is durable, before `until`, and takes along the connection's
    /// next message.
    pub(super) fn let_dot_out(
        &mut self,
        connection: ConnectionId,
        until: Timestamp,
        now: Timestamp,
    ) {
        let next = self.next_behind(connection, now);
        let Some(lead) = self.connections.lead(connection) else {
            return;
        };
        let Some(busy) = self.connections.front(connection) else {
            return;
        };
        busy.progress = Progress::Begun(now);
        self.lines.dot(lead.pool, &busy.domain, now);
        self.effects.push(Effect::Dot {
            connection,
            until,
            next,
        });
    }

    /// The message whose envelope goes along with the dot that is about to leave, if one is due.
    fn next_behind(&mut self, connection: ConnectionId, now: Timestamp) -> Option<Job> {
        let is_stopping = self.is_draining || self.asked.trouble().is_some();
        if is_stopping || !self.connections.has_place_behind(connection) {
            return None;
        }
        let way = self.connections.lead(connection)?.way;
        let front = Arc::clone(&self.connections.front(connection)?.domain);
        if !self.lines.may_follow(way, &front, now) {
            return None;
        }
        // Whoever can have a connection of his own does not stand behind somebody else.
        self.lines.wake(now);
        self.assign(now);
        self.lines.ask_held(&front);
        let busy = self.next_message(way, Some(&front), now)?;
        self.lines.follow(&busy.domain, &front);
        let job = busy.job();
        self.connections.follow(connection, busy);
        Some(job)
    }

    /// Asks the strands of a way in turn until one has a message, for an idle connection or to go
    /// behind the dot of a domain.
    fn next_message(&mut self, way: WayId, behind: Option<&str>, now: Timestamp) -> Option<Busy> {
        for _ in 0..self.lines.pools.len(way) {
            let strand = self.lines.next(way)?;
            let Some(domain) = self.domain_of(strand) else {
                continue;
            };
            match self.ask_strand(strand, &domain, (way, behind), now) {
                Turn::Message(index, taken) => {
                    let is_left = self.hands.get(&strand.hand).is_some_and(|hand| {
                        hand.stage == Stage::Working && hand.front(strand.strand).is_some()
                    });
                    if is_left {
                        self.lines.line_up(strand, &domain);
                    }
                    return self.message(strand, index, taken);
                }
                Turn::Wait(until) => self.keep_waiting(strand, &domain, until, now),
                Turn::NoRoom(room) => self.lines.hold_up(strand, &domain, room),
                Turn::Empty => {}
            }
        }
        None
    }

    pub(super) fn domain_of(&self, strand: StrandId) -> Option<Arc<str>> {
        let hand = self
            .hands
            .get(&strand.hand)
            .filter(|hand| hand.stage == Stage::Working)?;
        Some(Arc::clone(&hand.strands[strand.strand].domain))
    }

    pub(super) fn room(
        &self,
        way: WayId,
        domain: &str,
        behind: Option<&str>,
        now: Timestamp,
    ) -> Room {
        let cap = self.limits.settings().of(domain).connections_max;
        let is_more_to_come = self.asked.is_claim_open(now);
        self.lines.room(way, domain, cap, behind, is_more_to_come)
    }

    /// The next recipient of a strand that may get mail now. One whose own quota says no leaves
    /// the hand: only he waits.
    fn ask_strand(
        &mut self,
        strand: StrandId,
        domain: &Arc<str>,
        (way, behind): (WayId, Option<&str>),
        now: Timestamp,
    ) -> Turn {
        let pool = self.lines.pools.pool_of(way);
        let rests_until = self.lines.pools.pool(pool).rest.until();
        if rests_until > now {
            return match self.expire_strand(strand, pool, now) {
                true => Turn::Wait(rests_until),
                false => Turn::Empty,
            };
        }
        let room = self.room(way, domain, behind, now);
        if room != Room::Yes {
            return Turn::NoRoom(room);
        }
        let is_limited = self.limits.settings().of(domain).rate.is_some();
        if is_limited && !self.lines.is_memorable(domain) {
            return Turn::Wait(now.plus(DOMAINS_PRUNE));
        }
        loop {
            let Some(hand) = self.hands.get_mut(&strand.hand) else {
                return Turn::Empty;
            };
            let Some(index) = hand.front(strand.strand) else {
                return Turn::Empty;
            };
            let recipient = &hand.chunk.recipients[index];
            let (cell, site) = self.lines.cells(way, domain);
            let is_first = cell.as_nanos().is_none();
            let verdict = self.limits.admit(&recipient.address, cell, site, now);
            if is_first && cell.as_nanos().is_some() {
                self.lines.remember();
            }
            if let Verdict::DomainWaits(until) = verdict {
                return Turn::Wait(until);
            }
            hand.take_front(strand.strand);
            // The next chunk of the lane is wanted from here on: see `lanes_with_enough`.
            if matches!(hand.left() + 1, 1 | PREFETCH_BELOW) {
                self.asked.may_claim(now);
            }
            match verdict {
                Verdict::Admit(taken) => return Turn::Message(index, taken),
                Verdict::RecipientWaits(until) => {
                    let lane = hand.chunk.lane.clone();
                    hand.leave(index, lane, end_of_bucket(until, now));
                }
                Verdict::DomainWaits(_) => {}
            }
        }
    }

    /// The message of a recipient whose slot was just taken.
    fn message(&mut self, strand: StrandId, index: usize, taken: Taken) -> Option<Busy> {
        let hand = self.hands.get_mut(&strand.hand)?;
        hand.in_flight += 1;
        Some(Busy {
            strand,
            chunk: Arc::clone(&hand.chunk),
            index,
            domain: Arc::clone(&hand.strands[strand.strand].domain),
            taken,
            progress: Progress::Transmitting,
        })
    }

    /// Ends the leases of those that are done.
    pub(super) fn end_hands(&mut self) {
        let done: Vec<LeaseToken> = self
            .hands
            .values()
            .filter(|hand| hand.is_done())
            .map(Hand::token)
            .collect();
        for token in done {
            self.lines.forget(token);
            self.ask_end(token);
        }
    }

    /// When a lease is to be extended: at half of its time.
    pub(super) fn extend_at(&self, hand: &Hand) -> Option<Timestamp> {
        let half: Duration = self.settings.lease.time / 2;
        (!hand.is_extending).then(|| hand.until.minus(half))
    }

    /// Gives back the slot of a message that never reached MAIL.
    pub(super) fn give_back(&mut self, busy: &Busy, way: WayId, now: Timestamp) {
        let Some(hand) = self.hands.get(&busy.strand.hand) else {
            return;
        };
        let address = &hand.chunk.recipients[busy.index].address;
        let (cell, site) = self.lines.cells(way, &busy.domain);
        self.limits.give_back(address, cell, site, busy.taken, now);
        self.lines.ask_again(&busy.domain);
    }
}
