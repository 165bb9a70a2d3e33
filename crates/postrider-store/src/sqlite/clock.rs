//! A clock that is behind the store: it was ahead when the service ran last, or is wrong today.
//!
//! What waits has an instant at which it is due, and what was filed when the clock was ahead waits
//! until the clock gets there again. An instant that was meant cannot be told from one that is
//! wrong, and a retry must not come early, so nothing is moved; but a start says so, with the way
//! out.

use postrider_types::Timestamp;
use rusqlite::Connection;

use super::incarnation;
use crate::bounds::CLOCK_BEHIND_MAX;
use crate::error::StoreError;

/// Says when the newest thing that the store knows is of a time that lies well ahead of `now`.
pub(super) fn expect_ahead(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let newest = incarnation::newest(connection)?;
    if newest.since(now) > CLOCK_BEHIND_MAX {
        tracing::warn!(
            %newest,
            "the clock is behind what the store holds; if it was ahead before, what was filed then \
             waits until the clock gets there: cancel such a campaign and retry what was cancelled \
             of it, which files it anew"
        );
    }
    Ok(())
}
