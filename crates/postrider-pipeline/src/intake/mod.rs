//! The shell of the intake: lists in, chunks in the store.
//!
//! Each audience that grows has one *desk*, a task that holds what is known of it: the addresses
//! and the open chunks. All lists for it, however many come at once, are parsed on their own and
//! admitted at that desk, so no address gets in twice, and it needs no lock.
//!
//! ```text
//! list --parse--> recipients --+
//! list --parse--> recipients --+--> desk: known? --> batcher --> File requests --> store
//! ```
//!
//! **`accepted` means durable.** A list is answered when all that the desk has admitted so far is
//! in the store: its own recipients, and those of other lists that its duplicates repeat.
//!
//! **A desk that fails is dropped**, with all that it knew, once the requests in flight have come
//! back. The next list for that audience gets a new desk, which learns from the store what is
//! really there. So an address whose filing failed is forgotten, and posting the list again
//! continues. A desk that nobody needs ends by itself after a minute.
//!
//! The desks of one process do not know those of another: an audience grows in one process.

mod ask;
mod book;
mod desk;
mod error;
mod list;
mod registry;
#[cfg(test)]
mod tests;

pub use crate::audience::Format;
pub use error::{IntakeError, IntakeReport};
pub use list::Intake;
pub use registry::Audiences;
