//! The bodies that chunks in hand need, within a budget.
//!
//! Room is taken before a body is loaded, for what it will take as far as its stored size tells;
//! when it is there, for what it does take. Whoever finds no room goes back to the store and comes
//! again. Where nothing else has room, every body gets some that could fit at all: so each of
//! them comes in some day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postrider_types::{EmailId, TenantId};

use super::Body;

/// An email and its owner: what one tenant lacks, another may have.
pub(super) type Key = (TenantId, EmailId);

/// Bodies by the chunks that hold them.
#[derive(Debug)]
pub(super) struct InUse {
    bytes_max: u64,
    entries: Mutex<HashMap<Key, Entry>>,
}

/// A body that chunks in hand need; empty while it is being loaded.
#[derive(Debug, Default)]
struct Entry {
    holders: usize,
    /// The room that it has; 0 when it has none.
    bytes: u64,
    body: Option<Arc<Body>>,
}

/// What became of a wish for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It has it.
    Taken,
    /// The others leave too little.
    Full,
    /// Nobody holds the body any more.
    Unwanted,
}

impl InUse {
    /// Nothing yet, of at most so many bytes.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            entries: Mutex::default(),
        }
    }

    /// The most that all of them may take.
    pub(super) const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// One holder more.
    pub(super) fn hold(&self, key: Key) {
        self.entries().entry(key).or_default().holders += 1;
    }

    /// One holder less; with the last one the body gives up its room.
    pub(super) fn let_go(&self, key: Key) {
        let mut entries = self.entries();
        if let Some(entry) = entries.get_mut(&key) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.remove(&key);
            }
        }
    }

    /// A body that is there.
    pub(super) fn get(&self, key: Key) -> Option<Arc<Body>> {
        let entries = self.entries();
        entries.get(&key).and_then(|entry| entry.body.clone())
    }

    /// Takes room for a body; one that has room keeps what it has.
    pub(super) fn take(&self, key: Key, bytes: u64) -> Room {
        let mut entries = self.entries();
        let taken: u64 = entries.values().map(|entry| entry.bytes).sum();
        match entries.get_mut(&key) {
            None => Room::Unwanted,
            Some(entry) if entry.bytes > 0 => Room::Taken,
            Some(_) if taken > 0 && taken.saturating_add(bytes) > self.bytes_max => Room::Full,
            Some(entry) => {
                entry.bytes = bytes.max(1);
                Room::Taken
            }
        }
    }

    /// A body came, and takes so many bytes.
    pub(super) fn put(&self, key: Key, body: Arc<Body>, bytes: u64) {
        if let Some(entry) = self.entries().get_mut(&key) {
            entry.bytes = bytes.max(1);
            entry.body = Some(body);
        }
    }

    /// A body did not come.
    pub(super) fn give_up(&self, key: Key) {
        if let Some(entry) = self.entries().get_mut(&key)
            && entry.body.is_none()
        {
            entry.bytes = 0;
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        // Nothing under this lock can panic half way.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(number: u8) -> Key {
        (TenantId::DEFAULT, EmailId::from_bytes([number; 32]))
    }

    #[test]
    fn what_does_not_fit_beside_the_others_has_no_room_until_they_go() {
        let in_use = InUse::new(100);
        for number in [1, 2, 3] {
            in_use.hold(email(number));
        }
        assert_eq!(in_use.take(email(1), 60), Room::Taken);
        assert_eq!(in_use.take(email(2), 40), Room::Taken);
        assert_eq!(in_use.take(email(3), 1), Room::Full);
        in_use.let_go(email(1));
        assert_eq!(in_use.take(email(3), 61), Room::Full);
        assert_eq!(in_use.take(email(3), 60), Room::Taken);
    }

    #[test]
    fn a_body_has_room_once_however_many_hold_it() {
        let in_use = InUse::new(100);
        in_use.hold(email(1));
        in_use.hold(email(1));
        assert_eq!(in_use.take(email(1), 60), Room::Taken);
        assert_eq!(in_use.take(email(1), 60), Room::Taken);
        in_use.let_go(email(1));
        in_use.hold(email(2));
        assert_eq!(in_use.take(email(2), 60), Room::Full);
        in_use.let_go(email(1));
        assert_eq!(in_use.take(email(2), 60), Room::Taken);
    }

    #[test]
    fn one_alone_always_has_room_and_one_that_failed_gives_it_back() {
        let in_use = InUse::new(100);
        in_use.hold(email(1));
        in_use.hold(email(2));
        assert_eq!(in_use.take(email(1), 1_000), Room::Taken);
        assert_eq!(in_use.take(email(2), 1), Room::Full);
        in_use.give_up(email(1));
        assert_eq!(in_use.take(email(2), 1), Room::Taken);
    }

    #[test]
    fn what_nobody_holds_gets_no_room() {
        let in_use = InUse::new(100);
        assert_eq!(in_use.take(email(1), 1), Room::Unwanted);
    }
}
