//! What every backend must do: one suite of scenes, run against each of them.
//!
//! A scene is one edge of the state diagram or one rule of the module docs. Whatever it does, it
//! ends with the same examination (see `world`): the balance, a reopened store that says the
//! same, and a drain that finds each open delivery in exactly one place.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the test functions"
)]

#[macro_use]
mod scenes;

mod attempts;
mod campaigns;
mod doubt;
mod examine;
mod intake;
mod lanes;
mod leases;
mod model;
mod reads;
mod requests;
mod restart;
mod steps;
mod world;
