//! What will happen, by its instant; what comes at one instant comes in the order it was put in.

use std::collections::BTreeMap;

use postrider_types::Timestamp;

/// Things to come.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    next: u64,
    entries: BTreeMap<(Timestamp, u64), T>,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Self {
            next: 0,
            entries: BTreeMap::new(),
        }
    }

    pub(super) fn put(&mut self, at: Timestamp, what: T) {
        self.entries.insert((at, self.next), what);
        self.next += 1;
    }

    /// Takes the next thing out, with its instant.
    pub(super) fn take(&mut self) -> Option<(Timestamp, T)> {
        let ((at, _), what) = self.entries.pop_first()?;
        Some((at, what))
    }

    /// Forgets everything that does not stay.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(Timestamp, &T) -> bool) {
        self.entries.retain(|(at, _), what| stays(*at, what));
    }
}
