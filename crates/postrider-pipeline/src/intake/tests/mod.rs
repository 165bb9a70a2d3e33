//! Lists and stores as they come, under paused time.

mod failures;
mod growing;
mod lists;
mod world;
