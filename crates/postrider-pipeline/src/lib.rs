//! From an audience to receipts: the way of the data, and the door for embedding.
//!
//! ```text
//! lines --audience--> recipients --batcher--> chunks --store--> core --courier--> receipts
//! ```
//!
//! What decides is [`core`]: `handle(event, now, rng) -> effects`, without async and without a
//! store handle. The shell in [`engine`] carries the effects out on tokio; a simulator is another
//! shell over the same core.

mod alarm;
pub mod audience;
pub mod batcher;
pub mod bounds;
#[cfg(any(test, feature = "simulation"))]
mod chance;
pub mod clock;
pub mod compose;
pub mod core;
mod courier;
pub mod engine;
mod failpoints;
pub mod in_hand;
pub mod intake;
pub mod places;
mod recovery;
pub mod rehydrate;
pub mod report;
pub mod settings;
mod shell;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
mod solo;
mod starter;
pub mod status;
mod terms;
pub mod worker;

pub use clock::{Clock, SystemClock};
pub use engine::Postrider;
pub use recovery::Life;
pub use settings::Settings;
pub use status::Status;
pub use terms::Terms;
pub use worker::Worker;
