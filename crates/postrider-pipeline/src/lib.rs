//! From an audience to receipts: the way of the data, and the door for embedding.
//!
//! ```text
//! lines --audience--> recipients --batcher--> chunks --store--> core --courier--> receipts
//! ```
//!
//! What decides is [`core`]: `handle(event, now, rng) -> effects`, without async and without a
//! store handle. The shell in [`engine`] carries the effects out on tokio; a simulator is another
//! shell over the same core.

pub mod audience;
pub mod batcher;
pub mod bounds;
pub mod clock;
mod compose;
pub mod core;
mod courier;
pub mod engine;
pub mod intake;
mod recovery;
pub mod rehydrate;
pub mod report;
pub mod settings;
mod shell;
pub mod status;

pub use clock::{Clock, SystemClock};
pub use engine::Postrider;
pub use settings::Settings;
pub use status::Status;
