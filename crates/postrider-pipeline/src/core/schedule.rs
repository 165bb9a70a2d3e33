//! Which message goes next, on which connection; and when a chunk in hand ends.

use std::sync::Arc;
use std::time::Duration;

use postrider_types::{LaneName, LeaseToken, Timestamp};

use super::Core;
use super::connections::{Busy, Progress};
use super::event::{Effect, Job};
use super::hands::{Hand, Stage, StrandId};
use super::judge::end_of_bucket;
use super::limits::{Taken, Verdict};
use super::lines::Room;
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
    /// Gives idle connections messages, and opens more while messages are left.
    pub(super) fn assign(&mut self, now: Timestamp) {
        if self.asked.trouble().is_some() {
            return;
        }
        while self.connections.is_any_idle() {
            let Some((strand, index, taken)) = self.next_message(now) else {
                break;
            };
            self.send(strand, index, taken);
        }
        self.open_connections(now);
    }

    /// Asks strands in turn until one has a message.
    fn next_message(&mut self, now: Timestamp) -> Option<(StrandId, usize, Taken)> {
        for _ in 0..self.lines.len() {
            let strand = self.lines.next()?;
            let Some(domain) = self.domain_of(strand) else {
                continue;
            };
            match self.ask_strand(strand, &domain, now) {
                Turn::Message(index, taken) => {
                    let is_left = self.hands.get(&strand.hand).is_some_and(|hand| {
                        hand.stage == Stage::Working && hand.front(strand.strand).is_some()
                    });
                    if is_left {
                        self.lines.line_up(strand, &domain);
                    }
                    return Some((strand, index, taken));
                }
                Turn::Wait(until) => self.keep_waiting(strand, &domain, until, now),
                Turn::NoRoom(room) => self.lines.hold_up(strand, &domain, room),
                Turn::Empty => {}
            }
        }
        None
    }

    fn domain_of(&self, strand: StrandId) -> Option<Box<str>> {
        let hand = self
            .hands
            .get(&strand.hand)
            .filter(|hand| hand.stage == Stage::Working)?;
        Some(hand.strands[strand.strand].domain.clone())
    }

    fn room(&self, domain: &str, now: Timestamp) -> Room {
        let cap = self.limits.settings().of(domain).connections_max;
        self.lines.room(
            domain,
            cap,
            self.connections.max(),
            self.asked.is_claim_open(now),
        )
    }

    /// The next recipient of a strand that may get mail now. One whose own quota says no leaves
    /// the hand: only he waits.
    fn ask_strand(&mut self, strand: StrandId, domain: &str, now: Timestamp) -> Turn {
        let room = self.room(domain, now);
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
            let cell = self.lines.cell(domain);
            let is_first = cell.as_nanos().is_none();
            let verdict = self.limits.admit(&recipient.address, cell, now);
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

    /// A strand that must wait stays in hand for a slice; beyond it, it goes back to the store. As
    /// long as a message of its chunk is under way the lease cannot end, so it waits here too.
    fn keep_waiting(&mut self, strand: StrandId, domain: &str, until: Timestamp, now: Timestamp) {
        let in_flight = self
            .hands
            .get(&strand.hand)
            .map_or(0, |hand| hand.in_flight);
        let is_held_anyway = in_flight > 0 && until != Timestamp::NEVER;
        if until.since(now) <= self.settings.lease.slice || is_held_anyway {
            self.lines.wait(strand, domain, until);
        } else {
            self.send_back(strand, until, now);
        }
    }

    /// An own lane goes back as a whole, and is not claimed before `until`; from a tail lane only
    /// the recipients of this domain do.
    fn send_back(&mut self, strand: StrandId, until: Timestamp, now: Timestamp) {
        let own_lane_of = |hand: &Hand| {
            let domain = hand.strands[strand.strand].domain.parse().ok()?;
            let is_configured = self.limits.settings().domains.contains_key(&domain);
            is_configured.then(|| LaneName::own(&domain))
        };
        let Some(hand) = self.hands.get(&strand.hand) else {
            return;
        };
        let own_lane = own_lane_of(hand);
        let Some(hand) = self.hands.get_mut(&strand.hand) else {
            return;
        };
        let lane = hand.chunk.lane.clone();
        if !lane.is_tail() {
            hand.throttle = Some((lane, until));
            hand.stop();
            self.lines.forget(strand.hand);
            return;
        }
        let lane = own_lane.unwrap_or(lane);
        let due_at = end_of_bucket(until, now);
        for index in hand.take_strand(strand.strand) {
            hand.leave(index, lane.clone(), due_at);
        }
        // Fewer are left, so the lane's next chunk may be wanted.
        self.asked.may_claim(now);
    }

    fn send(&mut self, strand: StrandId, index: usize, taken: Taken) {
        let hand = self
            .hands
            .get_mut(&strand.hand)
            .expect("its strand was just asked");
        hand.in_flight += 1;
        let domain = hand.strands[strand.strand].domain.clone();
        let chunk = Arc::clone(&hand.chunk);
        let job = Job {
            chunk: Arc::clone(&chunk),
            index,
        };
        self.lines.take_off(&domain);
        let progress = Progress::Transmitting;
        let connection = self.connections.occupy(Busy {
            strand,
            chunk,
            index,
            domain,
            taken,
            progress,
        });
        self.effects.push(Effect::Transmit(connection, job));
    }

    /// Whether somebody could use one more connection, if the relay can be reached.
    pub(super) fn may_connect(&self) -> bool {
        !self.lines.is_empty() && !self.is_draining && self.asked.trouble().is_none()
    }

    /// Opens as many connections as there are messages that could use one.
    fn open_connections(&mut self, now: Timestamp) {
        if !self.may_connect() || !self.route.is_open(now) {
            return;
        }
        let wanted = self
            .messages_in_line(now)
            .saturating_sub(self.connections.connecting());
        // A route in trouble is tried with one connection, not with all of them.
        let wanted = match self.route.trouble() {
            Some(_) => usize::from(self.connections.connecting() == 0),
            None => wanted,
        };
        for _ in 0..wanted {
            let Some(connection) = self.connections.connect() else {
                break;
            };
            self.effects.push(Effect::Connect(connection));
        }
    }

    /// Messages in line that could use a connection, counted no further than connections could be
    /// opened: with all of them busy nobody is looked at, however many domains stand in line.
    fn messages_in_line(&self, now: Timestamp) -> usize {
        let enough = self.connections.unopened() + self.connections.connecting();
        let mut messages = 0;
        for strand in self.lines.in_line() {
            if self.connections.unopened() == 0 || messages >= enough {
                break;
            }
            let Some(hand) = self.hands.get(&strand.hand) else {
                continue;
            };
            let strand = &hand.strands[strand.strand];
            if self.room(&strand.domain, now) == Room::Yes {
                let cap = self.limits.settings().of(&strand.domain).connections_max;
                messages += strand.left().min(cap);
            }
        }
        messages
    }

    /// When every place for a chunk is taken and all of them only wait, the one that waits
    /// longest makes room for a lane that may have something to send now.
    pub(super) fn make_room(&mut self, now: Timestamp) {
        let is_full = self.hands.len() >= self.settings.lease.chunks_max;
        let is_starved = self.lines.is_empty() && self.asked.is_claim_due(now);
        if !is_full || !is_starved || self.is_draining {
            return;
        }
        let Some((until, strand)) = self.lines.last_to_wake() else {
            return;
        };
        let first = self.lines.first_to_wake(strand.hand);
        if let Some(hand) = self.hands.get_mut(&strand.hand)
            && hand.stage == Stage::Working
        {
            let lane = hand.chunk.lane.clone();
            if lane.is_tail() {
                // Due at once, it would come back at once, and nothing could be sent of it.
                for index in hand.take_out(|_| true) {
                    hand.leave(index, lane.clone(), first.unwrap_or(until));
                }
            } else {
                hand.throttle = Some((lane, until));
            }
            hand.stop();
            self.lines.forget(strand.hand);
        }
    }

    /// With its last message under way ended, a chunk is held for no longer than a slice.
    pub(super) fn stop_waiting(&mut self, token: LeaseToken, now: Timestamp) {
        let is_idle = |hand: &Hand| hand.stage == Stage::Working && hand.in_flight == 0;
        if !self.hands.get(&token).is_some_and(is_idle) {
            return;
        }
        let after = now.plus(self.settings.lease.slice);
        for (strand, domain, until) in self.lines.take_waiting(token, after) {
            self.keep_waiting(strand, &domain, until, now);
        }
    }

    /// Ends the leases of those that are done.
    pub(super) fn end_hands(&mut self, now: Timestamp) {
        self.give_up_waiting_for_route(now);
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

    /// Nobody holds a chunk only because the relay cannot be reached.
    fn give_up_waiting_for_route(&mut self, now: Timestamp) {
        let is_long = self.route.not_until().since(now) > self.settings.lease.slice;
        if !is_long || self.connections.open() > 0 {
            return;
        }
        let working: Vec<_> = self
            .hands
            .values()
            .filter(|h| h.stage == Stage::Working)
            .collect();
        let tokens: Vec<_> = working.into_iter().map(Hand::token).collect();
        for token in tokens {
            self.lines.forget(token);
            self.hands.get_mut(&token).into_iter().for_each(Hand::stop);
        }
    }

    /// When a lease is to be extended: at half of its time.
    pub(super) fn extend_at(&self, hand: &Hand) -> Option<Timestamp> {
        let half: Duration = self.settings.lease.time / 2;
        (!hand.is_extending).then(|| hand.until.minus(half))
    }

    /// Gives back the slot of a message that never reached MAIL.
    pub(super) fn give_back(&mut self, busy: &Busy, now: Timestamp) {
        let Some(hand) = self.hands.get(&busy.strand.hand) else {
            return;
        };
        let address = &hand.chunk.recipients[busy.index].address;
        self.limits
            .give_back(address, self.lines.cell(&busy.domain), busy.taken, now);
        self.lines.ask_again(&busy.domain);
    }
}
