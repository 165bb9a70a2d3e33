//! Where each strand stands: in line, waiting for an instant, or held up by a cap.
//!
//! A strand is in at most one of these places; one whose recipients are all sent is in none.
//! Taking turns happens here: whoever was served goes to the end of the line.
//!
//! Two things hold a strand up although its limits admit it. Its domain's cap on messages under
//! way; and its *share*: as long as another domain has work, or may have some in the store, a
//! domain takes at most half of the connections that the others leave. Alone, it leaves one.
//! So, however many destinations are slow, there is a connection for the next.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use postrider_limiter::Cell;
use postrider_types::{LeaseToken, Timestamp};

use super::hands::StrandId;
use crate::bounds::DOMAINS_KEPT_MAX;

/// What is known of a destination while something of it is in hand.
#[derive(Debug, Default)]
struct DomainState {
    cell: Cell,
    in_flight: usize,
    /// Strands of it that stand anywhere.
    placed: usize,
    /// Strands that wait for one of its messages to end.
    held: Vec<StrandId>,
}

/// The places, and the destinations.
#[derive(Debug, Default)]
pub(super) struct Lines {
    in_line: VecDeque<StrandId>,
    waiting: BTreeSet<(Timestamp, StrandId)>,
    /// Strands that wait for any message to end.
    sharing: Vec<StrandId>,
    placed: HashMap<StrandId, Box<str>>,
    domains: HashMap<Box<str>, DomainState>,
    in_flight: usize,
}

/// Whether a domain may have one more connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It may.
    Yes,
    /// Its own cap is reached.
    Capped,
    /// It has its share.
    Shared,
}

impl Lines {
    /// Puts a strand at the end of the line, unless it stands somewhere already.
    pub(super) fn line_up(&mut self, strand: StrandId, domain: &str) {
        if self.placed.contains_key(&strand) {
            return;
        }
        self.placed.insert(strand, domain.into());
        self.domain(domain).placed += 1;
        self.in_line.push_back(strand);
    }

    /// Takes the first strand out of the line; it stands nowhere then.
    pub(super) fn next(&mut self) -> Option<StrandId> {
        let strand = self.in_line.pop_front()?;
        self.displace(strand);
        Some(strand)
    }

    /// How many stand in line.
    pub(super) fn len(&self) -> usize {
        self.in_line.len()
    }

    /// Whether nobody stands in line.
    pub(super) fn is_empty(&self) -> bool {
        self.in_line.is_empty()
    }

    /// The strands in line, first to last.
    pub(super) fn in_line(&self) -> impl Iterator<Item = &StrandId> {
        self.in_line.iter()
    }

    /// Lets a strand wait for an instant.
    pub(super) fn wait(&mut self, strand: StrandId, domain: &str, until: Timestamp) {
        self.placed.insert(strand, domain.into());
        self.domain(domain).placed += 1;
        self.waiting.insert((until, strand));
    }

    /// Holds a strand up until there may be room for it.
    pub(super) fn hold_up(&mut self, strand: StrandId, domain: &str, room: Room) {
        self.placed.insert(strand, domain.into());
        let state = self.domain(domain);
        state.placed += 1;
        match room {
            Room::Capped => state.held.push(strand),
            Room::Shared | Room::Yes => self.sharing.push(strand),
        }
    }

    /// Puts those whose instant has come into the line.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(&(until, strand)) = self.waiting.first()
            && until <= now
        {
            self.waiting.pop_first();
            self.in_line.push_back(strand);
        }
    }

    /// When the first of those that wait for an instant wakes.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// The strand that wakes last, and when.
    pub(super) fn last_to_wake(&self) -> Option<(Timestamp, StrandId)> {
        self.waiting.last().copied()
    }

    /// Whether a domain may have one more of `max` connections; `is_more_to_come` says whether
    /// the store may have work of other domains.
    pub(super) fn room(&self, domain: &str, cap: usize, max: usize, is_more_to_come: bool) -> Room {
        let state = self.domains.get(domain);
        let (mine, placed) = state.map_or((0, 0), |state| (state.in_flight, state.placed));
        if mine >= cap {
            return Room::Capped;
        }
        let others = self.in_flight - mine;
        let is_alone = self.placed.len() == placed && others == 0 && !is_more_to_come;
        let share = if is_alone {
            max.max(2) - 1
        } else {
            (max - others).div_ceil(2)
        };
        if mine < share {
            Room::Yes
        } else {
            Room::Shared
        }
    }

    /// The limiter's cell of a domain.
    pub(super) fn cell(&mut self, domain: &str) -> &mut Cell {
        &mut self.domain(domain).cell
    }

    /// A message to this domain is under way.
    pub(super) fn take_off(&mut self, domain: &str) {
        self.in_flight += 1;
        self.domain(domain).in_flight += 1;
    }

    /// A message to this domain has ended: whoever it held up stands in line again.
    pub(super) fn landed(&mut self, domain: &str) {
        self.in_flight -= 1;
        let state = self.domain(domain);
        state.in_flight -= 1;
        let held = std::mem::take(&mut state.held);
        self.in_line.extend(held);
        self.share_anew();
    }

    /// Lets those ask again whom only the share held up.
    pub(super) fn share_anew(&mut self) {
        self.in_line.extend(self.sharing.drain(..));
    }

    /// Removes every strand of a chunk that is no longer sent.
    pub(super) fn forget(&mut self, hand: LeaseToken) {
        let gone: HashSet<_> = self
            .placed
            .keys()
            .filter(|s| s.hand == hand)
            .copied()
            .collect();
        if gone.is_empty() {
            return;
        }
        let stays = |strand: &StrandId| strand.hand != hand;
        self.in_line.retain(stays);
        self.sharing.retain(stays);
        self.waiting.retain(|(_, strand)| stays(strand));
        for strand in gone {
            if let Some(state) = self
                .placed
                .get(&strand)
                .and_then(|d| self.domains.get_mut(d))
            {
                state.held.retain(stays);
            }
            self.displace(strand);
        }
    }

    fn displace(&mut self, strand: StrandId) {
        if let Some(domain) = self.placed.remove(&strand) {
            self.domain(&domain).placed -= 1;
        }
    }

    /// The state of a domain; forgets idle ones when there are too many, which at worst grants
    /// one burst anew to a domain that nobody wrote to for long.
    fn domain(&mut self, domain: &str) -> &mut DomainState {
        if !self.domains.contains_key(domain) {
            if self.domains.len() >= DOMAINS_KEPT_MAX {
                self.domains
                    .retain(|_, state| state.in_flight > 0 || state.placed > 0);
            }
            self.domains.insert(domain.into(), DomainState::default());
        }
        self.domains.get_mut(domain).expect("it was just put there")
    }
}
