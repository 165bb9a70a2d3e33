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

mod answers;
mod attempts;
mod campaigns;
mod damage;
mod doubt;
mod erasure;
mod examine;
mod hangs;
mod intake;
mod lanes;
mod leases;
mod ledger;
mod model;
mod people;
mod poison;
mod policies;
mod purge;
mod quarantine;
mod reads;
mod remote;
mod requests;
mod resolve;
mod restart;
mod retention;
mod retry;
mod schedule;
mod states;
mod steps;
mod suspects;
mod tenants;
mod trials;
mod unreadable;
mod world;
