//! Whole sessions against a scripted server: every rule, every cut, every deadline.
//!
//! Time is paused, so a wait that never ends fails at its deadline within no time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broken_offers;
mod chance;
mod chunks;
mod courier;
mod cuts;
mod deadlines;
mod deaf;
mod early_replies;
mod endings;
mod groups;
mod line;
mod lost_step;
mod opening;
mod receiver;
mod rounds;
mod script;
mod transactions;
