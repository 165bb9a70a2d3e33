//! Whole lives of the service by chance, under simulated time: another shell over the same core.
//!
//! One seed is one schedule. Several workers, each with a real [`Core`](crate::core::Core), ask a
//! store with the real rules (`postrider_store::protocol` over the memory store's rows), while
//! everything goes wrong together: workers die and stand still, the service dies, wall clocks
//! jump, the store is down, slow, and loses answers, requests come twice and overtake each other,
//! and receivers refuse, take, drop and forget. The receivers count the copies, and after every
//! step the [`oracle`] looks whether everything holds that must. Then the faults stop, and
//! everything must come to its end.
//!
//! The same seed is the same schedule, to the last line of its log, so a seed that fails is all
//! that a report needs (`docs/simulation.md`).
//!
//! What is deliberately not here: disks, sockets and signals. No simulator sees into them; other
//! tests do, with real processes.

mod agenda;
mod carrying;
mod counts;
mod examine;
mod faults;
mod host;
mod late;
mod log;
mod long_wait;
mod many;
mod mutation;
mod oracle;
mod people;
mod plan;
mod poison;
mod receiver;
mod removal;
mod shares;
#[cfg(test)]
mod tests;
mod worker;
mod world;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use counts::Counts;
pub use long_wait::LongWait;
pub use mutation::{Mutation, MutationError};

use crate::settings::Settings;
use oracle::Violation;
use world::World;

/// How a schedule is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A check that is left out, to see whether anything notices.
    pub mutation: Option<Mutation>,
    /// Whether the lines of the log are kept.
    pub is_logged: bool,
}

/// One schedule, to its end.
#[derive(Debug)]
pub struct Schedule {
    /// The seed.
    pub seed: u64,
    /// What happened, as numbers.
    pub counts: Counts,
    /// What must never be, and was; with it, the schedule ended.
    pub violation: Option<String>,
    /// The hash of the log.
    pub hash: u64,
    /// The log, if it was wanted.
    pub lines: Vec<String>,
}

/// Runs schedules. Making one loads what is known of providers and replies, once for all.
#[derive(Debug)]
pub struct Simulator {
    settings: Settings,
    options: Options,
}

impl Simulator {
    /// One that runs all schedules in the same way.
    ///
    /// # Panics
    /// Never: the address of the relay is a constant.
    pub fn new(options: Options) -> Self {
        let settings = Settings::for_relay("smtp://127.0.0.1:25").expect("it is an address");
        Self { settings, options }
    }

    /// Runs the schedule of one seed. A panic inside of it is a violation too.
    pub fn run(&self, seed: u64) -> Schedule {
        let mut world = World::new(seed, &self.settings, self.options);
        let lived = catch_unwind(AssertUnwindSafe(|| world.live()));
        Schedule::of(seed, world, lived)
    }
}

impl Schedule {
    /// What came of a world; a panic in it is a violation too.
    fn of(
        seed: u64,
        mut world: World,
        lived: Result<Result<(), Violation>, Box<dyn Any + Send>>,
    ) -> Self {
        let violation = match lived {
            Ok(Ok(())) => None,
            Ok(Err(violation)) => Some(violation.to_string()),
            Err(panic) => Some(format!("panicked: {}", words(panic.as_ref()))),
        };
        let counted = world.count_lost();
        let violation = violation.or_else(|| counted.err().map(|what| what.to_string()));
        Self {
            seed,
            violation,
            hash: world.log.hash(),
            counts: world.oracle.counts,
            lines: world.log.into_lines(),
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}
