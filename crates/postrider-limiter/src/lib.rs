//! Quotas and decisions: (quota, cell, now) → yes, or not until t.
//!
//! # Policy
//!
//! A quota is a [`Rate`](postrider_types::Rate) and the [`Cell`] that remembers what it has given
//! out. Cells come one interval apart; after a pause at most the burst comes at once. This is
//! GCRA, the generic cell rate algorithm of ITU-T I.371, and the arithmetic is `governor`'s
//! (0.10.4, `gcra.rs`): one number per quota, the theoretical arrival time of the next cell.
//!
//! **All or none.** A send needs a yes from every quota that applies. [`decide`] asks each on a
//! scratch cell and writes the cells only when all have agreed; of several refusals the latest
//! counts, and a closed rate outweighs them all.
//!
//! **Slots are planned.** Slot i is at t0 + i·T. A send that is late by at most min(T/2, 20 ms)
//! does not move the later slots; one that is later does. If every decision started its interval
//! on arrival, each lateness of a timer would be lost for ever: measured, that gives 93 % of
//! `50/s` and 82 % of `200/s`, where planned slots give 100 % and 99.9 %.
//!
//! **What the receiver may see** in any window w: rate × (w + min(T/2, 20 ms)) + burst, plus
//! what the way to the receiver adds. For `50/s` that is 51.5 in one second, so never more
//! than 51 here.
//!
//! **State outlives its surroundings.** A cell holds absolute time, so it survives another rate,
//! a restart and a hand-over to another process. A cell further ahead than now + burst ×
//! interval cannot have come from this rate and this clock; it is clamped there, so that
//! neither a faster rate nor a clock that was set back closes a destination.
//!
//! # What is deliberately not here
//!
//! No clock, no waiting, no keys, no shared state: `now` is an argument, the caller keeps the
//! cells and moves a refused lane to the time it was told. Counts over a window (`10000 per
//! day`) are another type with another spelling.

mod cell;
mod decide;
mod gcra;
#[cfg(test)]
mod properties;

pub use cell::Cell;
pub use decide::{Decision, decide, give_back};
