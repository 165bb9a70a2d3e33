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
use crate::bounds::{DOMAINS_KEPT_MAX, DOMAINS_PRUNE};

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
#[derive(Debug)]
pub(super) struct Lines {
    in_line: VecDeque<StrandId>,
    waiting: BTreeSet<(Timestamp, StrandId)>,
    /// Strands that wait for any message to end.
    sharing: Vec<StrandId>,
    placed: HashMap<StrandId, Box<str>>,
    domains: HashMap<Box<str>, DomainState>,
    in_flight: usize,
    /// Domains that have taken something and do not have their whole burst back: at least as many
    /// as there are.
    used: usize,
    /// The most of them.
    pub(super) domains_max: usize,
    now: Timestamp,
    /// Idle domains were looked for, and are not again before then.
    prune_at: Timestamp,
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
    /// Nobody stands anywhere, and nothing is known of any domain.
    pub(super) fn new() -> Self {
        Self {
            in_line: VecDeque::new(),
            waiting: BTreeSet::new(),
            sharing: Vec::new(),
            placed: HashMap::new(),
            domains: HashMap::new(),
            in_flight: 0,
            used: 0,
            domains_max: DOMAINS_KEPT_MAX,
            now: Timestamp::EPOCH,
            prune_at: Timestamp::EPOCH,
        }
    }

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
        self.now = now;
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

    /// When the first of a chunk's strands wakes.
    pub(super) fn first_to_wake(&self, hand: LeaseToken) -> Option<Timestamp> {
        let mut waiting = self.waiting.iter();
        let first = waiting.find(|(_, strand)| strand.hand == hand);
        first.map(|(until, _)| *until)
    }

    /// Takes out the strands of a chunk that wait for an instant after `after`.
    pub(super) fn take_waiting(
        &mut self,
        hand: LeaseToken,
        after: Timestamp,
    ) -> Vec<(StrandId, Box<str>, Timestamp)> {
        let is_meant =
            |(until, strand): &(Timestamp, StrandId)| *until > after && strand.hand == hand;
        let waiting: Vec<_> = self.waiting.extract_if(.., is_meant).collect();
        let mut taken = Vec::new();
        for (until, strand) in waiting {
            let domain = self.placed.get(&strand).cloned();
            self.displace(strand);
            taken.extend(domain.map(|domain| (strand, domain, until)));
        }
        taken
    }

    /// A slot of this domain was given back: those who wait for a later one stand in line again.
    pub(super) fn ask_again(&mut self, domain: &str) {
        let placed = &self.placed;
        let is_meant = |(_, strand): &(Timestamp, StrandId)| {
            placed.get(strand).is_some_and(|d| **d == *domain)
        };
        let woken = self.waiting.extract_if(.., is_meant);
        self.in_line.extend(woken.map(|(_, strand)| strand));
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

    /// Whether what this domain takes can be remembered. At the bound nobody new may take
    /// anything, so it makes us late but never makes us exceed a limit.
    pub(super) fn is_memorable(&mut self, domain: &str) -> bool {
        let is_known = |state: &DomainState| state.cell.as_nanos().is_some();
        if self.domains.get(domain).is_some_and(is_known) {
            return true;
        }
        if self.used >= self.domains_max {
            self.prune();
        }
        self.used < self.domains_max
    }

    /// A domain has taken its first slot.
    pub(super) fn remember(&mut self) {
        self.used += 1;
    }

    /// Forgets idle domains whose whole burst is there. All are looked at, so not more often than
    /// every second.
    fn prune(&mut self) {
        let now = self.now;
        if self.prune_at > now {
            return;
        }
        self.prune_at = now.plus(DOMAINS_PRUNE);
        let is_used = |cell: Cell| cell.as_nanos().is_some_and(|tat| tat > now.as_nanos());
        self.domains
            .retain(|_, state| state.in_flight > 0 || state.placed > 0 || is_used(state.cell));
        let used = self.domains.values().filter(|state| is_used(state.cell));
        self.used = used.count();
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

    /// The state of a domain.
    fn domain(&mut self, domain: &str) -> &mut DomainState {
        if !self.domains.contains_key(domain) {
            if self.domains.len() >= self.domains_max {
                self.prune();
            }
            self.domains.insert(domain.into(), DomainState::default());
        }
        self.domains.get_mut(domain).expect("it was just put there")
    }
}
