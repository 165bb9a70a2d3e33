//! Lists: one page, and where the next one begins.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Whether another page follows.
    pub has_more: bool,
    /// The cursor of the next page: hand it back as it is. `None` on the last one.
    pub next: Option<String>,
}

/// A stretch of the attempt log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed<T> {
    /// The entries, oldest first.
    pub data: Vec<T>,
    /// The number to ask `after` next time, also when nothing is there yet.
    pub next: u64,
    /// Whether more is there already.
    pub has_more: bool,
}
