//! Cuts an audience into chunks, one lane each, without I/O.
//!
//! A chunk is ready when it is full (500 recipients or 256 KiB), when it is 200 ms old, or as the
//! oldest one when there are too many (1,024 open chunks, or 32 MiB in all of them). So what is
//! held is bounded, sending starts while reading goes on, and a list sorted by domain makes full
//! chunks as well as a mixed one.

mod lanes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use postrider_types::bounds::{CHUNK_BYTES_MAX, CHUNK_RECIPIENTS_MAX};
use postrider_types::{
    Address, ChunkRecipient, Domain, LaneName, RecipientId, Timestamp, Variables,
};

use self::lanes::Lanes;
use crate::bounds::{OPEN_AGE_MAX, OPEN_BYTES_MAX, OPEN_CHUNKS_MAX};

/// The open chunks of one audience.
///
/// `S` is the source of a recipient: a chunk says how many it has from each, so that each
/// source can count what became durable.
#[derive(Debug)]
pub struct Batcher<S> {
    lanes: Lanes,
    /// Where each lane's open chunk is in `open`.
    by_lane: HashMap<LaneName, Opened>,
    /// In the order in which they were opened.
    open: BTreeMap<Opened, OpenChunk<S>>,
    last_opened: Opened,
    /// Of all open chunks.
    bytes: usize,
}

/// The how-manieth chunk this is that was opened.
type Opened = u64;

#[derive(Debug)]
struct OpenChunk<S> {
    chunk: ReadyChunk<S>,
    opened_at: Timestamp,
    bytes: usize,
}

/// A chunk that is to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyChunk<S> {
    /// The lane of all of its recipients.
    pub lane: LaneName,
    /// The recipients, in the order of their lines.
    pub recipients: Vec<(Address, Variables)>,
    /// How many of them come from each source.
    pub shares: Vec<(S, u64)>,
}

impl<S: PartialEq> Batcher<S> {
    /// No open chunk; each domain in `configured` has a lane of its own.
    pub fn new(configured: HashSet<Domain>) -> Self {
        Self {
            lanes: Lanes::new(configured),
            by_lane: HashMap::new(),
            open: BTreeMap::new(),
            last_opened: 0,
            bytes: 0,
        }
    }

    /// Counts a recipient that was filed earlier towards its domain's own lane.
    pub fn count(&mut self, address: &Address) {
        self.lanes.next(address);
    }

    /// Puts a recipient into the open chunk of its lane, and appends what is ready with it, or
    /// has to make room for it, to `ready`.
    pub fn push(
        &mut self,
        (address, variables): (Address, Variables),
        source: S,
        ready: &mut Vec<ReadyChunk<S>>,
        now: Timestamp,
    ) {
        let lane = self.lanes.next(&address);
        let (bytes, address, variables) = measured(address, variables);
        let mut opened = self.by_lane.get(&lane).copied();
        if let Some(full) = opened.filter(|it| self.open[it].bytes + bytes > CHUNK_BYTES_MAX) {
            ready.extend(self.take(full));
            opened = None;
        }
        let opened = opened.unwrap_or_else(|| self.open_chunk(lane, now));
        let open = self
            .open
            .get_mut(&opened)
            .expect("it was found or opened just now");
        open.chunk.recipients.push((address, variables));
        match open.chunk.shares.last_mut() {
            Some((last, share)) if *last == source => *share += 1,
            _ => open.chunk.shares.push((source, 1)),
        }
        open.bytes += bytes;
        self.bytes += bytes;
        if open.chunk.recipients.len() == CHUNK_RECIPIENTS_MAX {
            ready.extend(self.take(opened));
        }
        while self.open.len() > OPEN_CHUNKS_MAX || self.bytes > OPEN_BYTES_MAX {
            ready.extend(self.take_oldest());
        }
    }

    /// When the oldest open chunk is 200 ms old; `None` when none is open.
    pub fn due_at(&self) -> Option<Timestamp> {
        let (_, oldest) = self.open.first_key_value()?;
        Some(oldest.opened_at.plus(OPEN_AGE_MAX))
    }

    /// The chunks that are 200 ms old.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<ReadyChunk<S>> {
        let mut due = Vec::new();
        while self.due_at().is_some_and(|due_at| due_at <= now) {
            due.extend(self.take_oldest());
        }
        due
    }

    /// All open chunks, oldest first.
    pub fn take_all(&mut self) -> Vec<ReadyChunk<S>> {
        self.by_lane.clear();
        self.bytes = 0;
        let open = std::mem::take(&mut self.open);
        open.into_values().map(|open| open.chunk).collect()
    }

    fn open_chunk(&mut self, lane: LaneName, now: Timestamp) -> Opened {
        self.last_opened += 1;
        self.by_lane.insert(lane.clone(), self.last_opened);
        let chunk = ReadyChunk {
            lane,
            recipients: Vec::new(),
            shares: Vec::new(),
        };
        let open = OpenChunk {
            chunk,
            opened_at: now,
            bytes: 0,
        };
        self.open.insert(self.last_opened, open);
        self.last_opened
    }

    fn take_oldest(&mut self) -> Option<ReadyChunk<S>> {
        let (&oldest, _) = self.open.first_key_value()?;
        self.take(oldest)
    }

    fn take(&mut self, opened: Opened) -> Option<ReadyChunk<S>> {
        let OpenChunk { chunk, bytes, .. } = self.open.remove(&opened)?;
        self.by_lane.remove(&chunk.lane);
        self.bytes -= bytes;
        Some(chunk)
    }
}

/// What a recipient takes in a stored chunk, as the store will count it.
fn measured(address: Address, variables: Variables) -> (usize, Address, Variables) {
    let recipient = ChunkRecipient {
        recipient: RecipientId(0),
        address,
        variables,
        attempts: 0,
        first_attempt_at: None,
        deaths: 0,
    };
    (
        recipient.stored_bytes(),
        recipient.address,
        recipient.variables,
    )
}
