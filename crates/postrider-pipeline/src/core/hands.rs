//! The chunks in hand: claimed, and held under a lease until nothing is left to do.
//!
//! A chunk in hand is sorted into *strands*, one for each domain in it: an own lane has one, a
//! tail lane many. A strand with recipients left is in exactly one place: in line for the next
//! connection, waiting for an instant, or held up by a cap. What must wait longer than a slice
//! leaves the hand, and goes back to the store when the chunk's lease ends.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use postrider_store::{Claimed, Filing};
use postrider_types::{ChunkRecipient, LaneName, LeaseToken, Timestamp};

use crate::bounds::HAND_STILL_MAX;

/// One strand of one chunk in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StrandId {
    pub(super) hand: LeaseToken,
    pub(super) strand: usize,
}

/// The recipients of one domain in one chunk.
#[derive(Debug)]
pub(super) struct Strand {
    pub(super) domain: Arc<str>,
    /// Who is left to send to, as indices into the chunk.
    left: VecDeque<usize>,
}

impl Strand {
    /// How many are left to send to.
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }
}

/// What a chunk in hand is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its body is on the way into memory.
    Loading,
    /// Its strands are being sent.
    Working,
    /// Nothing new begins; it ends when what is under way has ended.
    Stopping,
    /// The store was asked to end its lease.
    Ending,
}

/// A chunk in hand.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) chunk: Arc<Claimed>,
    pub(super) stage: Stage,
    /// When the lease ends, as the store last confirmed.
    pub(super) until: Timestamp,
    pub(super) is_extending: bool,
    /// When it was claimed, or a message of it last ended.
    pub(super) worked_at: Timestamp,
    pub(super) strands: Vec<Strand>,
    /// How many are left in all strands.
    left: usize,
    /// Messages of it on connections.
    pub(super) in_flight: usize,
    /// Outcomes that the store has not confirmed.
    pub(super) unrecorded: usize,
    /// Who waits elsewhere when the lease ends.
    pub(super) filings: Vec<Filing>,
    /// The lane is not to be claimed from before then.
    pub(super) throttle: Option<(LaneName, Timestamp)>,
    /// How often each recipient lost a connection before the dot, in this hand.
    pub(super) losses: HashMap<usize, u8>,
}

impl Hand {
    /// A chunk as it was claimed, with everyone left.
    pub(super) fn new(chunk: Claimed, now: Timestamp) -> Self {
        let mut strands: Vec<Strand> = Vec::new();
        let mut by_domain: HashMap<&str, usize> = HashMap::new();
        for (index, recipient) in chunk.recipients.iter().enumerate() {
            let domain = recipient.address.domain();
            let strand = *by_domain.entry(domain).or_insert_with(|| {
                strands.push(Strand {
                    domain: domain.into(),
                    left: VecDeque::new(),
                });
                strands.len() - 1
            });
            strands[strand].left.push_back(index);
        }
        Self {
            until: chunk.until,
            stage: Stage::Loading,
            is_extending: false,
            worked_at: now,
            strands,
            left: chunk.recipients.len(),
            in_flight: 0,
            unrecorded: 0,
            filings: Vec::new(),
            throttle: None,
            losses: HashMap::new(),
            chunk: Arc::new(chunk),
        }
    }

    /// The lease.
    pub(super) fn token(&self) -> LeaseToken {
        self.chunk.token
    }

    /// Messages that are left to send.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// The recipient whose turn it is in a strand.
    pub(super) fn front(&self, strand: usize) -> Option<usize> {
        self.strands[strand].left.front().copied()
    }

    /// Takes the recipient whose turn it is out of a strand.
    pub(super) fn take_front(&mut self, strand: usize) {
        self.left -= usize::from(self.strands[strand].left.pop_front().is_some());
    }

    /// Sends a recipient to the back of a strand.
    pub(super) fn put_back(&mut self, strand: usize, index: usize) {
        self.strands[strand].left.push_back(index);
        self.left += 1;
    }

    /// Takes everyone out of a strand.
    pub(super) fn take_strand(&mut self, strand: usize) -> VecDeque<usize> {
        let taken = std::mem::take(&mut self.strands[strand].left);
        self.left -= taken.len();
        taken
    }

    /// Takes those out of a strand whom `is_meant` names.
    pub(super) fn take_from(
        &mut self,
        strand: usize,
        is_meant: impl Fn(&ChunkRecipient) -> bool,
    ) -> Vec<usize> {
        let recipients = &self.chunk.recipients;
        let mut taken = Vec::new();
        self.strands[strand].left.retain(|index| {
            let is_meant = is_meant(&recipients[*index]);
            taken.extend(is_meant.then_some(*index));
            !is_meant
        });
        self.left -= taken.len();
        taken
    }

    /// A recipient, already out of its strand, waits in this lane until then.
    pub(super) fn leave(&mut self, index: usize, lane: LaneName, due_at: Timestamp) {
        let recipient = self.chunk.recipients[index].recipient;
        self.filings.push(Filing {
            recipient,
            lane,
            due_at,
        });
    }

    /// Takes everyone out whom `is_meant` names.
    pub(super) fn take_out(&mut self, is_meant: impl Fn(&ChunkRecipient) -> bool) -> Vec<usize> {
        let strands = 0..self.strands.len();
        strands
            .flat_map(|strand| self.take_from(strand, &is_meant))
            .collect()
    }

    /// Whether the lease can end now.
    pub(super) fn is_done(&self) -> bool {
        let is_quiet = self.in_flight == 0 && self.unrecorded == 0;
        match self.stage {
            Stage::Loading | Stage::Ending => false,
            Stage::Working => is_quiet && self.left == 0,
            Stage::Stopping => is_quiet,
        }
    }

    /// Whether it only waits, and has for so long that its lease is not to be extended for it.
    /// What is under way is in a phase of its session, and each has a deadline of its own.
    pub(super) fn is_still(&self, now: Timestamp) -> bool {
        let is_waiting = matches!(self.stage, Stage::Loading | Stage::Working);
        let is_quiet = self.in_flight == 0 && self.unrecorded == 0;
        is_waiting && is_quiet && self.worked_at.plus(HAND_STILL_MAX) <= now
    }

    /// Lets nothing new of it begin.
    pub(super) fn stop(&mut self) {
        if self.stage != Stage::Ending {
            self.stage = Stage::Stopping;
        }
    }
}
