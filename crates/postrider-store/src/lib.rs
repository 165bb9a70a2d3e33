//! What is durable: emails, campaigns, chunks, leases, receipts and the attempt log.
//!
//! The hot store speaks values: a [`Request`] goes in and a [`Reply`] comes out. A backend is
//! `apply(batch, now) -> replies`, one batch and one commit, on a thread of its own, so group
//! commit, replay and simulation are one mechanism. The rules live once, in [`protocol`], over
//! the few keyed operations of [`Tables`]; a backend only keeps rows.
//!
//! Invariants, held by `protocol` and tested for every backend by one conformance suite:
//!
//! - **A begun delivery is never re-armed by itself.** When its lease ends without an outcome it
//!   becomes `in_doubt`.
//! - **Each open delivery is in exactly one chunk** that is queued, parked or leased; a chunk
//!   whose work is done stays as the home of its recipients' variables.
//! - **The balance**: a campaign's audience is the sum of its tally, at every commit.
//! - **What is answered is durable**: a reply leaves after its commit.

pub mod answers;
pub mod bounds;
pub mod counts;
pub mod error;
pub mod handle;
pub mod memory;
pub mod protocol;
pub mod quarantine;
pub mod read;
pub mod remote;
pub mod removal;
pub mod request;
pub mod rows;
pub mod selection;
pub mod share;
pub mod sqlite;
pub mod tables;
pub mod upkeep;
mod writer;

pub use error::StoreError;
pub use handle::{Backend, Store};
pub use read::Reader;
pub use request::{Claimed, Filing, Refused, Reply, Request};
pub use share::Share;
pub use tables::Tables;
