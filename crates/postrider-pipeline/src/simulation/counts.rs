//! What happened in a schedule, or in many, as numbers.

use std::fmt;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $label:literal,)*) => {
        /// Numbers of one schedule, or of many together.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counts {
            /// Adds those of another schedule.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Display for Counts {
            /// One line for each number.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>14}  {}", self.$name, $label)?;)*
                Ok(())
            }
        }
    };
}

counts! {
    /// Schedules that were run to their end.
    schedules: "schedules",
    /// Things that happened.
    steps: "steps",
    /// Requests that the store did, repeated ones included.
    requests: "requests to the store",
    /// Recipients.
    recipients: "recipients",
    /// Messages that the receiver took.
    accepts: "accepts",
    /// Copies that a recipient got although nobody asked for a second one.
    duplicates: "duplicates",
    /// Deliveries that ended without a copy, a reason or a doubt.
    lost: "lost",
    /// Deliveries that are delivered at the end.
    delivered: "delivered",
    /// Deliveries that are in doubt at the end.
    in_doubt: "in doubt at the end",
    /// Deliveries that ended in any other state.
    others: "ended otherwise (bounced, expired, failed, cancelled ...)",
    /// Times that a delivery came into doubt.
    doubts: "times in doubt",
    /// Of those, how often nothing had been sent, and only its worker knew.
    doubts_unsent: "of these, nothing had been sent",
    /// Doubts that a late outcome settled.
    settled: "doubts settled by a late outcome",
    /// Doubts that a person or a policy ended.
    resolved: "doubts ended by a person or a policy",
    /// Copies that were sent because a person or a policy wanted another try.
    retried: "second copies that were asked for",
    /// Workers that were killed.
    kills: "workers killed",
    /// Workers that stood still.
    pauses: "workers paused",
    /// Pauses that were longer than a lease.
    stale: "pauses longer than a lease",
    /// Starts of the whole service after it was killed.
    restarts: "restarts of the service",
    /// Of those, how many were of the whole machine.
    reboots: "of these, of the machine",
    /// Wall clocks that were set.
    jumps: "jumps of the wall clock",
    /// Times that the store could not write.
    outages: "outages of the store",
    /// Times that the store was ten times slower.
    slowdowns: "slow spells of the store",
    /// Answers of the store that were lost.
    lost_answers: "answers of the store lost",
    /// Answers of the store that took seconds.
    late_answers: "answers of the store late",
    /// Requests that came twice.
    repeats: "requests that came twice",
    /// Workers that died of a message or of a body.
    poison: "deaths by a message or a body",
    /// Deliveries that were quarantined because workers, or a trial, died of them.
    quarantined: "recipients quarantined for that",
    /// Of those, how many were only twice in the hands of a worker that something else killed.
    coincidences: "of these, innocent by coincidence",
    /// Emails that were quarantined for deaths.
    emails: "emails quarantined for that",
    /// Bodies that somebody could not use.
    unusable: "bodies that could not be used",
    /// Bodies for which there was no room.
    no_room: "bodies without room",
    /// Dots that were not written, because the worker stood still before them for too long.
    late_dots: "dots that came too late and were not written",
    /// Recipients that were erased.
    erased: "recipients erased",
    /// Things that people did.
    deeds: "things that people did",
}
