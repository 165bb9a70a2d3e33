//! The state of one quota.

/// What a quota remembers: the theoretical arrival time of its next cell, in nanoseconds since
/// the Unix epoch, or nothing when none was ever taken.
///
/// At or before now it is the slot that was planned next, and the whole burst is there. Ahead of
/// now it counts what is used up: one interval for each cell of the burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell(Option<u64>);

impl Cell {
    /// A cell as a store or another process kept it. Any number will do: one that is too far
    /// ahead is clamped by the next decision.
    pub const fn from_nanos(nanos: Option<u64>) -> Self {
        Self(nanos)
    }

    /// What to keep: nanoseconds since the Unix epoch, `None` when nothing was ever taken.
    pub const fn as_nanos(self) -> Option<u64> {
        self.0
    }
}
